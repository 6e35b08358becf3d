"""Exports as tasks: what stands in the Prefect UI while one is made, and of what was made."""

from collections.abc import Sequence
from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from grace.export.history import Finished
from grace.export.request import ExportRequest
from grace.export.sealing import Sealed, Tell
from grace.export.validated import Validated
from grace.markdown import facts, plain
from grace.settings import Settings
from grace.store import open_store
from tasks.exporting import export
from tasks.progress import Progress
from tasks.validation import validate_sealed

__all__ = ["export_log", "publish_export"]


@task
def export_log(settings: Settings, request: ExportRequest, now: datetime) -> Finished:
    """Export what is signed; the validation is an artifact, also where it ends the run."""
    store = open_store(settings.url, create=False)
    progress = Progress(f"export-progress-{settings.log}")

    def validate(sealed: Sealed, tables: Sequence[str], low: int, tell: Tell) -> Validated:
        found = validate_sealed(sealed, tables, low, tell)
        _publish_validation(settings, found)
        return found

    return export(settings, store, request, now, validate=validate, tell=progress)


@task
def publish_export(settings: Settings, finished: Finished) -> None:
    """What the archive holds and where it lies."""
    held = ", ".join(finished.tables) or "ledger, checkpoints and key"
    told = [
        ("format", finished.format),
        ("rows", f"{finished.rows:,}"),
        ("ledger index", f"from {finished.low:,} to below {finished.size:,}"),
        ("bytes", f"{finished.bytes:,}"),
        ("validated", "yes" if finished.validated else "no"),
    ]
    create_markdown_artifact(
        f"## Export of {finished.rows:,} rows\n\n{facts(told)}\n"
        f"It holds {plain(held)}.\n\n```\n{_in_code(finished.path)}\n```\n\n"
        "Checked anywhere by `grace verify ARCHIVE --key PUB`.\n",
        key=f"export-{settings.log}",
        description=f"{finished.rows:,} rows of {settings.log}",
    )


def _in_code(path: str) -> str:
    """To be copied as it is: nothing in it ends the code."""
    return path.replace("`", "'").replace("\n", " ")


def _publish_validation(settings: Settings, found: Validated) -> None:
    tables = found.result["tables"]
    assert isinstance(tables, dict)
    rows = [
        {
            "table": name,
            "rows": told["rows"],
            "expectations": len(told["expectations"]),
            "not met": "; ".join(
                f"{expectation} ({count})"
                for expectation, count in told["expectations"].items()
                if count
            ),
        }
        for name, told in tables.items()
    ]
    create_table_artifact(
        rows,
        key=f"validation-{settings.log}",
        description=f"{len(found.failures)} expectations not met",
    )

"""Files and databases into the log as tasks of a flow run: with progress, an artifact, an end."""

from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE

from grace.errors import BadInput, CheckFailed
from grace.ingestion.counts import Ingested, SourceCounts
from grace.ingestion.requests import FileIngestion, SqlIngestion
from grace.markdown import plain
from grace.settings import Settings
from grace.spool import take_spool
from grace.store import open_store
from tasks.ingest_files import ingest_files
from tasks.ingest_sql import ingest_sql
from tasks.intake import telling
from tasks.log_access import reachable
from tasks.sql_engine import with_password

__all__ = ["check_ingested", "load_database", "load_files", "load_spool", "publish_ingested"]

TELL_EVERY = 100_000  # rows


@task(cache_policy=NO_CACHE, persist_result=False, log_prints=True)
def load_files(settings: Settings, request: FileIngestion, now: datetime) -> Ingested:
    """Raises BadInput where a path names nothing; a file that cannot be read has its error."""
    with reachable():
        store = open_store(settings.url)
    said = telling(print, TELL_EVERY)
    done = ingest_files(
        store, request.paths, now, table=request.table, timezone=request.zone, progress=said
    )
    print(done)
    return done


@task(cache_policy=NO_CACHE, persist_result=False, log_prints=True)
def load_database(settings: Settings, request: SqlIngestion, now: datetime) -> Ingested:
    """Raises BadInput where the database cannot be opened; a table has its own error."""
    with reachable():
        store = open_store(settings.url)
    url = request.url
    if request.password_block is not None:
        url = with_password(url, _secret(request.password_block))
    said = telling(print, TELL_EVERY)
    done = ingest_sql(store, url, now, timezone=request.zone, progress=said)
    print(done)
    return done


@task(cache_policy=NO_CACHE, persist_result=False, log_prints=True)
def load_spool(settings: Settings, now: datetime) -> Ingested:
    """What loggers left while the log was away."""
    with reachable():
        done = take_spool(open_store(settings.url), settings.log_dir / "spool", now)
    print(done)
    return done


def publish_ingested(settings: Settings, done: Ingested, now: datetime) -> None:
    """One markdown artifact a log, whose versions are the history of its ingestions."""
    create_markdown_artifact(
        f"# Read into the log *{settings.log}*\n\n{now:%Y-%m-%d %H:%M:%S} UTC: {done}.\n\n"
        "| source | table | read | new | there already | quarantined | |\n"
        f"|---|---|---:|---:|---:|---:|---|\n{''.join(map(_line, done.sources))}",
        key=f"ingestion-outside-{settings.log}",
        description="What files and databases brought",
    )


def check_ingested(done: Ingested, strict: bool) -> None:
    """Ends the run as failed: BadInput for what could not be read, CheckFailed for what landed."""
    if done.errors:
        raise BadInput("; ".join(done.errors))
    if complaint := done.complaint(strict):
        raise CheckFailed(f"{complaint}; `grace quarantine list` tells why")


def _secret(block: str) -> str:
    try:
        return str(Secret.load(block).get())  # type: ignore[union-attr]
    except ValueError:
        raise BadInput(f"there is no Secret block {block!r} in Prefect; make one first") from None


def _line(one: SourceCounts) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in one.quarantined.items())
    remarks = "; ".join(said for said in (kinds, one.note, one.error) if said)
    numbers = (one.read, one.landed, one.unchanged, one.refused)
    cells = [one.source, one.table, *map(str, numbers), remarks]
    return f"| {' | '.join(plain(cell) for cell in cells)} |\n"

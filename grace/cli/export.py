"""`grace export` and `grace validate`: the log as files, and whether its rows are sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.bar import bar
from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from grace.export.history import Finished
    from grace.export.sealing import Tell
    from tasks.validation import Broken, Findings

__all__ = ["register"]

MOST_SHOWN = 1000


def register(app: typer.Typer) -> None:
    app.command()(export)
    app.command()(validate)


def export(
    to: Annotated[
        str | None,
        typer.Option(help="Path or fsspec URL. Default: a new file under the data folder."),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", help="parquet, arrow, csv, json or jsonl.")
    ] = "parquet",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this log table; can be repeated.")
    ] = None,
    learning_only: Annotated[
        bool, typer.Option("--learning-only", help="Only what the engines learn from.")
    ] = False,
    crypto_chains: Annotated[
        bool,
        typer.Option("--crypto-chains", help="Ledger, checkpoints and public key; no rows."),
    ] = False,
    since_last: Annotated[
        bool, typer.Option("--since-last", help="Only rows since the last such export.")
    ] = False,
    newest: Annotated[
        bool, typer.Option("--newest", help="Only the newest revision of each row.")
    ] = False,
    folder: Annotated[
        bool, typer.Option("--folder", help="A folder of files instead of a ZIP archive.")
    ] = False,
    zstd: Annotated[bool, typer.Option("--zstd", help="Compress with Zstandard.")] = False,
    age: Annotated[
        str | None, typer.Option("--age", help="Encrypt with age to this public key (age1...).")
    ] = None,
    unvalidated: Annotated[
        bool,
        typer.Option("--unvalidated", help="Write it even where validation fails, and say so."),
    ] = False,
) -> None:
    """Export what is in the log now: signed, validated, and whole or not there at all.

    Exit code 1 where the rows fail their expectations; then no archive is left.

    Example: grace export --format csv --to /backup/grace.zip

    Example: grace export --age age1... --to s3://backups/grace.zip.age
    """
    from grace.cli.verbs import asked, exported

    if sum((bool(table), learning_only, crypto_chains)) > 1:
        raise BadInput("--table, --learning-only and --crypto-chains exclude one another")
    scope = "tables" if table else "learning" if learning_only else "all"
    request = asked(
        scope="crypto-chains" if crypto_chains else scope,
        tables=table or [],
        format=format,
        since_last=since_last,
        newest=newest,
        folder=folder,
        zstd=zstd,
        age=age,
        to=to,
        unvalidated=unvalidated,
    )
    with bar() as tell:
        finished = exported(settings(), request, tell)
    emit(finished.model_dump(), lambda: _account(finished))


def _account(finished: "Finished") -> str:
    of = f" from ledger index {finished.low:,} on" if finished.low else ""
    verdict = {True: "validated", False: "NOT valid", None: "no rows to validate"}
    return (
        f"Exported {finished.rows:,} rows{of}, {verdict[finished.validated]}, "
        f"{finished.bytes:,} bytes.\n{finished.path}"
    )


def validate(
    archive: Annotated[
        str | None, typer.Argument(help="An archive, a path or URL. Default: the log itself.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this log table; can be repeated.")
    ] = None,
    failing: Annotated[
        bool, typer.Option("--failing", help="Show the rows that fail, whole.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_SHOWN, help="How many of them at most.")
    ] = 20,
    data_docs: Annotated[
        Path | None,
        typer.Option("--data-docs", help="Write the Data Docs of Great Expectations there."),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="The age key file of an encrypted archive.")
    ] = None,
) -> None:
    """Check every row against the expectations of its table; exit code 1 where some are not met.

    Example: grace validate --failing --limit 5

    Example: grace validate s3://backups/grace.zip
    """
    with bar() as tell:
        found = _found(archive, table, limit if failing else 0, data_docs, identity, tell)
    rows = [_broken(one) for one in found.broken]
    told = {**found.validated.result, "failures": found.failures, "failing": rows}
    emit(told, lambda: _findings(found))
    if found.failures:
        raise CheckFailed(f"{len(found.failures)} expectations are not met")


def _found(
    archive: str | None,
    tables: list[str] | None,
    failing: int,
    data_docs: Path | None,
    identity: Path | None,
    tell: "Tell",
) -> "Findings":
    from grace.cli.archive import key_of_age
    from grace.export.archive import opened
    from grace.export.progress import within
    from grace.export.proving import batches_of
    from grace.export.rows import read_rows
    from grace.notary.head import head_size
    from grace.store import open_store
    from grace.store.append import log_table
    from grace.store.schema import LOGS
    from tasks.archive_source import reading
    from tasks.validation import validate as run

    chosen = [log_table(name).name for name in tables or LOGS]
    if archive is None:
        with open_store(settings().url, create=False).reading() as connection:
            size = head_size(connection)
            return run(
                lambda name: read_rows(connection, LOGS[name], 0, size),
                chosen,
                tell,
                failing=failing,
                data_docs=data_docs,
            )
    with (
        reading(archive, within(tell, 0.0, 0.2)) as source,
        opened(source, key_of_age(identity), within(tell, 0.2, 0.4)) as found,
    ):
        held = [name for name in chosen if name in found.manifest.tables]
        return run(
            lambda name: batches_of(found, name),
            held,
            within(tell, 0.4, 1.0),
            failing=failing,
            data_docs=data_docs,
        )


def _findings(found: "Findings") -> str:
    from rich.markup import escape

    rows = sum(found.rows.values())
    if not found.failures:
        return f"{rows:,} rows of {len(found.rows)} tables meet every expectation."
    lines = [f"{rows:,} rows of {len(found.rows)} tables; not met:", *found.failures]
    return escape("\n".join([*lines, *map(_row, found.broken)]))


def _broken(one: "Broken") -> dict[str, object]:
    cells = {n: cell.hex() if isinstance(cell, bytes) else cell for n, cell in one.row.items()}
    return {"table": one.table, "expectation": one.expectation, "row": cells}


def _row(broken: "Broken") -> str:
    cells = "\n".join(f"  {name}: {value!r}" for name, value in broken.row.items())
    return f"\n{broken.table}, {broken.expectation}\n{cells}"

"""Rows of a log table in SQLite straight into Arrow: no cell becomes an object of Python.

By ADBC's driver, which brings a SQLite of its own. Two of them in one process would take each
other's locks off a file (sqlite.org/howtocorrupt.html, section 2.2.1): what is here runs in a
process in which nothing else opens the log.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa

from grace.errors import LedgerBroken
from grace.export.frame import checked

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcConnection

__all__ = ["read_columns"]

ROWS = 4096
BUSY_MILLISECONDS = 60_000
# what SQLite has for each type, and a value of it
STORED = {
    pa.string(): (pa.string(), "''"),
    pa.binary(): (pa.binary(), "x''"),
    pa.float64(): (pa.float64(), "0.0"),
}
WHOLE = (pa.int64(), "0")  # numbers, times, booleans


def read_columns(
    database: str, table: str, wanted: pa.Schema, low: int, high: int
) -> Iterator[pa.RecordBatch]:
    """As `grace.export.rows.read_rows`, from the file at a path, which is only read."""
    query = _query(table, wanted, low, high)
    types = [STORED.get(kind, WHOLE)[0] for kind in wanted.types]
    return checked(table, wanted, _batches(database, table, query, types), low, high)


def _query(table: str, wanted: pa.Schema, low: int, high: int) -> str:
    """In the order of the table itself, which is that of the ledger, behind a row of examples.

    The driver takes a column's type from the first rows, and from null a whole number's. What it
    cannot tell is a number in the place of a salt, of which it gives the digits.
    """
    names = [f'"{name}"' for name in wanted.names]
    examples = [STORED.get(kind, WHOLE)[1] for kind in wanted.types]
    first = ", ".join(f"{one} AS {name}" for one, name in zip(examples, names, strict=True))
    row = f"SELECT rowid FROM {table} WHERE ledger_index"
    return (
        f"SELECT {first} UNION ALL SELECT {', '.join(names)} FROM {table} "
        f"WHERE rowid BETWEEN ({row} >= {low} ORDER BY ledger_index LIMIT 1) "
        f"AND ({row} < {high} ORDER BY ledger_index DESC LIMIT 1)"
    )


def _batches(
    database: str, table: str, query: str, types: list[pa.DataType]
) -> Iterator[pa.RecordBatch]:
    import adbc_driver_manager as adbc
    import adbc_driver_sqlite as sqlite

    address = f"file:{quote(database)}?mode=ro"
    try:
        with sqlite.connect(address) as opened, adbc.AdbcConnection(opened) as connection:
            list(_read(connection, f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}"))
            with closing(_read(connection, query)) as found:
                example = next(found)
                if example.schema.types != types:
                    raise pa.ArrowTypeError("a cell is not of its column's type")
                yield from _whole(example.slice(1))
                for batch in found:
                    yield from _whole(batch)
    except (OSError, adbc.Error) as problem:
        said = str(problem).split("\n")[0]
        raise LedgerBroken(
            f"{table} cannot be read: {said}; run `grace ledger verify`"
        ) from problem


def _read(connection: "AdbcConnection", query: str) -> Generator[pa.RecordBatch, None, None]:
    import adbc_driver_manager as adbc
    from adbc_driver_sqlite import StatementOptions

    with adbc.AdbcStatement(connection) as statement:
        statement.set_options(**{StatementOptions.BATCH_ROWS.value: str(ROWS)})
        statement.set_sql_query(query)
        stream, _ = statement.execute_query()
        with pa.RecordBatchReader.from_stream(stream) as reader:
            yield from reader


def _whole(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch where it has rows, and its text is UTF-8."""
    if batch.num_rows:
        batch.validate(full=True)
        yield batch

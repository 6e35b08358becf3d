"""Other exporters of a SQLite database to Parquet, each as its documentation has it."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

__all__ = ["PEERS", "peer", "release"]


def _adbc(database: Path, tables: Sequence[str], folder: Path) -> None:
    from adbc_driver_sqlite import StatementOptions, dbapi

    with dbapi.connect(f"file:{database}?mode=ro") as connection:
        for table in tables:
            with connection.cursor() as cursor:
                # by default 1,024, which is no faster
                cursor.adbc_statement.set_options(**{StatementOptions.BATCH_ROWS.value: "16384"})
                cursor.execute(f"SELECT * FROM {table}")
                with (
                    cursor.fetch_record_batch() as reader,
                    pq.ParquetWriter(folder / f"{table}.parquet", reader.schema) as writer,
                ):
                    for batch in reader:
                        writer.write_batch(batch)


def _connectorx(database: Path, tables: Sequence[str], folder: Path) -> None:
    import connectorx  # type: ignore[import-not-found]

    for table in tables:
        read = connectorx.read_sql(
            f"sqlite://{database}", f"SELECT * FROM {table}", return_type="arrow"
        )
        pq.write_table(read, folder / f"{table}.parquet")


def _duckdb(database: Path, tables: Sequence[str], folder: Path) -> None:
    import duckdb
    import duckdb_ext  # type: ignore[import-not-found]

    (extension,) = (
        path
        for root in duckdb_ext.__path__
        for path in Path(root).rglob("sqlite_scanner.duckdb_extension")
    )
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(f"ATTACH '{database}' AS log (TYPE sqlite, READ_ONLY)")
        for table in tables:
            connection.execute(f"COPY log.{table} TO '{folder / table}.parquet' (FORMAT parquet)")


PEERS: dict[str, Callable[[Path, Sequence[str], Path], None]] = {
    "adbc-driver-sqlite": _adbc,
    "connectorx": _connectorx,
    "duckdb": _duckdb,
}
MODULES = {
    "adbc-driver-sqlite": "adbc_driver_sqlite.dbapi",
    "connectorx": "connectorx",
    "duckdb": "duckdb",
}


def peer(name: str) -> Callable[[Path, Sequence[str], Path], None]:
    """The exporter, its imports done."""
    __import__(MODULES[name])
    return PEERS[name]


def release(name: str) -> str:
    return f"{name} {version(name)}"

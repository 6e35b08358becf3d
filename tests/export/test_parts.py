"""Parts that processes write hold exactly what the log holds, and are written once."""

import io
import json
import secrets
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from benchmarks._bulk_log import bulk_log
from benchmarks._measured import children, peak_mebibytes
from grace.errors import LedgerBroken, Unreachable
from grace.export.frame import columns, schema
from grace.export.parquet import write_parquet
from grace.export.part_writing import PartJob, Written
from grace.export.rows import read_rows
from grace.jobs import Submit, processes
from grace.store import Store, open_store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS
from grace.values import microseconds
from tests.export.conftest import NOW, Exporting
from tests.export.test_formats import ROWS, bits
from tests.tampering import row_of

EVERY = 10**9


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows there are."""
    monkeypatch.setattr("grace.export.parts.WORTH_PROCESSES", 1)


@pytest.fixture
def submit() -> Iterator[Submit]:
    with processes() as submitting:
        yield submitting


def job(path: Path, table: str, draft: Path, low: int = 0, high: int = EVERY) -> PartJob:
    return PartJob(str(path), table, schema(LOGS[table]), low, high, str(draft))


def held(store: Store, table: str, low: int, high: int) -> pa.Table:
    with store.reading() as connection:
        batches = list(read_rows(connection, LOGS[table], low, high))
    return pa.Table.from_batches(batches, schema(LOGS[table]))


def put(path: Path, table: str, rows: list[dict[str, Any]]) -> None:
    """Rows as any program might write them: what must not be null is given."""
    names = columns(LOGS[table])
    marks, quoted = ", ".join("?" * len(names)), ", ".join(f'"{name}"' for name in names)
    with closing(sqlite3.connect(path)) as connection, connection:
        statement = f"INSERT INTO {table} ({quoted}) VALUES ({marks})"
        connection.executemany(statement, [_cells(table, row) for row in rows])


def _cells(table: str, row: dict[str, Any]) -> list[Any]:
    must = {name: f"{name} {row['ledger_index']}" for name in ("id", "source", *LOGS[table].key)}
    must |= {"revision": 1, "recorded_at": microseconds(NOW)}
    return [_stored(must.get(name) or row.get(name)) for name in columns(LOGS[table])]


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return microseconds(value)
    return json.dumps(value) if isinstance(value, dict) else value


@pytest.mark.usefixtures("in_processes")
def test_an_export_by_processes_is_the_log(log: Exporting) -> None:
    """Every table, with U+0000, 64-bit integers, booleans, times and blobs in it."""
    finished = log.export()
    for table in LOGS:
        assert log.archived(finished, table).equals(log.rows(table, 48)), table
    assert log.prove(finished).complete
    assert not list(log.settings.log_dir.glob("sealed/*/*.draft"))


def test_any_row_comes_through_to_the_bit(tmp_path: Path, submit: Submit) -> None:
    """Whatever a column can hold, and null wherever it can be null."""
    path, end = tmp_path / "grace.db", 0
    store = open_store(f"sqlite:///{path}")

    @settings(max_examples=60)
    @given(ROWS.filter(len))
    def there(rows: list[dict[str, Any]]) -> None:
        nonlocal end
        low, end = end, end + len(rows)
        draft = tmp_path / f"{low}.parquet"
        put(
            path,
            "healing_attempts",
            [row | {"ledger_index": low + at} for at, row in enumerate(rows)],
        )
        expected = held(store, "healing_attempts", low, end)
        written: Written = submit(job(path, "healing_attempts", draft, low, end)).result()
        assert bits(pq.read_table(draft)) == bits(expected)
        assert written.rows == len(rows)
        assert written.erased == sum(row["salt"] is None for row in rows)

    there()
    store.engine.dispose()


def test_a_column_may_begin_with_thousands_of_nulls(tmp_path: Path, submit: Submit) -> None:
    """Of every kind: who guesses types from the first rows would take them for numbers."""
    path, rows = tmp_path / "grace.db", 6000
    store = open_store(f"sqlite:///{path}")
    last = {"ledger_index": rows, "salt": b"\0" * 16} | row_of("healing_attempts", 7)
    put(
        path,
        "healing_attempts",
        [{"ledger_index": at, "salt": None} for at in range(rows)] + [last],
    )
    written: Written = submit(job(path, "healing_attempts", tmp_path / "part")).result()
    assert (written.rows, written.erased) == (rows + 1, rows)
    assert pq.read_table(tmp_path / "part").equals(held(store, "healing_attempts", 0, rows + 1))
    store.engine.dispose()


def test_a_cell_of_another_type_is_refused(tmp_path: Path, submit: Submit) -> None:
    """In the first row and in the last: nobody who writes by Grace leaves it behind."""
    path = tmp_path / "grace.db"
    open_store(f"sqlite:///{path}").engine.dispose()
    put(path, "healing_attempts", [{"ledger_index": at} for at in range(6000)])
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in drop_triggers():
            connection.execute(statement)
    for column, cell in FOREIGN:
        for place in (0, 5999):
            with set_cell(path, column, cell, place), pytest.raises(LedgerBroken, match="verify"):
                submit(job(path, "healing_attempts", tmp_path / f"{column}{place}")).result()
            (tmp_path / f"{column}{place}").unlink(missing_ok=True)


FOREIGN = [
    ("error_line", "'seven'"),
    ("error_line", "'0x1F'"),
    ("error_line", "1.5"),
    ("confidence", "'high'"),
    ("success", "'yes'"),
    ("error_message", "CAST(x'ff' AS TEXT)"),
]


@contextmanager
def set_cell(path: Path, column: str, cell: str, place: int) -> Iterator[None]:
    """Only for a while."""
    update = f"UPDATE healing_attempts SET {column} = {{}} WHERE ledger_index = {place}"
    for value in (cell, "NULL"):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(update.format(value))
        if value == cell:
            yield


def test_rows_out_of_order_are_refused(tmp_path: Path, submit: Submit) -> None:
    """The order of the table is that of the ledger, or somebody else wrote to it."""
    path = tmp_path / "grace.db"
    open_store(f"sqlite:///{path}").engine.dispose()
    put(path, "goals", [{"ledger_index": at} for at in (0, 2, 1, 3)])
    with pytest.raises(LedgerBroken, match="not in the order"):
        submit(job(path, "goals", tmp_path / "part")).result()


@pytest.mark.usefixtures("in_processes")
def test_a_process_that_is_killed_leaves_nothing(
    log: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export fails in one line, and the next one is whole."""
    with monkeypatch.context() as broken:
        broken.setattr("sys.executable", "/bin/false")
        with pytest.raises(Unreachable, match="ended"):
            log.export()
    assert not list(log.settings.log_dir.glob("sealed/*/*"))
    assert log.prove(log.export()).complete


def test_a_warm_export_copies_the_parts_as_they_are(log: Exporting) -> None:
    """Nothing is written again, and the archive holds the same bytes."""
    log.export()
    sealed = {path: path.stat() for path in log.settings.log_dir.glob("sealed/*/*.*")}
    finished = log.export(signing=False)
    again = {path: path.stat() for path in sealed}
    assert {path: (one.st_ino, one.st_mtime_ns) for path, one in again.items()} == {
        path: (one.st_ino, one.st_mtime_ns) for path, one in sealed.items()
    }
    with zipfile.ZipFile(finished.path) as archive:
        for path in sealed:
            assert archive.read(f"{path.parent.name}/{path.name}") == path.read_bytes()


def test_a_file_is_written_with_the_memory_of_a_row_group() -> None:
    """However many rows come: 200 MB of them here."""
    wanted, peak = pa.schema([("text", pa.binary()), ("salt", pa.binary())]), 0
    before = pa.total_allocated_bytes()

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal peak
        for _ in range(200):
            text = pa.array([secrets.token_bytes(1 << 10)] * (1 << 10), pa.binary())
            yield pa.RecordBatch.from_arrays([text, pa.nulls(1 << 10, pa.binary())], schema=wanted)
            peak = max(peak, pa.total_allocated_bytes() - before)

    assert write_parquet(wanted, batches(), io.BytesIO()) == 200 << 10
    assert peak < 64 << 20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Eight times the rows take no more, in the process that writes a part."""
    path = bulk_log(tmp_path / "data", 1 << 19).log_dir / "grace.db"
    peaks = []
    for high in (1 << 16, 1 << 19):
        draft = tmp_path / f"{high}.parquet"
        others = set(children())  # such as a database's server
        with processes() as submit:
            submit(job(path, "parallel_process_logs", draft, 0, high)).result()
            (pid,) = set(children()) - others
            peaks.append(peak_mebibytes(pid))
    assert peaks[1] < peaks[0] * 1.2

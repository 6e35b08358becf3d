"""Files of each format by the readers that people have, equal to the database row by row."""

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyrage
import pytest

from grace.ledger.entry import timestamp
from grace.store.schema import LOGS
from grace.values import microseconds
from tests.export.conftest import Exporting

Rows = list[dict[str, Any]]


@pytest.fixture
def expected(log: Exporting) -> Mapping[str, Rows]:
    """Three rows of each table, with something in every column."""
    rows = {table: log.rows(table, 48).to_pylist() for table in LOGS}
    assert {len(each) for each in rows.values()} == {3}
    return rows


def _files(log: Exporting, format: str) -> Path:
    return Path(log.export(format=format, folder=True, to=str(log.folder / format)).path)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_polars(log: Exporting, expected: Mapping[str, Rows], format: str) -> None:
    files = _files(log, format)
    for table, rows in expected.items():
        if format == "parquet":
            frame = pl.read_parquet(files / f"{table}/*.parquet")
        else:
            frame = pl.read_ipc(files / f"{table}.arrow")
        assert frame.to_dicts() == rows, table


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_duckdb(log: Exporting, expected: Mapping[str, Rows], format: str) -> None:
    """Parquet by itself; Arrow through pyarrow, whose tables it reads in place."""
    files = _files(log, format)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, rows in expected.items():
            if format == "parquet":
                query = f"FROM read_parquet('{files}/{table}/*.parquet')"
            else:
                with pa.ipc.open_file(files / f"{table}.arrow") as opened:
                    connection.register("held", opened.read_all())
                query = "FROM held"
            found = connection.execute(query).fetch_arrow_table()
            assert [_plain(row) for row in found.to_pylist()] == [_plain(row) for row in rows]


def test_csv_by_the_standard_library(log: Exporting, expected: Mapping[str, Rows]) -> None:
    files = _files(log, "csv")
    for table, rows in expected.items():
        with open(files / f"{table}.csv", newline="") as file:
            found = list(csv.DictReader(file))
        assert [_told(row) for row in rows] == [_read(row) for row in found], table


def test_csv_by_pandas(log: Exporting, expected: Mapping[str, Rows]) -> None:
    files = _files(log, "csv")
    for table, rows in expected.items():
        frame = pd.read_csv(
            files / f"{table}.csv", na_values=["\\N"], keep_default_na=False, dtype=str
        )
        found = frame.astype(object).where(frame.notna(), "\\N").to_dict("records")
        assert [_told(row) for row in rows] == [_read(row) for row in found], table


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_json_by_the_standard_library(
    log: Exporting, expected: Mapping[str, Rows], format: str
) -> None:
    files = _files(log, format)
    for table, rows in expected.items():
        with open(files / f"{table}.{format}") as file:
            found = json.load(file) if format == "json" else [json.loads(line) for line in file]
        told = [
            {
                name: value.hex() if isinstance(value, bytes) else _time(value)
                for name, value in row.items()
            }
            for row in rows
        ]
        assert found == told, table


def _by_unzip(archive: Path, folder: Path) -> None:
    program = shutil.which("unzip")
    if program is None:
        pytest.skip("NOT TESTED BY unzip, which is not installed")
    subprocess.run([program, "-q", str(archive), "-d", str(folder)], check=True)


def _by_python(archive: Path, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "zipfile", "-e", archive, folder], check=True)


@pytest.mark.parametrize("unpack", [_by_unzip, _by_python])
def test_a_zip_by_other_programs(
    log: Exporting, expected: Mapping[str, Rows], unpack: Callable[[Path, Path], None]
) -> None:
    """They find nothing to complain of, and the rows that were exported."""
    finished = log.export()
    unpack(Path(finished.path), log.folder / "unpacked")
    _check(log.folder / "unpacked", expected)


def test_age_alone(log: Exporting, expected: Mapping[str, Rows]) -> None:
    """What pyrage decrypts is the archive; another key decrypts nothing."""
    mine, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    content = Path(log.export(age=str(mine.to_public())).path).read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(content, [other])
    (log.folder / "plain.zip").write_bytes(pyrage.decrypt(content, [mine]))
    with zipfile.ZipFile(log.folder / "plain.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(log.folder / "unpacked")
    _check(log.folder / "unpacked", expected)


def _check(folder: Path, expected: Mapping[str, Rows]) -> None:
    assert (folder / "manifest.json").is_file()
    for table, rows in expected.items():
        assert pl.read_parquet(folder / f"{table}/*.parquet").to_dicts() == rows, table


def _time(value: Any) -> Any:
    return timestamp(value) if hasattr(value, "tzinfo") else value


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as microseconds: DuckDB has another object for UTC."""
    return {
        name: microseconds(value) if hasattr(value, "tzinfo") else value
        for name, value in row.items()
    }


def _told(row: dict[str, Any]) -> dict[str, str | None]:
    def told(value: Any) -> str | None:
        match value:
            case None:
                return None
            case bool():
                return "true" if value else "false"
            case bytes():
                return value.hex()
        return str(_time(value))

    return {name: told(value) for name, value in row.items()}


def _read(row: dict[str, Any]) -> dict[str, str | None]:
    """The two rules of docs/export.md."""

    def read(cell: str) -> str | None:
        if cell == "\\N":
            return None
        return str(json.loads(cell[2:])) if cell.startswith("\\J") else cell

    return {name: read(cell) for name, cell in row.items()}

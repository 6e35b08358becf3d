"""Files of each format by the readers that people have, equal to the database row by row."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyrage
import pytest

from grace.ledger.entry import timestamp
from grace.values import microseconds
from tests.export.conftest import Exporting


@pytest.fixture
def expected(log: Exporting) -> list[dict[str, Any]]:
    rows = log.rows("healing_attempts", 48).to_pylist()
    assert len(rows) == 3
    return rows  # type: ignore[no-any-return]


def _files(log: Exporting, format: str) -> Path:
    return Path(log.export(format=format, folder=True, to=str(log.folder / format)).path)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_polars(log: Exporting, expected: list[dict[str, Any]], format: str) -> None:
    files = _files(log, format)
    if format == "parquet":
        frame = pl.read_parquet(files / "healing_attempts/*.parquet")
    else:
        frame = pl.read_ipc(files / "healing_attempts.arrow")
    assert frame.to_dicts() == expected


def test_duckdb(log: Exporting, expected: list[dict[str, Any]]) -> None:
    files = _files(log, "parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"FROM read_parquet('{files}/healing_attempts/*.parquet')"
        found = connection.execute(query).fetch_arrow_table()
    assert [_plain(row) for row in found.to_pylist()] == [_plain(row) for row in expected]


def test_csv_by_the_standard_library(log: Exporting, expected: list[dict[str, Any]]) -> None:
    with open(_files(log, "csv") / "healing_attempts.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert [_told(row) for row in expected] == [_read(row) for row in found]


def test_csv_by_pandas(log: Exporting, expected: list[dict[str, Any]]) -> None:
    frame = pd.read_csv(
        _files(log, "csv") / "healing_attempts.csv",
        na_values=["\\N"],
        keep_default_na=False,
        dtype=str,
    )
    found = frame.astype(object).where(frame.notna(), "\\N").to_dict("records")
    assert [_told(row) for row in expected] == [_read(row) for row in found]


def test_json_by_the_standard_library(log: Exporting, expected: list[dict[str, Any]]) -> None:
    with open(_files(log, "json") / "healing_attempts.json") as file:
        found = json.load(file)
    told = [
        {
            name: value.hex() if isinstance(value, bytes) else _time(value)
            for name, value in row.items()
        }
        for row in expected
    ]
    assert found == told


def test_unzip_and_age_alone(log: Exporting) -> None:
    identity = pyrage.x25519.Identity.generate()
    finished = log.export(age=str(identity.to_public()))
    plain = pyrage.decrypt(Path(finished.path).read_bytes(), [identity])
    (log.folder / "plain.zip").write_bytes(plain)
    done = subprocess.run(
        [sys.executable, "-m", "zipfile", "-t", str(log.folder / "plain.zip")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "Done testing")
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        assert "manifest.json" in archive.namelist()


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

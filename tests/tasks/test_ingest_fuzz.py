"""Whatever a source holds: no traceback, and every row is in the log or in the quarantine."""

import csv
import io
import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from grace.store import quarantine
from grace.store.schema import LOGS
from tasks.ingest_files import ingest_files
from tasks.ingest_sql import ingest_sql

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COLUMNS = [*LOGS["healing_attempts"].payload, "healing_metadata", "shop", "id"]
FUZZ = hypothesis_settings(max_examples=60)
CELLS = st.sampled_from(
    ["", "1", "0", "-3", "0.5", "1e999", "nan", "true", "low", "null", "{}", '{"a":', "2026-03-01"]
) | st.text(max_size=8)


def check(store, done, before):
    """The counts say what the database holds."""
    for one in done.sources:
        assert one.read == one.landed + one.unchanged + one.refused
    with store.reading() as connection:
        landed = connection.exec_driver_sql("SELECT count(*) FROM healing_attempts").scalar_one()
        held = connection.exec_driver_sql("SELECT count(*) FROM quarantine").scalar_one()
    assert landed - before[0] == done.landed
    assert held - before[1] == sum(one.new_in_quarantine for one in done.sources)


def held(store):
    with store.reading() as connection:
        return tuple(
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("healing_attempts", "quarantine")
        )


@pytest.fixture
def take(store, tmp_path):
    """Takes in one file, twice; what the first time came to."""
    numbers = iter(range(10**9))

    def ingest(content, suffix):
        path = tmp_path / f"healing_attempts-{next(numbers)}{suffix}"
        path.write_bytes(content)
        before = held(store)
        done = ingest_files(store, [str(path)], NOON)
        check(store, done, before)
        again = ingest_files(store, [str(path)], NOON + timedelta(days=1))
        assert (again.landed, sum(one.new_in_quarantine for one in again.sources)) == (0, 0)
        path.unlink()
        (one,) = done.sources
        return one

    return ingest


@FUZZ
@given(
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6, unique=True),
    st.lists(st.lists(CELLS, max_size=7), max_size=8),
)
def test_any_csv(take, columns, records):
    """Every record of a well-formed file is read; a ragged one of several lines as several."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(records)
    done = take(written.getvalue().encode(errors="surrogatepass"), ".csv")
    if not done.error:
        assert done.read >= sum(bool(record) for record in records)
        if all(len(record) == len(columns) for record in records):
            assert done.read == len(records)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | CELLS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=4), VALUES, max_size=6)


@FUZZ
@given(st.lists(OBJECTS | VALUES, min_size=1, max_size=8), st.sampled_from([".json", ".jsonl"]))
def test_any_json(take, values, suffix):
    """Every value of a list, and every line, is read."""
    if suffix == ".json":
        content = json.dumps(values)
    else:
        content = "\n".join(json.dumps(value) for value in values)
    done = take(content.encode(), suffix)
    assert (done.read, done.error) == (len(values), None)


TYPES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.timestamp("s"): st.integers(-(2**50), 2**50),
    pa.timestamp("ns", "UTC"): st.integers(-(2**62), 2**62),
    pa.date32(): st.integers(-(2**20), 2**20),
    pa.duration("us"): st.integers(-(2**40), 2**40),
    pa.decimal128(38, 3): st.decimals(-1000, 1000, places=3),
    pa.list_(pa.int8()): st.lists(st.integers(0, 9), max_size=2),
    pa.null(): st.none(),
}


@st.composite
def tables(draw):
    length = draw(st.integers(0, 5))
    names = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=5, unique=True))
    columns = []
    for _ in names:
        kind = draw(st.sampled_from(list(TYPES)))
        values = st.lists(st.none() | TYPES[kind], min_size=length, max_size=length)
        columns.append(pa.array(draw(values), kind))
    return pa.table(columns, names=names)


@FUZZ
@given(tables())
def test_any_parquet(take, table):
    """Every row is read, whatever its types."""
    written = io.BytesIO()
    pq.write_table(table, written)
    done = take(written.getvalue(), ".parquet")
    if not done.error:
        assert done.read == table.num_rows


@FUZZ
@given(
    st.binary(max_size=200),
    st.sampled_from([".csv", ".json", ".jsonl", ".parquet", ".csv.gz", ".jsonl.bz2", ".json.xz"]),
)
def test_any_bytes(take, content, suffix):
    """What is no such file is an error in one line."""
    done = take(content, suffix)
    assert done.error is None or "\n" not in done.error


def good_files():
    rows = [{"attempt_id": f"a-{n}", "metadata": {"n": [n]}, "status": "é"} for n in range(30)]
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet, row_group_size=10)
    lines = "\n".join(json.dumps(row) for row in rows)
    table = "".join(f'a-{n},"{{""n"": {n}}}","é\nè"\r\n' for n in range(30))
    return {
        ".parquet": parquet.getvalue(),
        ".jsonl": lines.encode(),
        ".json": json.dumps(rows, ensure_ascii=False).encode(),
        ".csv": f"attempt_id,metadata,status\r\n{table}".encode(),
    }


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".json", ".csv"])
def test_any_good_file_cut_off_or_changed(take, suffix):
    """A hundred of each: a byte is changed, or the end is missing."""
    rng = random.Random(7)
    good = good_files()[suffix]
    outcomes = Counter()
    for number in range(100):
        place = rng.randrange(len(good))
        cut = good[:place] if number % 2 else good[:place] + rng.randbytes(1) + good[place + 1 :]
        done = take(cut, suffix)
        outcomes[bool(done.error)] += 1
    assert outcomes[False] > 0 or suffix == ".parquet"


SQL_VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=6)
    | CELLS
)
SQL_TYPES = st.sampled_from(
    ["", "TEXT", "INTEGER", "DATETIME", "JSON", "BOOLEAN", "BLOB", "DECIMAL(3)"]
)


@st.composite
def databases(draw):
    names = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6, unique=True))
    declared = [f'"{name}" {draw(SQL_TYPES)}' for name in names]
    width = st.tuples(*[SQL_VALUES for _ in names])
    return declared, draw(st.lists(width, max_size=8))


def _bindable(value):
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value


@FUZZ
@given(databases(), st.booleans())
def test_any_database(store, tmp_path, made, as_text):
    """Every row of a table of any types, text that is no UTF-8 among them; again adds none."""
    declared, records = made
    file = tmp_path / "fuzz.db"
    file.unlink(missing_ok=True)
    marks = ", ".join(["CAST(? AS TEXT)" if as_text else "?"] * len(declared))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"CREATE TABLE healing_attempts ({', '.join(declared)})")
        bound = [[_bindable(value) for value in record] for record in records]
        connection.executemany(f"INSERT INTO healing_attempts VALUES ({marks})", bound)
    before = held(store)
    done = ingest_sql(store, f"sqlite:///{file}", NOON)
    check(store, done, before)
    if not done.errors:
        assert done.read == len(records)
    again = ingest_sql(store, f"sqlite:///{file}", NOON + timedelta(days=1))
    assert (again.landed, sum(one.new_in_quarantine for one in again.sources)) == (0, 0)
    assert len(quarantine.entries(store)) == held(store)[1]

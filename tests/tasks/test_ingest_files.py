"""Files of every format into the log: all of their rows, each once."""

import gzip
import json
import zipfile
from datetime import UTC, datetime

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from grace.errors import BadInput, Unreachable
from grace.notary.verify import verify
from grace.settings import PROJECT
from grace.store import quarantine
from grace.store.read import newest
from tasks import intake
from tasks.ingest_files import ingest_files

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOALS = [
    {"goal_id": "g-1", "title": "first", "progress": 5.0, "auto_created": True},
    {"goal_id": "g-2", "title": None, "progress": None, "auto_created": False},
]


@pytest.fixture
def put(tmp_path):
    """Writes a file; its path."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture
def ingest(store):
    def take(*paths, now=NOON, **how):
        return ingest_files(store, list(paths), now, **how)

    return take


def rows(store, table="goals"):
    return newest(store, table).to_dict("records")


def by_id(store):
    return {row["goal_id"]: row for row in rows(store)}


def reasons(store):
    return {kept.position: kept.reason for kept in quarantine.entries(store)}


def as_csv(path):
    pd.DataFrame(GOALS).to_csv(path, index=False)


def as_json(path):
    path.write_text(json.dumps(GOALS))


def as_json_by_table(path):
    path.write_text(json.dumps({"Goals": GOALS, "goal_evaluations": [{"evaluation_id": "e"}]}))


def as_jsonl(path):
    path.write_text("".join(json.dumps(row) + "\n\n" for row in GOALS))


def as_parquet(path):
    pd.DataFrame(GOALS).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("goals.csv", as_csv),
        ("goals.json", as_json),
        ("everything.json", as_json_by_table),
        ("GOALS-2026.jsonl", as_jsonl),
        ("goals_old.ndjson", as_jsonl),
        ("goals.parquet", as_parquet),
    ],
)
def test_every_format_gives_the_same_rows(settings, store, ingest, tmp_path, name, write):
    """Typed by the table, whatever the file calls them; and the log verifies."""
    write(tmp_path / name)
    done = ingest(str(tmp_path / name))
    assert (done.read - done.landed, done.refused, done.errors) == (0, 0, ())
    found = by_id(store)
    assert (found["g-1"]["title"], found["g-1"]["progress"]) == ("first", 5.0)
    assert found["g-1"]["auto_created"] == 1
    assert pd.isna(found["g-2"]["title"])
    assert pd.isna(found["g-2"]["progress"])
    assert {row["source"] for row in found.values()} == {"file"}
    assert verify(settings, store).ok


def test_the_sample_of_the_project_is_ingested(store, ingest):
    """As README says; the same again adds nothing and says so."""
    sample = str(PROJECT / "data/samples/healing_attempts.jsonl")
    assert ingest(sample).landed == 8
    found = {row["attempt_id"]: row for row in rows(store, "healing_attempts")}
    assert found["sample-1"]["attempted_at"] == pd.Timestamp("2026-03-01T01:15:00.25Z")
    assert found["sample-1"]["metadata"] == '{"page":7}'
    (again,) = ingest(sample).sources
    assert (again.read, again.landed) == (0, 0)
    assert again.note == "unchanged since it was read: 8 rows, nothing to add"


def test_an_older_csv_with_fewer_and_more_columns(store, ingest, put):
    """What is missing is null, what is unknown is kept, JSON stays the text it was."""
    path = put(
        "healing_attempts.csv",
        "\ufeffAttempt_ID,healing_metadata,success,attempted_at,status,shop\r\n"
        'a-1,"{""page"":  1.10}",1,2026-07-01 12:00:00,"fixed, more or less",north\r\n'
        "a-2,null,0,,,\r\n"
        "a-3,,,2026-07-01,,\r\n",
    )
    assert ingest(path, timezone="Europe/Berlin").landed == 3
    one, two, three = sorted(rows(store, "healing_attempts"), key=lambda row: row["attempt_id"])
    assert one["metadata"] == '{"page":  1.10}'
    assert (one["success"], two["success"]) == (1, 0)
    assert one["attempted_at"] == pd.Timestamp("2026-07-01 10:00", tz="UTC")
    assert (one["status"], one["extra"]) == ("fixed, more or less", '{"shop":"north"}')
    assert two["metadata"] == "null"
    assert pd.isna(three["metadata"])
    assert pd.isna(two["extra"])
    assert three["attempted_at"] == pd.Timestamp("2026-06-30 22:00", tz="UTC")


def test_bad_rows_are_quarantined_with_line_and_reason_and_the_good_ones_land(store, ingest, put):
    """Landed and quarantined together are what was read."""
    path = put(
        "goals.csv",
        b"goal_id,title,progress,created_at\n"
        b"g-1,fine,5,2026-03-01\n"
        b"g-2,too many,5,,,\n"
        b'g-3,"open,5,\n'
        b"g-4,much,900,\n"
        b"g-5,soon,,tomorrow\n"
        b"g-6,\xff\xfe,5,\n"
        b"g-1,again,5,\n"
        b"g-7,NaN,NaN,\n"
        b'g-8,"fine, too",,\n',
    )
    done = ingest(path)
    assert (done.read, done.landed, done.refused) == (9, 2, 7)
    assert done.quarantined == {
        "nan": 1, "range": 1, "repeat": 1, "shape": 2, "text": 1, "type": 1,
    }  # fmt: skip
    assert reasons(store) == {
        "line 3": "shape: the line has 6 cells, the header 4",
        "line 4": "shape: the line is no CSV: ',' expected after '\"'",
        "line 5": "range: progress: expected from 0 to 100, got 900.0",
        "line 6": "type: created_at: expected a time in ISO 8601, got 'tomorrow'",
        "line 7": r"text: title: '\udcff\udcfe' is not valid Unicode",
        "line 8": "repeat: key repeated within the source (first at line 2)",
        "line 9": "nan: progress: NaN is no number; leave it empty",
    }
    assert sorted(by_id(store)) == ["g-1", "g-8"]


def test_bad_lines_of_json_are_quarantined(store, ingest, put):
    """Each for itself; the others land."""
    bad = [
        '{"goal_id": "g-1", "progress"',
        "[1, 2]",
        '"text"',
        '{"goal_id": "g-2"} {"goal_id": "g-3"}',
        '{"goal_id": "g-4", "goal_id": "g-5"}',
        '{"goal_id": "g-6", "extra": ' + "[" * 200 + "]" * 200 + "}",
        "[" * 100_000,
        '{"goal_id": "g-7", "progress": NaN}',
        '{"goal_id": "g-8", "progress": ' + "9" * 5000 + "}",
    ]
    lines = "\n".join([*bad, '{"goal_id": "g-9"}', '{"title": "\ud83c"}'])
    path = put("goals.jsonl", lines.encode("utf-8", "surrogatepass"))
    done = ingest(path)
    assert (done.read, done.landed, done.refused) == (11, 1, 10)
    assert done.quarantined == {"nan": 1, "shape": 8, "text": 1}
    kept = {entry.position: json.loads(entry.row) for entry in quarantine.entries(store)}
    assert kept["line 6"]["line"] == bad[5]
    assert kept["line 8"]["row"] == {"goal_id": "g-7", "progress": "nan"}


def test_what_is_no_row_in_a_json_document_is_quarantined(store, ingest, put):
    """And a name that is no table is told, not passed over."""
    document = {
        "goals": [{"goal_id": "g-1"}, 7, ["x"]],
        "data_cube": {"cube_id": "no list"},
        "users": [{"name": "somebody"}],
    }
    cube, goals = ingest(put("dump.json", json.dumps(document))).sources
    assert (goals.landed, goals.quarantined) == (1, {"shape": 2})
    assert (cube.landed, cube.quarantined) == (0, {"shape": 1})
    assert cube.note == "'users' is left out: there is no log table of this name"
    assert set(reasons(store)) == {"goals item 2", "goals item 3", "data_cube item 0"}


def test_rows_without_a_key_are_logged_once_each(store, ingest, put):
    """Two that say the same are two; the same file under another name adds none."""
    text = "title,progress\nx,5\nx,5\ny,\n"
    assert ingest(put("goals.csv", text)).landed == 3
    again = ingest(put("goals-copy.csv", text))
    assert (again.landed, again.unchanged) == (0, 3)
    assert ingest(put("goals-more.csv", text + "x,5\n")).landed == 1
    assert len(rows(store)) == 4


def test_a_file_that_grew_is_read_again_and_adds_what_is_new(store, ingest, put):
    """Quarantined rows are not quarantined twice."""
    text = '{"goal_id": "g-1"}\n{"goal_id": "g-2", "progress": "x"}\n'
    ingest(put("goals.jsonl", text))
    (done,) = ingest(put("goals.jsonl", text + '{"goal_id": "g-3"}\n')).sources
    assert (done.read, done.landed, done.unchanged, done.refused) == (3, 1, 1, 1)
    assert done.new_in_quarantine == 0
    assert len(reasons(store)) == 1


def test_another_zone_is_another_reading(store, ingest, put):
    """The file is the same, what it says is not."""
    path = put("goals.csv", "goal_id,created_at\ng-1,2026-07-01 12:00\n")
    ingest(path)
    assert ingest(path, timezone="Europe/Berlin").landed == 1
    assert by_id(store)["g-1"]["created_at"] == pd.Timestamp("2026-07-01 10:00", tz="UTC")


def test_a_reading_cut_short_goes_on_where_it_stopped(store, ingest, put, monkeypatch):
    """The log went away after two transactions; nothing doubles, repeated keys are still seen."""
    monkeypatch.setattr(intake, "ROWS_A_TRANSACTION", 10)
    numbers = [*range(35), 3, *range(35, 40)]
    text = "".join(f'{{"title": "same"}}\n{{"goal_id": "g-{n}"}}\n' for n in numbers)
    path = put("goals.jsonl", text)
    count = 0

    def die(source, number):
        nonlocal count
        count = number
        if number == 20:
            raise Unreachable("gone")

    with pytest.raises(Unreachable):
        ingest(path, progress=die)
    assert len(rows(store)) == 20
    (done,) = ingest(path).sources
    assert done.note == "the first 20 rows were read before, in a run cut short"
    assert (done.read, done.landed, done.quarantined) == (62, 61, {"repeat": 1})
    assert reasons(store) == {"line 72": "repeat: key repeated within the source (first at line 8)"}
    frame = newest(store, "goals")
    assert (len(frame), frame["revision"].max()) == (81, 1)
    assert ingest(path).sources[0].note.startswith("unchanged since it was read: 82 rows")


def test_files_are_found_by_path_folder_glob_and_url(store, ingest, put):
    """Each once; the folder's name may tell the table, and a file of no format is left there."""
    put("logs/goals-1.csv", "goal_id\ng-1\n")
    put("logs/goals-2.jsonl", '{"goal_id": "g-2"}\n')
    put("logs/notes.txt", "nothing for us")
    put("goals/part-[1].json", '[{"goal_id": "g-3"}]')
    root = put("x", "").removesuffix("/x")
    done = ingest(f"{root}/logs", f"{root}/logs/goals-*", f"file://{root}/goals/part-[1].json")
    assert [one.landed for one in done.sources] == [1, 1, 1]
    assert sorted(by_id(store)) == ["g-1", "g-2", "g-3"]
    assert ingest(f"{root}/**/*.csv").landed == 0


def test_compressed_files_and_archives(store, ingest, put, tmp_path):
    """By suffix, and by fsspec's chained URLs."""
    put("goals-1.csv.gz", gzip.compress(b"goal_id\ng-1\n"))
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("goals-2.csv", "goal_id\ng-2\n")
        archive.writestr("goals-3.json", '[{"goal_id": "g-3"}]')
    done = ingest(f"{tmp_path}/goals-1.csv.gz", f"zip://goals-*::{tmp_path}/old.zip")
    assert done.landed == 3
    assert done.sources[1].source == f"zip://goals-2.csv::{tmp_path}/old.zip"


def test_a_file_system_of_fsspec(store, ingest):
    """Any, by its URL."""
    with fsspec.open("memory://dump/goals.jsonl", "w") as opened:
        opened.write('{"goal_id": "g-1"}\n')
    done = ingest("memory://dump/*.jsonl")
    assert (done.landed, done.sources[0].source) == (1, "memory:///dump/goals.jsonl")


def test_parquet_of_many_kinds_of_values(store, ingest, tmp_path):
    """Nested values are JSON; what Python has no value for costs its own row."""
    bad_text = pa.array([b"\xff", b"ok", b"ok"]).cast(pa.large_binary()).view(pa.large_string())
    table = pa.table(
        {
            "attempt_id": pa.array([1, 2, 3], pa.int64()),
            "attempted_at": pa.array([1, 2**62, 3000], pa.timestamp("ms")),
            "verified_at": pa.array([1, 2, 3], pa.timestamp("ns", "Europe/Berlin")),
            "confidence": pa.array(["0.5", None, "1"]).dictionary_encode(),
            "success": pa.array([1, 0, None], pa.int8()),
            "metadata": pa.array([{"page": 1}, None, {"page": 3}]),
            "error_type": bad_text,
        }
    )
    pq.write_table(table, tmp_path / "healing_attempts.parquet")
    done = ingest(str(tmp_path / "healing_attempts.parquet"))
    assert (done.read, done.landed, done.refused) == (3, 1, 2)
    assert set(reasons(store)) == {"row 1", "row 2"}
    (row,) = rows(store, "healing_attempts")
    assert (row["attempt_id"], row["metadata"], row["confidence"]) == ("3", '{"page":3}', 1.0)
    assert row["attempted_at"] == pd.Timestamp(3, unit="s", tz="UTC")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("goals.txt", "x", "has no known format"),
        ("goals.zip", b"PK", "has no known format"),
        ("notes.csv", "goal_id\ng\n", "its name tells no log table; name one by --table"),
        ("notes.json", "[{}]", "its name tells no log table"),
        ("notes.json", '{"users": []}', "expected a list of rows, or an object named by log"),
        ("goals.csv", "a,b,c\n1,2,3\n", "none of its columns is one of goals (goal_id, "),
        ("goals.csv", "goal_id,x,x\n1,2,3\n", "column 'x' stands in it twice"),
        ("goals.csv", '"goal_id\n1,2,3\n', "its header cannot be read"),
        ("goals.csv", "goal_id\n".encode("utf-16"), "none of its columns is one of goals"),
        ("goals.csv.gz", b"no gzip at all", "cannot be read: Not a gzipped file"),
        ("goals.csv.gz", gzip.compress(b"goal_id\n" * 99, mtime=0)[:-9], "cannot be read: "),
        ("goals.json", "", "it is not such JSON at character 1"),
        ("goals.json", b'[{"goal_id": "\xff"}]', "cannot be read: 'utf-8' codec can't decode"),
        ("goals.parquet", "PAR1 but no more", "it is no readable Parquet"),
        ("goals.parquet", "", "it is no readable Parquet"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_clear_line(store, ingest, put, name, content, said):
    """With its name; the files beside it are read all the same."""
    path = put(name, content)
    good = put("data_cube.csv", "cube_id\nc\n")
    if "known format" in said:
        with pytest.raises(BadInput, match=said):
            ingest(path, good)
        return
    done = ingest(path, good)
    (error,) = done.errors
    assert error.startswith(path)
    assert said in error
    assert "\n" not in error
    assert done.sources[-1].landed == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.csv", "there is no file nowhere.csv"),
        ("nowhere/*.csv", r"there is no file nowhere/\*.csv"),
        ("gopher://user:hush@host/goals.csv", "gopher://host/goals.csv cannot be read: Protocol"),
        ("memory://nowhere/goals.csv?token=hush", "there is no file memory://nowhere/goals.csv"),
        ("zip://goals.csv::nowhere.zip", r"zip://goals.csv::nowhere.zip cannot be read: "),
    ],
)
def test_a_path_that_names_nothing_is_one_clear_line(ingest, path, said):
    """Without what a URL keeps secret."""
    with pytest.raises(BadInput, match=said) as refused:
        ingest(path)
    assert "hush" not in str(refused.value)


def test_wrong_options_are_refused_before_anything_is_read(store, ingest, put):
    """A table that only Grace writes, a zone that is nowhere."""
    path = put("goals.csv", "goal_id\ng\n")
    with pytest.raises(BadInput, match="'decisions' is written by Grace alone"):
        ingest(path, table="decisions")
    with pytest.raises(BadInput, match="there is no time zone 'Mars'"):
        ingest(path, timezone="Mars")
    assert rows(store) == []


def test_without_a_zone_times_without_one_are_refused(store, ingest, put):
    """Where none can be assumed."""
    path = put("goals.csv", "goal_id,created_at\ng-1,2026-03-01 12:00\ng-2,2026-03-01T12:00Z\n")
    assert ingest(path, timezone=None).quarantined == {"zone": 1}
    assert sorted(by_id(store)) == ["g-2"]


def test_empty_files_have_no_rows(ingest, put):
    """And are no error where the format allows it."""
    done = ingest(put("goals.csv", ""), put("goals.jsonl", "\n\n"), put("goals.json", "[]"))
    assert [(one.read, one.note, one.error) for one in done.sources] == [(0, "no rows", None)] * 3


def test_what_was_read_before_a_break_has_landed(store, ingest, put):
    """A document that ends in the middle: its rows until there, and the error."""
    path = put("goals.json", '[{"goal_id": "g-1"}, {"goal_id": "g-2"}, {"goal_')
    (done,) = ingest(path).sources
    assert (done.read, done.landed) == (2, 2)
    assert "is not such JSON at character 42" in done.error
    (again,) = ingest(path).sources
    assert (again.read, again.landed, bool(again.error)) == (0, 0, True)


def test_a_log_that_cannot_be_written_is_one_clear_line(store, ingest, put):
    """And what was not written can be read again."""
    path = put("goals.csv", f"goal_id,title\ng,{'x' * 100_000}\n")

    def fill_disk(connection):
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    sa.event.listen(store.engine, "begin", fill_disk)
    with pytest.raises(Unreachable, match="log cannot be reached: database or disk is full; run"):
        ingest(path)
    sa.event.remove(store.engine, "begin", fill_disk)
    store.engine.dispose()
    assert ingest(path).landed == 1

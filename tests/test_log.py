"""The unified logger: one call, many rows, any form, many processes."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from grace import log
from grace.errors import BadInput
from grace.notary.verify import verify
from grace.settings import PROJECT
from grace.store import open_store
from grace.store.quarantine import entries
from grace.store.read import newest
from grace.store.schema import LOGS

pytestmark = pytest.mark.both_databases
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROWS = [
    {
        "attempt_id": "a-1",
        "error_type": "TimeoutError",
        "error_line": 7,
        "confidence": 0.5,
        "success": True,
        "attempted_at": NOON,
    },
    {"attempt_id": "a-2", "error_type": None, "error_line": None, "success": False},
]
WRITER = """
import sys
from grace import delivery, log
# they wait for each other, however long the disk takes
delivery.BUSY_SECONDS = 600
for number in range(40):
    log.shard(log_id=f"{sys.argv[1]}-{number}", shard_id=sys.argv[1], success=True)
"""


def logged(settings, table="healing_attempts"):
    frame = newest(open_store(settings.url), table)
    return frame.sort_values(LOGS[table].key[0]).to_dict("records")


def test_one_call_is_one_row(settings):
    """Typed columns come back as they were given; JSON as its text."""
    assert log.healing_attempt(**ROWS[0], metadata={"page": 13}) == 1
    (row,) = logged(settings)
    assert (row["error_type"], row["error_line"], row["confidence"]) == ("TimeoutError", 7, 0.5)
    assert row["attempted_at"] == pd.Timestamp(NOON)
    assert json.loads(row["metadata"]) == {"page": 13}
    assert row["source"] == "logger"


def test_the_same_again_is_not_logged_again_and_a_new_outcome_is_a_revision(settings):
    """Readers see the newest revision."""
    assert [log.healing_attempt(**ROWS[0]), log.healing_attempt(**ROWS[0])] == [1, 0]
    assert log.healing_attempt(**ROWS[0] | {"success": False}) == 1
    (row,) = logged(settings)
    assert (row["revision"], bool(row["success"])) == (2, False)


@pytest.mark.parametrize("form", ["dicts", "generator", "frame", "arrow"])
def test_any_form_of_rows_gives_the_same_log(settings, form):
    """Whole numbers stay whole though a frame with gaps makes them floats; gaps become null."""
    forms = {
        "dicts": lambda: ROWS,
        "generator": lambda: (row for row in ROWS),
        "frame": lambda: pd.DataFrame(ROWS),
        "arrow": lambda: pa.Table.from_pylist(ROWS),
    }
    assert log.batch("healing_attempts", forms[form]()) == 2
    first, second = logged(settings)
    assert (first["error_line"], first["attempted_at"]) == (7, pd.Timestamp(NOON))
    assert pd.isna(second["error_line"])
    assert pd.isna(second["confidence"])
    assert not second["success"]


def test_a_frame_of_numpy_values_is_taken(settings):
    """numpy's own scalars are what frames hold."""
    frame = pd.DataFrame({"attempt_id": ["a"], "error_line": np.array([3], dtype=np.int32)})
    assert log.batch("healing_attempts", frame) == 1
    assert logged(settings)[0]["error_line"] == 3


def test_the_sample_that_comes_with_the_project_loads_as_readme_says(settings):
    """Times with zones, a missing verification, a pending outcome and JSON all arrive."""
    frame = pd.read_json(PROJECT / "data/samples/healing_attempts.jsonl", lines=True)
    assert log.batch("healing_attempts", frame) == len(frame) == 8
    rows = {row["attempt_id"]: row for row in logged(settings)}
    assert rows["sample-1"]["attempted_at"] == pd.Timestamp("2026-03-01T01:15:00.25Z")
    assert json.loads(rows["sample-1"]["metadata"]) == {"page": 7}
    assert pd.isna(rows["sample-7"]["success"])
    assert pd.isna(rows["sample-7"]["verified_at"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"colour": "red"}, "column: row: healing_attempts has no column colour"),
        ({"error_line": "seven"}, "type: error_line: expected a whole number"),
        ({"error_line": "7"}, "type: error_line: expected a whole number, got '7'"),
        ({"confidence": float("nan")}, "nan: confidence: NaN is not a number"),
        ({"confidence": 1.7}, "range: confidence: expected from 0 to 1, got 1.7"),
        ({"attempted_at": datetime(2026, 3, 1)}, "zone: attempted_at: 2026-03-01T00:00:00 has no"),  # noqa: DTZ001 - the point
        ({"success": "yes"}, "type: success: expected true or false"),
        ({"error_type": "half a \ud83d"}, "text: error_type: "),
        ({"metadata": {"page": float("inf")}}, "json: metadata: "),
        ({"metadata": object()}, "json: metadata: "),
    ],
)
def test_a_row_that_cannot_be_kept_goes_to_the_quarantine(settings, caplog, row, said):
    """It breaks nothing, keeps no other out, and its reason names the column."""
    assert log.batch("healing_attempts", [ROWS[0], row, ROWS[1]]) == 2
    assert [row["attempt_id"] for row in logged(settings)] == ["a-1", "a-2"]
    (kept,) = entries(open_store(settings.url))
    assert kept.reason.startswith(said)
    assert (kept.source, kept.table) == ("logger", "healing_attempts")
    assert f"1 of 3 rows of healing_attempts go to the quarantine; the first: {said}" in caplog.text


@pytest.mark.parametrize("row", [7, "text", None, ["attempt_id"]])
def test_what_is_no_row_goes_to_the_quarantine(settings, row):
    """Whatever stands in the place of columns by name."""
    assert log.batch("goals", [row]) == 0
    (kept,) = entries(open_store(settings.url))
    assert kept.reason.startswith("shape: expected columns by name")


def test_each_call_that_is_refused_is_kept(settings):
    """The same mistake twice is two rows, for both were meant."""
    for _ in range(2):
        assert log.goal(goal_id="g", progress=101) == 0
    assert len(entries(open_store(settings.url))) == 2


def test_text_in_a_json_column_is_a_string(settings):
    """A caller's values have types: `null` as text is no null."""
    log.healing_attempt(attempt_id="a-1", metadata="null")
    assert logged(settings)[0]["metadata"] == '"null"'


def test_a_table_that_is_not_there_is_named(settings):
    """The message lists those that are."""
    with pytest.raises(BadInput, match="no log table 'healing'; there are healing_attempts"):
        log.batch("healing", ROWS)


def test_every_log_of_the_governed_system_has_its_function(settings):
    """One for each table that others may write."""
    own = {"proposals", "decisions", "actions", "verdicts", "erasures"}
    functions = [getattr(log, name) for name in log.__all__ if name != "batch"]
    tables = {function.__doc__.split("`")[1] for function in functions}
    assert tables == set(LOGS) - own


def test_many_processes_lose_nothing_and_leave_one_tree(settings):
    """Four at once, forty calls each: every row is there, in one tree without gaps."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, f"w{n}"], cwd=Path(__file__).parents[1])
        for n in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    rows = logged(settings, "shard_logs")
    assert sorted(row["log_id"] for row in rows) == sorted(
        f"w{n}-{number}" for n in range(4) for number in range(40)
    )
    assert sorted(row["ledger_index"] for row in rows) == list(range(160))
    assert verify(settings, open_store(settings.url)).ok

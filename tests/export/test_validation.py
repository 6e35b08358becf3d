"""Suites of Great Expectations: rows that break one stop the export, and can be looked at."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from grace.errors import CheckFailed
from grace.export.archive import opened
from grace.export.parts import Part
from grace.export.rows import read_rows
from grace.export.sealing import Sealed
from grace.ingestion.ranges import BOUNDS, CHOICES
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS
from tasks import validation
from tasks.validation import suite_text, validate, validate_sealed
from tests.export.conftest import Exporting

GOOD = {
    "attempt_id": "a",
    "severity": "high",
    "confidence": 0.5,
    "metadata": {"page": 7},
    "attempted_at": datetime(2026, 3, 1, tzinfo=UTC),
}


@pytest.fixture
def sound(tmp_path: Path) -> Exporting:
    """A log of two rows that meet every expectation."""
    made = Exporting(Settings(data_dir=tmp_path / "data"), tmp_path)
    open_store(made.settings.url).engine.dispose()
    made.write("healing_attempts", GOOD, GOOD | {"attempt_id": "b"})
    return made


@pytest.mark.parametrize("table", LOGS)
def test_each_suite_says_what_its_columns_may_hold(table: str) -> None:
    """All columns in order, keys never null, and what ingestion takes: the two never differ."""
    suite = json.loads(suite_text(table))
    found = {(each["type"], each["kwargs"].get("column")) for each in suite["expectations"]}
    log = LOGS[table]
    (columns,) = (
        each["kwargs"]["column_list"]
        for each in suite["expectations"]
        if each["type"] == "expect_table_columns_to_match_ordered_list"
    )
    assert columns == [*log.kinds, "ledger_index", "salt"]
    for name in ("id", "revision", "recorded_at", "ledger_index", *log.key):
        assert ("expect_column_values_to_not_be_null", name) in found
    between = {
        each["kwargs"]["column"]: each["kwargs"]
        for each in suite["expectations"]
        if each["type"] == "expect_column_values_to_be_between"
    }
    for name in log.kinds.keys() & BOUNDS.keys():
        low, high = BOUNDS[name]
        expected = {"column": name, "min_value": low}
        assert between[name] == expected | ({} if high == float("inf") else {"max_value": high})
    chosen = log.kinds.keys() & CHOICES.keys() - (
        set() if table == "goal_dependencies" else {"type"}
    )
    within = {
        each["kwargs"]["column"]: each["kwargs"]["value_set"]
        for each in suite["expectations"]
        if each["type"] == "expect_column_values_to_be_in_set"
    }
    for name in chosen:
        assert within[name] == list(CHOICES[name])


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of the parts that were read to be validated."""
    tables, read = [], validation._read

    def note(sealed: Sealed, table: str, part: Part) -> Iterator[pa.RecordBatch]:
        tables.append(table)
        return read(sealed, table, part)

    monkeypatch.setattr(validation, "_read", note)
    return tables


def test_sound_rows_are_exported_with_what_was_found(
    sound: Exporting, looked_at: list[str]
) -> None:
    """Beside the manifest, a count for each expectation; parts that passed are not read again."""
    finished = sound.export(validate=validate_sealed)
    assert (finished.rows, finished.validated) == (2, True)
    with opened(Path(finished.path)) as archive:
        told = json.loads(archive.read("validation.json"))
    assert told["success"] is True
    expectations = told["tables"]["healing_attempts"]["expectations"]
    assert expectations["confidence: values to be between (min_value=0.0, max_value=1.0)"] == 0
    known = json.loads((sound.settings.log_dir / "sealed/validated.json").read_text())
    assert (len(known), looked_at) == (1, ["healing_attempts"])
    again = sound.export(validate=validate_sealed)
    assert (again.rows, again.validated) == (3, True)
    assert looked_at == ["healing_attempts", "trigger_mesh_logs"]  # the first export's own event


@pytest.mark.parametrize(
    ("broken", "expectation"),
    [
        ({"confidence": 1.5}, "confidence: values to be between (min_value=0.0, max_value=1.0)"),
        ({"severity": "dire"}, "severity: values to be in set"),
    ],
)
def test_broken_rows_stop_the_export(
    sound: Exporting, broken: dict[str, object], expectation: str
) -> None:
    """The one expectation that they break is named, and nothing that looks finished is left."""
    sound.write("healing_attempts", GOOD | broken | {"attempt_id": "c"})
    with pytest.raises(CheckFailed, match="1 of their expectations") as told:
        sound.export(validate=validate_sealed)
    assert expectation in str(told.value)
    assert not list(sound.folder.glob("*.zip*"))
    assert not list(sound.folder.glob(".*.part"))


def test_a_rescue_says_that_it_is_not_valid(sound: Exporting) -> None:
    """The archive is written, proves its rows, and is no backup for the status page."""
    from grace.export.history import last_backup

    sound.write("healing_attempts", GOOD | {"confidence": -1.0, "attempt_id": "c"})
    finished = sound.export(validate=validate_sealed, unvalidated=True)
    assert (finished.validated, sound.prove(finished).validated) == (False, False)
    assert last_backup(sound.settings) is None


def test_failing_rows_are_given_whole(sound: Exporting, tmp_path: Path) -> None:
    """With the expectation they break; and a page of Data Docs where asked."""
    sound.write("healing_attempts", GOOD | {"confidence": 7.0, "attempt_id": "c"})
    with sound.store().reading() as connection:
        found = validate(
            lambda name: read_rows(connection, LOGS[name], 0, 3),
            ["healing_attempts"],
            lambda text, share: None,
            failing=5,
            data_docs=tmp_path / "docs",
        )
    (broken,) = found.broken
    assert (broken.row["attempt_id"], broken.row["confidence"]) == ("c", 7.0)
    assert list(broken.row) == [*LOGS["healing_attempts"].kinds, "ledger_index", "salt"]
    (page,) = (tmp_path / "docs").iterdir()
    assert "confidence" in page.read_text(encoding="utf-8")


def test_a_table_of_many_parts_is_validated_part_by_part(
    sound: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its suite; what is wrong in the last of them is found too."""
    monkeypatch.setattr("grace.export.sealing.BLOCK", 2)
    for number in range(3):
        sound.write("healing_attempts", GOOD | {"attempt_id": f"more {number}"})
    finished = sound.export(validate=validate_sealed)
    assert (finished.validated, finished.rows) == (True, 5)
    sound.write("healing_attempts", GOOD | {"attempt_id": "bad", "confidence": 1.5})
    with pytest.raises(CheckFailed, match="confidence"):
        sound.export(validate=validate_sealed)

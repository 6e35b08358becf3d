"""The benchmark of ingestion at small size; `python -m benchmarks.ingest` reads a million rows."""

from collections import Counter
from dataclasses import replace

from benchmarks.ingest import KINDS, Reading, broken_kind, problems, read_again, write_file

ROWS = 20_000


def test_what_was_broken_in_seven_ways_is_refused_for_seven_reasons(tmp_path):
    """Landed and quarantined are what was read; again, and renamed, nothing is added."""
    file, database = tmp_path / "healing_attempts-old.csv", tmp_path / "grace.db"
    broken = write_file(file, ROWS)
    assert set(broken) == set(KINDS)
    assert broken.total() == ROWS // 100
    readings = [read_again(database, file), read_again(database, file)]
    renamed = file.rename(file.with_name("healing_attempts-new.csv"))
    readings.append(read_again(database, renamed))
    assert list(problems(readings, ROWS, broken)) == []
    assert readings[0].new_in_quarantine == readings[2].new_in_quarantine == ROWS // 100


def test_a_reading_that_lost_a_row_is_told():
    """The benchmark would notice: one row fewer, one reason that is another."""
    kinds = [broken_kind(number) for number in range(700)]
    broken = {kind: kinds.count(kind) for kind in KINDS}
    first = Reading(700, 693, 0, broken, 7, broken, None, 1.0, 1.0)
    again = replace(first, read=0, landed=0, quarantined={}, note="unchanged since it was read")
    renamed = replace(first, landed=0, unchanged=693)
    assert list(problems([first, again, renamed], 700, Counter(broken))) == []
    for wrong in (
        [replace(first, landed=692), again, renamed],
        [replace(first, quarantined=broken | {"type": 0, "nan": 2}), again, renamed],
        [first, replace(again, landed=1), renamed],
        [first, replace(again, note=None), renamed],
        [first, again, replace(renamed, landed=1)],
    ):
        assert len(list(problems(wrong, 700, Counter(broken)))) == 1

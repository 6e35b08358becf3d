"""docs/ingestion.md says what the code does."""

import re
from typing import get_args

from grace.ingestion.ranges import BOUNDS, CHOICES
from grace.ingestion.reasons import ReasonKind
from grace.settings import PROJECT
from tasks.file_places import COMPRESSIONS, FORMATS

PAGE = (PROJECT / "docs/ingestion.md").read_text()


def cells(begin):
    """First cell to last cell of the table that begins with this head."""
    table = PAGE.partition(f"| {begin} |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [line.strip("| ").split(" | ") for line in table]
    return {row[0]: row[-1] for row in rows}


def test_every_kind_of_reason_is_explained():
    """And no other."""
    assert [kind.strip("`") for kind in cells("kind of reason")] == list(get_args(ReasonKind))


def test_every_bound_is_listed():
    """With all columns that have it, in the order of the code."""
    said = cells("bound")
    names = {"0 to 1": (0, 1), "0 to 100": (0, 100), "0 or more": (0, float("inf"))}
    for name, bounds in names.items():
        columns = [column for column, found in BOUNDS.items() if found == bounds]
        assert said[name].split(", ") == columns
    assert {column: ", ".join(allowed) for column, allowed in CHOICES.items()} == {
        column: bound for bound, column in said.items() if bound not in names
    }


def test_every_suffix_is_listed():
    """Of formats and of compressions."""
    formats = PAGE.partition("| format | ends in |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\.\w+)`", formats)) == set(FORMATS)
    compressions = PAGE.partition("may be compressed: ")[2].partition("A path")[0]
    assert set(re.findall(r"`(\.\w+)`", compressions)) == set(COMPRESSIONS)

"""Finding a lever by its name, and asking whether a target is what a change says."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.levers import (
    OF_KIND,
    completed,
    find_lever,
    is_reversible,
    lever_for,
    lever_names,
    verify,
)
from tasks.levers.concurrency_limit import ConcurrencyLimit

DOCUMENT = Path(__file__).parent.parent / "docs" / "levers.md"
# what stands before the colon of a target in the first column of a table
KIND = re.compile(r"`([a-z-]+):[A-Z]")


@dataclass
class Switch:
    """A lever on a dictionary; what it is asked to set it sets."""

    name = "switch"
    reach = "shared"
    reversible = True
    values: dict[str, JsonValue] = field(default_factory=dict)

    def read(self, target: str) -> JsonValue:
        return self.values.get(target)

    def check(self, target: str, value: JsonValue) -> None:
        return

    def apply(self, target: str, value: JsonValue) -> None:
        self.values[target] = value


def test_grace_finds_its_own_lever_by_its_entry_point(settings):
    """Through the same door as anybody else's."""
    lever = find_lever("concurrency-limit", settings)
    assert isinstance(lever, ConcurrencyLimit)
    assert (lever.name, lever.reach, lever.reversible) == ("concurrency-limit", "shared", True)


def test_a_lever_is_found_under_the_name_it_has(settings):
    """The name in the entry point is the name in every change it makes."""
    assert "concurrency-limit" in lever_names()
    assert [find_lever(name, settings).name for name in lever_names()] == lever_names()


@pytest.mark.parametrize("name", ["no-such-lever", "", "Concurrency-Limit", "tasks.levers"])
def test_an_unknown_lever_is_one_line_that_names_the_known_ones(name, settings):
    with pytest.raises(BadInput) as caught:
        find_lever(name, settings)
    assert str(caught.value) == (
        f"there is no lever {name!r}; there are: {', '.join(lever_names())}"
    )


def test_a_third_party_adds_a_lever_by_installing_a_package(tmp_path: Path, monkeypatch, settings):
    """What docs/levers.md shows, letter by letter: a class, and an entry point that names it."""
    (tmp_path / "doors.py").write_text(shown("python"))
    (entry,) = tomllib.loads(shown("toml", 'entry-points."grace'))["project"][
        "entry-points"
    ].items()
    metadata = tmp_path / "doors-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: doors\nVersion: 1.0\n")
    points = "\n".join(f"{name} = {place}" for name, place in entry[1].items())
    (metadata / "entry_points.txt").write_text(f"[{entry[0]}]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"concurrency-limit", "door"} <= set(lever_names())
    door = find_lever("door", settings)
    change = Change(lever=door.name, target="door:front", before=None, after="open")
    with pytest.raises(BadInput, match="a door is open or shut, not 'ajar'"):
        door.check(change.target, "ajar")
    door.check(change.target, change.after)
    for each in (change, change, change.inverse):
        door.apply(each.target, each.after)
        assert verify(door, each)
    assert completed(door, change.target, "shut") == "shut"
    assert is_reversible(door, change.target)


def shown(language: str, with_text: str = "") -> str:
    """The block of docs/levers.md in this language, with this text in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (block,) = (each for each in blocks if with_text in each)
    return block


def test_every_lever_stands_in_the_document_and_turns_a_kind_of_target():
    """Those that come with Grace: a row of the table each, and a target without `--lever`."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    told = {(kind, row.split("|")[2].strip(" `")) for row in rows for kind in KIND.findall(row)}
    assert told == {(kind, lever_for(f"{kind}:a")) for kind in OF_KIND}
    assert {lever for _, lever in told} == set(lever_names())


@pytest.mark.parametrize("after", [8, None, "8", [1]])
def test_a_change_is_verified_by_reading_the_target(after):
    """True only once the target reads what the change says, and its inverse once it is undone."""
    switch, change = Switch({"a": 2}), Change(lever="switch", target="a", before=2, after=after)
    assert not verify(switch, change)
    switch.apply(change.target, change.after)
    assert verify(switch, change)
    assert not verify(switch, change.inverse)
    switch.apply(change.inverse.target, change.inverse.after)
    assert verify(switch, change.inverse)


def test_a_lever_may_complete_a_value_and_take_only_some_targets_back():
    """Both are optional: without them a value is whole, and all targets are alike."""

    class Half(Switch):
        def complete(self, target, value):
            return {"as it is": self.read(target)} | value

        def reverses(self, target):
            return target == "a"

    assert completed(Switch({"a": 2}), "a", 8) == 8
    assert completed(Half({"a": 2}), "a", {"new": 8}) == {"as it is": 2, "new": 8}
    assert is_reversible(Switch(), "b")
    assert [is_reversible(Half(), each) for each in ("a", "b")] == [True, False]


def test_another_kind_of_value_is_not_the_value():
    """A target that reads "8" is not at 8."""
    assert not verify(Switch({"a": "8"}), Change(lever="switch", target="a", before=2, after=8))

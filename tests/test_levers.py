"""Finding a lever by its name, and asking whether a target is what a change says."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.levers import find_lever, lever_names, verify
from tasks.levers.concurrency_limit import ConcurrencyLimit


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
    """A distribution on the path that names an entry point, and nothing else, is enough."""
    (tmp_path / "doors.py").write_text(
        "class Door:\n    name = 'door'\n    def __init__(self, settings): pass\n"
    )
    metadata = tmp_path / "doors-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: doors\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[grace.levers]\ndoor = doors:Door\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_lever("door", settings).name == "door"
    assert {"concurrency-limit", "door"} <= set(lever_names())


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


def test_another_kind_of_value_is_not_the_value():
    """A target that reads "8" is not at 8."""
    assert not verify(Switch({"a": "8"}), Change(lever="switch", target="a", before=2, after=8))

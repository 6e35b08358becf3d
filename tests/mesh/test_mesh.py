"""Events in the order of the ledger: from an index, by pattern, by name, and none missing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from grace import mesh
from grace.cli import main
from grace.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tell(store: Store, *types: str, at: datetime = NOON, resource: str = "goal/g-1") -> None:
    """Each in a transaction of its own, with a row that is no event in between."""
    for number, event_type in enumerate(types):
        with store.writing(at + timedelta(seconds=number)) as writer:
            writer.append("goals", [{"title": f"{event_type} {number}"}])
            writer.event(event_type, resource, {"number": number})


def test_events_come_in_the_order_of_the_ledger_with_what_they_tell(store: Store) -> None:
    """Each says its index and that of the one before it."""
    tell(store, "goal.created", "proposal.applied", "goal.met")
    events = list(mesh.subscribe(store=store))
    assert [event.type for event in events] == ["goal.created", "proposal.applied", "goal.met"]
    assert [event.index for event in events] == [1, 3, 5]
    assert [event.previous for event in events] == [None, 1, 3]
    assert (events[2].resource, events[2].payload) == ("goal/g-1", {"number": 2})


def test_a_subscriber_goes_on_where_it_was(store: Store) -> None:
    """The last index is all it keeps; the same index gives the same events again."""
    tell(store, "goal.created", "goal.met", "goal.created")
    first = next(mesh.subscribe("goal.*", store=store))
    again = [event.index for event in mesh.subscribe(after=first.index, store=store)]
    assert again == [3, 5] == [e.index for e in mesh.subscribe(after=first.index, store=store)]
    assert [e.previous for e in mesh.subscribe(after=first.index, store=store)] == [1, 3]


def test_a_pattern_takes_what_it_names(store: Store) -> None:
    """A star stands for any text."""
    tell(store, "goal.created", "goal.met", "proposal.created")
    assert [event.index for event in mesh.subscribe("goal.*", store=store)] == [1, 3]
    assert [event.index for event in mesh.subscribe("*.created", store=store)] == [1, 5]


def test_following_waits_for_more(store: Store) -> None:
    """What comes while it waits is given, in order, once."""
    tell(store, "goal.created")
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt
        tell(store, "goal.met")

    events = mesh.subscribe(follow=True, store=store, wait=wait)
    seen = [next(events).index for _ in range(3)]
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert seen == [1, 3, 5]


def test_a_gap_is_seen(store: Store) -> None:
    """One event that is withheld is missed, by its index; all of them seen, none is."""
    tell(store, *["goal.evaluated"] * 20)
    indices = [event.index for event in mesh.subscribe(store=store)]
    assert mesh.missed(store, "*", indices) == []
    withheld = indices[7]
    assert mesh.missed(store, "*", [i for i in indices if i != withheld]) == [withheld]
    assert mesh.missed(store, "goal.*", indices[10:], after=indices[9]) == []


def test_a_named_subscriber_gets_each_event_until_it_dealt_with_it(store: Store) -> None:
    """At which it fails, it is given again, and none behind it before."""
    tell(store, "goal.created", "goal.met", "goal.off_track")
    seen: list[str] = []

    def handler(event: mesh.Event) -> None:
        seen.append(event.type)
        if event.type == "goal.met" and seen.count("goal.met") == 1:
            raise OSError("the pager does not answer")

    with pytest.raises(OSError, match="pager"):
        mesh.deliver(store, "pager", "goal.*", handler)
    assert mesh.deliver(store, "pager", "goal.*", handler) == 2
    assert seen == ["goal.created", "goal.met", "goal.met", "goal.off_track"]
    assert mesh.deliver(store, "pager", "goal.*", handler) == 0
    assert mesh.deliver(store, "another", "goal.off_track", seen.append) == 1


def test_the_command_prints_events_as_lines(store: Store, capsys: pytest.CaptureFixture) -> None:
    """With --json one JSON object a line."""
    tell(store, "goal.created", "proposal.applied")
    with pytest.raises(SystemExit) as end:
        main(["--json", "mesh", "listen", "goal.*", "--after", "-1"])
    assert end.value.code == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["type"] == "goal.created"


def test_the_check_says_what_prefect_does_not_have(store: Store, capsys) -> None:
    """Events of more than a minute ago that were never published: exit code 1."""
    tell(store, "goal.created", at=datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(SystemExit) as end:
        main(["mesh", "check"])
    assert end.value.code == 1
    assert "1 events of more than a minute ago are not in Prefect" in capsys.readouterr().err

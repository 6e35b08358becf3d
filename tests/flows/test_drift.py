"""A kept change that somebody else set back is reported once, and left as it is."""

from datetime import UTC, datetime

from grace.actions.action import Action, carry_out
from grace.governance.change import Change
from grace.governance.register import Entry, move
from grace.store.read import newest
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tests.desk import Desk, run_deployed
from tests.flows.test_governance import approve


def kept(desk: Desk) -> Entry:
    """A limit of 2, set to 8 and at rest."""
    entry = approve(desk)
    change = Change(lever="concurrency-limit", target=desk.target, before=2, after=8)
    clock = lambda: datetime.now(UTC)  # noqa: E731
    carry_out(desk.store, ConcurrencyLimit(), Action(entry.id, "apply", "apply", change), clock)
    for state in ("applying", "applied", "measuring", "kept"):
        with desk.store.writing(clock()) as writer:
            entry = move(writer, entry, state)
    return entry


def sweep() -> None:
    assert run_deployed("governance/every-10-minutes").is_completed()


def reports(desk: Desk) -> list[str]:
    found = newest(desk.store, "decisions")
    return found.loc[found["question"] == "drift", "reason"].to_list()


def test_what_stays_as_it_was_set_is_no_drift(desk: Desk) -> None:
    kept(desk)
    sweep()
    assert reports(desk) == []


def test_what_was_set_back_is_reported_once_and_not_fought(desk: Desk) -> None:
    entry = kept(desk)
    ConcurrencyLimit().apply(desk.target, 3)
    sweep()
    sweep()
    (told,) = reports(desk)
    assert told.startswith(f"reverted outside: {desk.target} is 3, no longer 8")
    assert desk.limit == 3
    assert desk.entry(entry).state == "kept"


def test_what_a_later_change_moved_on_is_no_drift(desk: Desk) -> None:
    """Two kept changes of one target: only the newer one says what it should be."""
    kept(desk)
    later = approve(desk, 9)
    change = Change(lever="concurrency-limit", target=desk.target, before=8, after=9)
    action = Action(later.id, "apply", "apply", change)
    carry_out(desk.store, ConcurrencyLimit(), action, lambda: datetime.now(UTC))
    with desk.store.writing(datetime.now(UTC)) as writer:
        move(writer, later, "superseded")
    sweep()
    assert reports(desk) == []

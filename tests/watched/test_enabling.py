"""From watching to changing: only what a person enabled, and only once it is approved."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.actions.action import done_actions
from grace.governance.register import find
from tasks.changes import apply_change, take_step, undo_change
from tests.foreign import Foreign
from tests.watched.conftest import Watched
from tests.watched.system import LIMITED_TO, TARGET

pytestmark = pytest.mark.usefixtures("may_be_changed")


def blocks(watched: Watched, proposal_id: str) -> int:
    done = done_actions(watched.store, proposal_id)
    return sum(action.purpose == "block" for action in done)


def step(watched: Watched, proposal_id: str, days: int) -> None:
    """A step of the measurement, so many days later: whatever block runs is due."""
    take_step.fn(watched.settings, proposal_id, datetime.now(UTC) + timedelta(days=days))


def writes(watched: Watched) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in watched.proxy.asked if one.method in ("PATCH", "PUT")]


def test_a_limit_is_enabled_approved_changed_measured_and_put_back(
    watched: Watched, foreign: Foreign
) -> None:
    watched.connect()
    assert watched.cycle().is_completed()
    assert watched.proposals() == []

    watched.enable(TARGET)
    assert watched.cycle().is_completed()
    assert watched.finding().standing == "proposed"
    (entry,) = watched.proposals()
    assert writes(watched) == []
    entry = watched.approve(entry)
    raised = entry.proposal.change.after
    assert (entry.state, foreign.limit(TARGET)) == ("applied", raised)
    assert raised > LIMITED_TO
    assert {path for _, path in writes(watched)} == {f"/api/v2/concurrency_limits/{TARGET}"}

    step(watched, entry.id, days=0)
    assert find(watched.store, entry.id).state == "measuring"
    assert blocks(watched, entry.id) == 1
    at = foreign.limit(TARGET)
    watched.enable(TARGET, answer="disable")
    step(watched, entry.id, days=1)
    assert (blocks(watched, entry.id), foreign.limit(TARGET)) == (1, at)
    watched.enable(TARGET)
    step(watched, entry.id, days=1)
    assert blocks(watched, entry.id) == 2
    assert foreign.limit(TARGET) == LIMITED_TO + raised - at

    watched.enable(TARGET, answer="disable")
    undone = undo_change(watched.settings, entry.id, "ann", "the try is over")
    assert (undone.state, foreign.limit(TARGET)) == ("rolled_back", LIMITED_TO)


def test_what_was_approved_and_then_disabled_waits(watched: Watched, foreign: Foreign) -> None:
    """It is not applied, the line says why, and enabled again it is."""
    watched.connect()
    watched.enable(TARGET)
    assert watched.cycle().is_completed()
    watched.enable(TARGET, answer="disable")
    (entry,) = watched.proposals()
    assert watched.approve(entry).state == "approved"
    told = apply_change.fn(watched.settings, entry.id).told
    assert told.startswith(f"{entry.id} is approved and waits: {TARGET} is not enabled")
    assert foreign.limit(TARGET) == LIMITED_TO
    assert writes(watched) == []
    watched.enable(TARGET)
    assert apply_change.fn(watched.settings, entry.id).state == "applied"
    assert foreign.limit(TARGET) == entry.proposal.change.after > LIMITED_TO


def test_a_whole_kind_is_enabled_by_its_beginning(watched: Watched) -> None:
    """And what is enabled of another kind changes nothing for this one."""
    watched.connect()
    watched.enable("deployment:*")
    assert watched.cycle().is_completed()
    assert (watched.finding().standing, watched.proposals()) == ("would propose", [])
    watched.enable("tag:*")
    assert watched.cycle().is_completed()
    assert watched.finding().standing == "proposed"

"""What holds back a change that was approved."""

from datetime import timedelta

import pytest

from grace.errors import NotAllowed
from grace.governance.brakes import ACTIVE, active_on, check_may_apply
from grace.governance.decisions import Decision, record_decision
from grace.states import OPEN, STATES, TRANSITIONS


@pytest.fixture
def did(store):
    """Log an action that was begun at a time."""

    def act(proposal_id, at, purpose="apply", name="a"):
        action = {
            "action_id": f"{proposal_id}:{name}",
            "proposal_id": proposal_id,
            "purpose": purpose,
            "started_at": at,
        }
        with store.writing(at) as writer:
            writer.append("actions", [action])
            writer.append("actions", [action | {"status": "done", "finished_at": at}])

    return act


def test_without_a_brake_an_approved_change_may_be_applied(store, policy, now, enter):
    """The case that raises nothing, and the proposal itself is no brake on itself."""
    check_may_apply(store, enter("p-1", "approved"), policy, now)
    check_may_apply(store, enter("p-2", "applying", target="tag:own"), policy, now)


def test_nothing_is_applied_while_paused(store, policy, now, enter):
    """Until *resume*, with the reason that was given."""
    entry = enter("p-1", "approved")
    for word in ("pause", "resume"):
        with store.writing(now) as writer:
            decision = Decision(question="pause", answer=word, reason="freeze", reviewer="ann")
            record_decision(writer, decision)
        if word == "pause":
            with pytest.raises(NotAllowed, match="paused by ann: freeze"):
                check_may_apply(store, entry, policy, now)
    check_may_apply(store, entry, policy, now)


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_one_change_of_a_target_at_a_time(store, policy, now, enter, state):
    """While another is applied, measured or undone there, this one waits; elsewhere it does not."""
    enter("p-1", state)
    assert active_on(store, "tag:pages") == "p-1"
    with pytest.raises(NotAllowed, match="p-1 is changing or measuring the same target"):
        check_may_apply(store, enter("p-2", "approved", metric="mean execution time"), policy, now)
    check_may_apply(store, enter("p-3", "approved", target="tag:other"), policy, now)


@pytest.mark.parametrize("state", ["approved", "kept", "failed", "superseded"])
def test_a_change_at_rest_holds_back_no_other(store, policy, now, enter, state):
    enter("p-1", state)
    assert active_on(store, "tag:pages") is None
    check_may_apply(store, enter("p-2", "approved", metric="mean execution time"), policy, now)


def test_the_active_states_are_those_in_which_the_target_moves():
    """All of them are open, and each is entered only from approved on."""
    assert ACTIVE < OPEN < set(STATES)
    before = {state for state in STATES if TRANSITIONS[state] & ACTIVE} - ACTIVE
    assert before == {"approved", "kept"}


def test_no_more_changes_a_day_than_the_policy_allows(store, policy, now, enter, did):
    """Two a day: the third waits until the first is a day old."""
    two = policy.model_copy(update={"changes_a_day": 2})
    entry = enter("p-3", "approved")
    did("p-1", now - timedelta(hours=23))
    check_may_apply(store, entry, two, now)
    did("p-2", now - timedelta(hours=1))
    with pytest.raises(NotAllowed, match="2 changes were applied within a day"):
        check_may_apply(store, entry, two, now)
    check_may_apply(store, entry, two, now + timedelta(hours=1, microseconds=1))


def test_only_applying_counts_as_a_change_of_the_day(store, policy, now, enter, did):
    """Blocks of a measurement and undoing are parts of a change that was counted already."""
    one = policy.model_copy(update={"changes_a_day": 1})
    for purpose in ("block", "undo", "keep"):
        did("p-1", now, purpose, name=purpose)
    check_may_apply(store, enter("p-2", "approved"), one, now)


def test_a_change_that_was_recovered_counts_once(store, policy, now, enter, did):
    """One proposal that was applied twice after a crash is one change."""
    two = policy.model_copy(update={"changes_a_day": 2})
    did("p-1", now, name="apply")
    did("p-1", now, name="again")
    check_may_apply(store, enter("p-2", "approved"), two, now)


def test_a_policy_of_no_changes_applies_none(store, policy, now, enter):
    none = policy.model_copy(update={"changes_a_day": 0})
    with pytest.raises(NotAllowed, match="0 changes"):
        check_may_apply(store, enter("p-1", "approved"), none, now)

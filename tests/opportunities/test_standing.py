"""What stands against proposing a target: an open proposal, a rest, the cap."""

from datetime import timedelta

import pytest

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.opportunities.standing import standing_of
from grace.states import OPEN, STATES
from tests.proposing import NOON, a_proposal, an_entry

POLICY = Policy(reviewers=("ann",), rest_days=7, open_proposals=2)
KIND = "reduce_wait_time"


def stands(entries, target="tag:pages", after=timedelta(days=1)):
    return standing_of(entries, KIND, target, POLICY, NOON + after)


def on(target, **differing):
    change = Change(lever="concurrency-limit", target=target, before=2, after=8)
    return an_entry(a_proposal(change=change), **differing)


def test_nothing_stands_against_a_target_that_was_never_proposed():
    """An empty register, or one that knows other targets only."""
    assert stands([]) is None
    assert stands([on("tag:other")]) is None


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_open_proposal_stands_against_a_second(state):
    """Whoever proposed it: one change at a time on a target."""
    standing, reason = stands([on("tag:pages", state=state)])
    assert standing == "open"
    assert state in reason


@pytest.mark.parametrize("state", ["rejected", "forbidden", "rolled_back", "failed"])
def test_what_ended_badly_rests_for_the_days_of_the_policy(state):
    """Before the last day it rests, with the reason and the day; after it, it may be raised."""
    entry = on("tag:pages", state=state, reason="not now")
    standing, reason = stands([entry], after=timedelta(days=6.9))
    assert standing == "resting"
    assert f"{state} on 2026-03-01: not now; rests until 2026-03-08" in reason
    assert stands([entry], after=timedelta(days=7.1)) is None


def test_what_was_rejected_for_the_waits_is_not_asked_again_for_the_time():
    """Both kinds would raise the same limit: a no to the one is a no to the other."""
    change = Change(lever="concurrency-limit", target="tag:pages", before=2, after=8)
    rejected = a_proposal(kind="reduce_execution_time", change=change)
    standing, _ = stands([an_entry(rejected, state="rejected", reason="not now")])
    assert standing == "resting"


@pytest.mark.parametrize("state", ["kept", "expired", "superseded"])
def test_what_ended_otherwise_does_not_rest(state):
    """Kept ones begin a new stream of evidence; unanswered ones are asked again."""
    assert stands([on("tag:pages", state=state)]) is None


def test_a_change_by_hand_does_not_make_the_engine_rest():
    """A person's rejected idea says nothing about the engine's."""
    by_hand = an_entry(a_proposal(kind="by_hand", proposed_by="carl"), state="rejected")
    assert stands([by_hand]) is None


def test_no_more_than_so_many_are_open_at_once():
    """At the cap the rest is held back; proposals by hand do not count."""
    assert stands([on("tag:a")]) is None
    standing, reason = stands([on("tag:a"), on("tag:b")])
    assert (standing, reason.split()[0]) == ("held back", "2")


def test_every_state_is_open_resting_or_free():
    """No state is forgotten: each gives one of the three answers at once after it was reached."""
    answers = {state: stands([on("tag:pages", state=state)]) for state in STATES}
    told = {state: answer[0] if answer else "free" for state, answer in answers.items()}
    assert set(told.values()) == {"open", "resting", "free"}
    assert {state for state, answer in told.items() if answer == "open"} == set(OPEN)

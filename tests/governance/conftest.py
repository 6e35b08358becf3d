"""Proposals that differ in what a test is about, and the register that takes them to a state."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, move, raise_proposal
from grace.states import TRANSITIONS, State
from grace.store import Store
from tests.proposing import NOON, a_proposal

Propose = Callable[..., Proposal]


@pytest.fixture
def now() -> datetime:
    return NOON


@pytest.fixture
def policy() -> Policy:
    return Policy(reviewers=("ann", "bob"), digest="0" * 64)


@pytest.fixture
def propose() -> Propose:
    def make(
        proposal_id: str = "p-1",
        *,
        target: str = "tag:pages",
        before: JsonValue = 2,
        after: JsonValue = 8,
        metric: str = "mean excess wait",
        created_at: datetime = NOON,
        **differing: object,
    ) -> Proposal:
        return a_proposal(
            proposal_id=proposal_id,
            change=Change(lever="concurrency-limit", target=target, before=before, after=after),
            evidence=a_proposal().evidence.model_copy(update={"metric": metric}),
            created_at=created_at,
            deadline=created_at + timedelta(hours=72),
            **differing,
        )

    return make


@pytest.fixture
def way_to() -> Callable[[State], list[State]]:
    """The shortest way from *proposed* to a state."""

    def way(goal: State) -> list[State]:
        ways: dict[State, list[State]] = {"proposed": []}
        queue: list[State] = ["proposed"]
        for state in queue:
            for after in sorted(TRANSITIONS[state] - ways.keys()):
                ways[after] = [*ways[state], after]
                queue.append(after)
        return ways[goal]

    return way


@pytest.fixture
def enter(
    store: Store, now: datetime, propose: Propose, way_to: Callable[[State], list[State]]
) -> Callable[..., Entry]:
    """Enter a proposal and move it on to a state."""

    def entered(proposal_id: str = "p-1", state: State = "proposed", **differing: object) -> Entry:
        with store.writing(now) as writer:
            entry = raise_proposal(writer, propose(proposal_id, **differing))
            for step in way_to(state):
                entry = move(writer, entry, step)
        return entry

    return entered

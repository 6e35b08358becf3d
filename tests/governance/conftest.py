"""Proposals that differ only in what a test is about."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.risk import Risk
from grace.measurement.plan import Plan

NOW = datetime(2025, 6, 1, 9, tzinfo=UTC)

Propose = Callable[..., Proposal]


@pytest.fixture
def now() -> datetime:
    return NOW


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
        kind: str = "reduce_wait_time",
        proposed_by: str = "grace",
        created_at: datetime = NOW,
        interval: tuple[float, float] | None = None,
    ) -> Proposal:
        change = Change(lever="concurrency-limit", target=target, before=before, after=after)
        plan = Plan(
            limit=target,
            floor_seconds=6.0,
            smallest_effect=0.5,
            block_seconds=60.0,
            order=(("before", "after"), ("after", "before")),
        )
        return Proposal(
            proposal_id=proposal_id,
            kind=kind,
            title=f"Raise {target}",
            why="Runs wait for a place.",
            log="main",
            proposed_by=proposed_by,
            created_at=created_at,
            deadline=created_at + timedelta(hours=72),
            change=change,
            evidence=Evidence(
                metric=metric, unit="flow run", n=20, mean=5.0, interval=interval, ledger_size=7
            ),
            prediction=Prediction(metric=metric, now=5.0, then=0.5, how="by replay"),
            risk=Risk(score=0.3, tier="medium", parts={"touches what runs share": 0.3}),
            plan=plan,
            policy_digest="0" * 64,
            seconds_to_verdict=840.0,
        )

    return make

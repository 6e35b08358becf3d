"""One proposal, as like the engine's as can be; a test says in what its own differs."""

from datetime import UTC, datetime, timedelta

from grace.governance.change import Change
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.register import Entry
from grace.governance.risk import Risk
from grace.measurement.plan import Plan

__all__ = ["NOON", "a_plan", "a_proposal", "an_entry"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_plan(**differing: object) -> Plan:
    """Thirty pairs of blocks of a minute."""
    fixed = {
        "subject": "tag:pages",
        "floor_seconds": 0.2,
        "smallest_effect": 0.52,
        "block_seconds": 60,
        "order": (("before", "after"),) * 30,
    }
    return Plan.model_validate(fixed | differing)


def a_proposal(**differing: object) -> Proposal:
    """Of the engine, for the sample log, to raise a tag limit from 2 to 8."""
    fixed = {
        "proposal_id": "0195-abc",
        "kind": "reduce_wait_time",
        "title": "Raise tag:pages from 2 to 8",
        "why": "Its runs wait 5.2 s longer than they must.",
        "log": "sample",
        "proposed_by": "grace",
        "created_at": NOON,
        "deadline": NOON + timedelta(days=3),
        "change": Change(lever="concurrency-limit", target="tag:pages", before=2, after=8),
        "evidence": Evidence(
            metric="mean excess wait",
            unit="flow run",
            n=14,
            mean=5.2,
            interval=(3.1, float("inf")),
            span=(NOON - timedelta(minutes=7), NOON),
            threshold=2.0,
            e_value=2345.6,
            needed=1200.0,
            ledger_size=900,
            ruled_out=("tag:other: no run met it",),
        ),
        "prediction": Prediction(
            metric="mean excess wait", now=5.2, then=0.7, how="By replaying the runs."
        ),
        "risk": Risk(score=0.15, tier="low", parts={"weak evidence": 0.15, "other": 0.0}),
        "plan": a_plan(),
        "policy_digest": "0" * 64,
        "seconds_to_verdict": 840.0,
    }
    return Proposal.model_validate(fixed | differing)


def an_entry(proposal: Proposal, **differing: object) -> Entry:
    """The proposal as it stands while a person is asked."""
    fixed = {"content_hash": "c0ffee" * 10, "state": "awaiting_approval", "changed_at": NOON}
    return Entry(proposal, **(fixed | differing))

"""The page that a person reads before answering says everything the answer depends on."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.brief import brief, duration
from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.register import Entry
from grace.governance.risk import Risk
from grace.measurement.plan import Plan

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(**differing):
    proposal = Proposal(
        **{
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
            "risk": Risk(score=0.35, tier="medium", parts={"weak evidence": 0.15, "other": 0.0}),
            "plan": Plan(
                limit="tag:pages",
                floor_seconds=0.2,
                smallest_effect=0.52,
                block_seconds=60,
                order=(("before", "after"),) * 30,
            ),
            "policy_digest": "0" * 64,
            "seconds_to_verdict": 840.0,
            **differing,
        }
    )
    return Entry(proposal, "c0ffee" * 10, "awaiting_approval", NOON)


POLICY = Policy(reviewers=("ann", "ben"))


@pytest.mark.parametrize(
    "fact",
    [
        "*sample workload* - Raise tag:pages from 2 to 8",
        "| mean excess wait | **5.20 s** |",
        "14 flow runs",
        "2026-03-01 11:53 to 12:00 UTC",
        "above 3.10 s; threshold 2.0",
        "2,346, needed 1,200",
        "- tag:other: no run met it",
        "- 2\n+ 8",
        "5.20 s → **0.70 s**. By replaying the runs.",
        "**0.35** of 1, tier medium",
        "- weak evidence: 0.15",
        "The earliest verdict comes after 14 min, the latest after 60 min",
        "An effect below 0.52 s counts as none",
        "if it changes nothing it is undone",
        "`grace --sample undo 0195-abc`",
        "Reviewers: ann, ben. Answer until 2026-03-04 12:00 UTC",
    ],
)
def test_the_brief_says(fact):
    """Numbers with n, interval and span; the diff; prediction, risk, time to a verdict, undo."""
    assert fact in brief(entry(), POLICY, "grace --sample undo")


def test_risk_names_only_the_parts_that_count():
    """A part that adds nothing is not listed."""
    assert "other" not in brief(entry(), POLICY).partition("What it risks")[2]


def test_a_change_that_cannot_be_judged_is_labelled_so():
    """Without runs there is no time to a verdict, and the page does not invent one."""
    page = brief(entry(seconds_to_verdict=None), POLICY)
    assert "It cannot be judged at the present volume" in page


def test_a_change_without_data_claims_nothing():
    """By hand, with nothing logged: neither figures nor a prediction."""
    nothing = Evidence(metric="mean excess wait", unit="none", n=0, mean=None, ledger_size=0)
    blank = Prediction(metric="mean excess wait", now=None, then=None, how="nothing was logged")
    page = brief(entry(evidence=nothing, prediction=blank, log="main"), POLICY)
    assert "Nothing yet" in page
    assert "No prediction: nothing was logged" in page
    assert "sample workload" not in page


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(45, "45 s"), (840, "14 min"), (7200, "2 h"), (172800, "2 days"), (90000, "25 h")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    """Seconds, minutes, hours or days, whichever is short."""
    assert duration(seconds) == said

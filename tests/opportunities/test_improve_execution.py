"""When decisions wait too often, and which type of them has earned a permit."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from grace.analysis.rules import Rules
from grace.governance.governing import Earning
from grace.governance.policy import Policy
from grace.opportunities.drawing import Case
from grace.opportunities.earning import decided, earners, execution_units
from grace.opportunities.finding import Finding
from grace.opportunities.improve_execution import Beside, case_for, of_change, stream_of
from grace.opportunities.streams import Seen, see
from grace.store import Store
from grace.store.read import newest
from tests.ruling import a_policy, a_rule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=3)
HOURS = 48


def decision(
    hour: float,
    status: str,
    outcome: str | None = None,
    kind: str = "restart_service",
    actor: str | None = "ops-agent",
    flow_run: str | None = None,
) -> dict[str, object]:
    return {
        "decision_type": kind,
        "actor": actor,
        "status": status,
        "outcome": outcome,
        "decision_context": {"flow_run": flow_run} if flow_run else None,
        "timestamp": NOON + timedelta(hours=hour),
    }


def logged(store: Store, rows: list[dict[str, object]], earning: Earning | None = None):
    with store.writing(LATER) as writer:
        named = [{"log_id": str(number)} | row for number, row in enumerate(rows)]
        writer.append("agentic_spine_logs", named, source="test")
    frame = newest(store, "agentic_spine_logs")
    return decided(frame, Rules(), earning or Earning())


def waiting(
    well: int = 10, kind: str = "restart_service", each: int = 1, **differing: str | None
) -> list[dict[str, object]]:
    """Two days: some wait each hour; one is executed, and `well` of ten end well."""
    rows = []
    for hour in range(HOURS):
        rows += [decision(hour, "awaiting_approval", kind=kind, **differing) for _ in range(each)]
        outcome = "success" if hour % 10 < well else "it got worse"
        rows.append(decision(hour + 0.1, "executed", outcome, kind, **differing))
    return rows


def a_beside(policy: Policy | None = None) -> Beside:
    return Beside(policy or a_policy(), lambda target: None, lambda target: True, LATER)


def judged(frame: pd.DataFrame, beside: Beside | None = None) -> tuple[Seen, Case | Finding]:
    (seen,) = see([stream_of(execution_units(frame, LATER), NOON)], LATER)
    return seen, case_for(seen, frame, beside or a_beside(), 100)


def test_the_unit_is_the_flow_run_and_else_the_hour(store):
    """Open decisions and Grace's own are left out, and so is an hour that is not over."""
    rows = [
        decision(0, "executed", flow_run="f1"),
        decision(0.1, "Awaiting-Approval", flow_run="f1"),
        decision(0.2, "applied"),
        decision(0.3, "pending"),
        decision(0.4, "completed", actor="grace"),
        decision(1.1, "rejected"),
    ]
    units = execution_units(logged(store, rows), NOON + timedelta(hours=1, minutes=30))
    assert [(each.queued, each.completed, each.value) for each in units] == [
        (NOON, NOON + timedelta(minutes=6), 0.5),
        (NOON, NOON + timedelta(hours=1), 1.0),
    ]


def test_a_type_whose_record_earned_it_is_permitted_to_those_who_earned_it(store):
    """Of 48 decisions that did not wait 48 ended well; as many waited."""
    frame = logged(store, waiting())
    seen, case = judged(frame)
    assert seen.raised
    assert isinstance(case, Case)
    assert case.change.target == "permit:restart_service"
    assert (case.change.lever, case.change.before) == ("earned-permit", None)
    assert case.change.after["systems"] == ["ops-agent"]
    assert "of 48 by ops-agent that did not wait 48" in case.change.after["reason"]
    assert (case.prediction.now, case.prediction.then) == (0.5, 1.0)
    assert (case.subject, case.gap_seconds) == ("restart_service", 3600)
    assert len(of_change(frame, case.change)) == 96


def test_at_the_threshold_nothing_is_raised(store):
    """Four of five are executed: 80 % is not below 80 %."""
    rows = []
    for hour in range(HOURS):
        rows += [decision(hour, "executed", "success") for _ in range(4)]
        rows.append(decision(hour, "awaiting_approval"))
    (seen,) = see([stream_of(execution_units(logged(store, rows), LATER), NOON)], LATER)
    assert seen.weighed.mean == pytest.approx(0.8)
    assert not seen.weighed.crossed


def test_ten_decisions_are_too_few(store):
    """However clear they are: more than ten are needed."""
    rows = [decision(hour, "awaiting_approval") for hour in range(10)]
    seen, finding = judged(logged(store, rows))
    assert seen.raised
    assert (finding.standing, finding.reason[:8]) == ("watching", "10 of 11")


def test_what_is_missing_is_said_in_numbers(store):
    """Fifteen good ends are too few; so many more would do, and with those it is proposed."""
    rows = [decision(hour, "awaiting_approval") for hour in range(HOURS)]
    rows += [decision(hour + 0.1, "executed", "success") for hour in range(15)]
    _, finding = judged(logged(store, rows))
    assert finding.standing == "watching"
    assert "restart_service by ops-agent waited 48 times" in finding.reason
    assert "of 15 by ops-agent that did not wait 15 were executed and ended well" in finding.reason
    assert finding.reason.endswith("16 more that end well would do")
    rows += [decision(15.1 + hour, "executed", "success") for hour in range(16)]
    with store.writing(LATER) as writer:
        more = [{"log_id": f"m{number}"} | row for number, row in enumerate(rows[-16:])]
        writer.append("agentic_spine_logs", more, source="test")
    frame = decided(newest(store, "agentic_spine_logs"), Rules(), Earning())
    assert isinstance(judged(frame)[1], Case)


@pytest.mark.parametrize(
    "bad",
    [("executed", "it got worse"), ("executed", None), ("failed", "success"), ("rejected", None)],
)
def test_what_did_not_surely_end_well_counts_against_it(store, bad):
    """A bad end, none that is told, a failure, and a person's refusal: none is left out."""
    rows = waiting() + [decision(hour + 0.2, *bad) for hour in range(0, HOURS, 8)]
    (record,) = earners(logged(store, rows), Earning())
    assert (record.tried, record.well) == (54, 48)
    assert record.lower < 0.9
    assert not record.has_earned


def test_decisions_of_one_flow_run_are_no_thirty_decisions(store):
    """Forty that ended well in two flow runs are two; the naive limit takes them for forty."""
    rows = [decision(n / 60, "executed", "success", flow_run=f"f{n % 2}") for n in range(40)]
    (record,) = earners(logged(store, [*rows, decision(1, "asked")]), Earning())
    naive = 0.05 ** (1 / 40)  # Clopper and Pearson's limit of 40 of 40
    assert naive > 0.9 > record.lower
    assert record.missing == 128  # Kish: (40 + 128)^2 / (2 * 20^2 + 128) = 30.4 units


def test_a_record_at_the_bar_seldom_earns_a_permit():
    """Null: 90 % end well, no more; 40 flow runs of 10 decisions that go together (ICC 0.3).

    n = 300 records, seed 11: at most 5 % earn it, up to three standard errors; the limit that takes
    400 decisions for 400 independent ones earns it more than twice as often as that.
    """
    rng, runs, size, icc, records = np.random.default_rng(11), 40, 10, 0.3, 300
    spread = 1 / icc - 1
    earned = naive = 0
    for _ in range(records):
        rates = rng.beta(0.9 * spread, 0.1 * spread, runs)
        well = (rng.random((runs, size)) < rates[:, None]).ravel()
        frame = pd.DataFrame(
            {
                "decision_type": "restart_service",
                "system": "ops-agent",
                "flow_run": np.repeat([f"f{run}" for run in range(runs)], size),
                "at": pd.Timestamp(NOON),
                "value": 1.0,
                "waited": False,
                "well": well,
            }
        )
        (record,) = earners(frame, Earning())
        earned += record.has_earned
        naive += beta.ppf(0.05, well.sum(), (~well).sum() + 1) > 0.9
    assert earned / records <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / records)
    assert naive / records > 0.1


def test_the_type_that_costs_most_is_proposed_first(store):
    """And what waits more, but has not earned it, is told beside it."""
    rows = (
        waiting(kind="clear_cache", each=2)
        + waiting(kind="restart_service", each=3)
        + waiting(well=5, kind="drop_table", each=5)
    )
    _, case = judged(logged(store, rows))
    assert case.change.target == "permit:restart_service"
    (told,) = case.evidence.ruled_out
    assert told.startswith("drop_table by ops-agent waited 240 times and has not earned it")


def test_one_systems_record_permits_no_other(store):
    """Two systems decide the same type, one of them badly: only the other is named."""
    rows = waiting(actor="careful") + waiting(well=5, actor="hasty", each=3)
    frame = logged(store, rows)
    _, case = judged(frame)
    assert case.change.after["systems"] == ["careful"]
    assert case.prediction.now == 0.5
    assert set(of_change(frame, case.change)["system"]) == {"careful"}


def test_what_was_permitted_before_stays(store):
    had = {"systems": ["older"], "reason": "as agreed"}
    beside = replace(a_beside(), permit_of=lambda target: had)
    _, case = judged(logged(store, waiting()), beside)
    assert case.change.before == had
    assert case.change.after["systems"] == ["older", "ops-agent"]
    assert case.change.after["reason"].startswith("as agreed; of 48 by ops-agent")


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_what_the_policy_answers_already_is_not_proposed(store, effect):
    """A type that is forbidden can earn nothing, and one that is permitted need not."""
    policy = a_policy(a_rule(effect, 'resource.name == "restart_service"', action="decide"))
    _, finding = judged(logged(store, waiting()), a_beside(policy))
    assert finding.standing == "watching"
    assert "permits or forbids" in finding.reason


@pytest.mark.parametrize(
    "changed",
    [
        {"is_free": lambda target: False},
        {"permit_of": lambda target: {"edited": "permit (principal, action, resource);"}},
    ],
)
def test_what_is_open_or_was_edited_by_hand_is_left_alone(store, changed):
    _, finding = judged(logged(store, waiting()), replace(a_beside(), **changed))
    assert finding.standing == "held back"


def test_nobody_is_permitted_where_nobody_is_named(store):
    _, finding = judged(logged(store, waiting(actor=None)))
    assert "do not name who decided" in finding.reason


def test_what_fails_and_never_waits_needs_no_permit(store):
    rows = [decision(hour, "failed") for hour in range(HOURS)]
    seen, finding = judged(logged(store, rows))
    assert seen.raised
    assert finding.reason == "no decision waited for approval, so a permit would change nothing"


def test_a_log_without_decisions_gives_no_units(store):
    frame = logged(store, [decision(0, "executed", actor="grace")])
    assert execution_units(frame, LATER) == []
    assert earners(frame, Earning()) == []

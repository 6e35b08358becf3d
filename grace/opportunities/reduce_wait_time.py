"""The opportunity `reduce_wait_time`: a limit makes runs wait longer than they must.

Raised where the mean *excess* wait, above what no limit lowers, is shown to be beyond 2 s; the
unit of evidence is the flow run. The limit proposed is the smallest that is predicted to bring the
excess down to 1 s; it is at most four times the present one, and none that the policy forbids.
"""

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction
from grace.governance.request import about_change
from grace.governance.risk import Risk
from grace.opportunities.choosing import choose_limit, ruled_out
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.opportunities.waits import LimitPressure
from grace.statistics.evidence import Gate

__all__ = ["GATE", "KIND", "LEVER", "METRIC", "case_for", "stream_of"]

KIND = "reduce_wait_time"
LEVER = "concurrency-limit"
GATE = Gate(threshold=2.0, kind="mean_above")
TARGET_SECONDS = 1.0
METRIC = "mean excess wait"


def stream_of(pressure: LimitPressure, origin: datetime) -> Stream:
    """The flow runs under one limit since its stream began."""
    return Stream(
        kind=KIND,
        target=pressure.key,
        metric=METRIC,
        unit="flow run",
        gate=GATE,
        origin=origin,
        times=pressure.times,
        values=pressure.values,
    )


def case_for(
    seen: Seen, pressure: LimitPressure, frame: pd.DataFrame, policy: Policy, ledger_size: int
) -> Case | Finding:
    """The case for a better limit, or why there is none."""
    choice = choose_limit(frame, pressure.key, TARGET_SECONDS, _refusal(pressure, policy))
    if choice.limit <= pressure.limit:
        return finding_for(seen, "held back", choice.reason)
    return Case(
        kind="reduce_wait_time",
        title=f"Raise {pressure.key} from {pressure.limit} to {choice.limit}",
        why=(
            f"Its runs wait {seen.weighed.mean or 0:.1f} s longer than they must, on average: "
            f"{pressure.met_share:.0%} of them found all {pressure.limit} places taken."
        ),
        proposed_by="grace",
        change=Change(lever=LEVER, target=pressure.key, before=pressure.limit, after=choice.limit),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={
                "wait that no limit lowers": f"{pressure.floor_seconds:.2f} s",
                "task runs that met the limit": f"{pressure.met_share:.0%}",
            },
            ruled_out=ruled_out(frame, pressure.key),
        ),
        prediction=Prediction(
            metric=METRIC,
            now=choice.forecast.now,
            then=choice.forecast.then,
            how=choice.forecast.how,
        ),
        subject=pressure.key,
        floor_seconds=pressure.floor_seconds,
        gap_seconds=pressure.gap_seconds,
    )


def _refusal(pressure: LimitPressure, policy: Policy) -> Callable[[int], str | None]:
    """Why the policy forbids a value, as of the newest evidence; None where it does not.

    The risk is not known yet and does not depend on the value, so the lowest is assumed; what the
    policy forbids for its risk is still forbidden when the proposal is submitted.
    """
    lowest = Risk(score=0.0, tier="low", parts={})

    def refusal(value: int) -> str | None:
        change = Change(lever=LEVER, target=pressure.key, before=pressure.limit, after=value)
        asked = about_change(change, "change", pressure.times[-1], kind=KIND, risk=lowest)
        ruling = policy.rule(asked)
        return ruling.reason if ruling.answer == "forbid" else None

    return refusal

"""The opportunity `reduce_wait_time`: a limit makes runs wait longer than they must.

Raised where the mean *excess* wait, above what no limit lowers, is shown to be beyond 2 s; the
unit of evidence is the flow run. The limit proposed is the smallest that is predicted to bring the
excess down to 1 s, and at most four times the present one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction
from grace.opportunities.choosing import choose_limit, ruled_out
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.waits import LimitPressure
from grace.statistics.discovery import select
from grace.statistics.evidence import Evidence as Weighed
from grace.statistics.evidence import Gate, weigh

__all__ = ["GATE", "KIND", "Seen", "case_for", "finding_for", "see"]

KIND = "reduce_wait_time"
LEVER = "concurrency-limit"
GATE = Gate(threshold=2.0, kind="mean_above")
TARGET_SECONDS = 1.0
GOVERNABLE = frozenset({"tag", "deployment", "global"})
METRIC = "mean excess wait"


@dataclass(frozen=True)
class Seen:
    """One limit as the log shows it; `selected` says whether it may be raised beside the others."""

    pressure: LimitPressure
    weighed: Weighed
    selected: bool

    @property
    def raised(self) -> bool:
        return self.weighed.crossed and self.selected


def see(
    pressures: Sequence[LimitPressure], origins: Mapping[str, datetime], now: datetime
) -> list[Seen]:
    """Weigh each limit's flow runs since its stream began, and select across the limits."""
    weighed = [
        weigh(pressure.times, pressure.values, GATE, now, origin=origins[pressure.key])
        for pressure in pressures
    ]
    selected = select([each.stream_e_value for each in weighed])
    return [Seen(*each) for each in zip(pressures, weighed, selected, strict=True)]


def case_for(seen: Seen, frame: pd.DataFrame, policy: Policy, ledger_size: int) -> Case | Finding:
    """The case for a better limit, or why there is none."""
    pressure = seen.pressure
    if pressure.key.partition(":")[0] not in GOVERNABLE:
        return finding_for(seen, "held back", "Grace has no lever for it yet")
    choice = choose_limit(frame, pressure.key, TARGET_SECONDS, policy.bounds.step_factor)
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
        evidence=evidence_of(seen, frame, ledger_size),
        prediction=Prediction(
            metric=METRIC,
            now=choice.forecast.now,
            then=choice.forecast.then,
            how=choice.forecast.how,
        ),
        floor_seconds=pressure.floor_seconds,
        gap_seconds=pressure.gap_seconds,
    )


def evidence_of(seen: Seen, frame: pd.DataFrame, ledger_size: int) -> Evidence:
    weighed, pressure = seen.weighed, seen.pressure
    return Evidence(
        metric=METRIC,
        unit="flow run",
        n=weighed.units,
        mean=weighed.mean,
        interval=weighed.interval,
        span=weighed.window,
        threshold=GATE.threshold,
        e_value=weighed.e_value,
        needed=weighed.needed,
        ledger_size=ledger_size,
        facts={
            "wait that no limit lowers": f"{pressure.floor_seconds:.2f} s",
            "task runs that met the limit": f"{pressure.met_share:.0%}",
        },
        ruled_out=tuple(ruled_out(frame, pressure.key)),
    )


def finding_for(
    seen: Seen, standing: Standing | None = None, reason: str = "", proposal_id: str | None = None
) -> Finding:
    """What to tell about a limit; without a standing, what the evidence alone says."""
    weighed = seen.weighed
    told, why = (standing, reason) if standing else _untold(weighed)
    return Finding(
        target=seen.pressure.key,
        kind=KIND,
        standing=told,
        reason=why,
        n=weighed.units,
        mean=weighed.mean,
        e_value=weighed.e_value,
        needed=weighed.needed,
        missing=weighed.units_missing,
        proposal_id=proposal_id,
    )


def _untold(weighed: Weighed) -> tuple[Standing, str]:
    if weighed.mean is None:
        return "quiet", "no flow run since its last change has ended yet"
    seen = f"the mean excess wait of {weighed.units} flow runs is {weighed.mean:.2f} s"
    if weighed.units_missing is None:
        return "quiet", f"{seen}, which does not point beyond {GATE.threshold:.0f} s"
    total = weighed.units + weighed.units_missing
    return "watching", (
        f"{seen}; {weighed.units} of about {total} flow runs needed to show that it is beyond "
        f"{GATE.threshold:.0f} s (e-value {weighed.e_value:.1f} of {weighed.needed:.0f})"
    )

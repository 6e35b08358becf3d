"""The opportunity `improve_execution`: too many decisions of the governed system wait for approval.

Raised where the share of decisions that are executed is shown to be below 80 %. Proposed is a
permit for the type of which most wait, of those whose record has earned it: decided so by the same
systems, they need not ask any more. A forbid of the policy still wins, and a rule changes nothing
but the answer of `grace.may`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.earned import Permit, read_permit
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction
from grace.governance.request import about_decision
from grace.measurement.blocks import Unit
from grace.opportunities.drawing import Case
from grace.opportunities.earning import Earner, earners, execution_units
from grace.opportunities.finding import Finding
from grace.opportunities.grouping import gap_seconds, name_of
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.statistics.evidence import Gate

__all__ = [
    "GATE",
    "KIND",
    "LEVER",
    "METRIC",
    "TARGET",
    "Beside",
    "case_for",
    "of_change",
    "stream_of",
]

KIND = "improve_execution"
LEVER = "earned-permit"
METRIC = "execution rate"
TARGET = "execution"
GATE = Gate(threshold=0.80, kind="rate_below")
FEWEST_DECISIONS = 11


@dataclass(frozen=True)
class Beside:
    """What is known beside the log: the policy, the permits there are, and what may be proposed."""

    policy: Policy
    permit_of: Callable[[str], JsonValue]
    is_free: Callable[[str], bool]
    now: datetime

    def asks(self, earner: Earner) -> bool:
        """Whether the policy has a person decide; what it forbids no record can earn."""
        if earner.system is None:
            return False
        asked = about_decision(earner.decision_type, earner.system, self.now)
        return self.policy.rule(asked).answer == "ask"


def stream_of(units: Sequence[Unit], origin: datetime) -> Stream:
    return Stream(
        kind=KIND,
        target=TARGET,
        metric=METRIC,
        unit=name_of(units),
        gate=GATE,
        origin=origin,
        times=[unit.completed for unit in units if unit.completed],
        values=[unit.value for unit in units],
    )


def of_change(frame: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The decisions that a permit is about, of the frame that `earning.decided` makes."""
    permit = change.before if change.after is None else change.after
    systems = _systems(permit)
    rows = frame[frame["decision_type"] == change.target.partition(":")[2]]
    return rows if systems is None else rows[rows["system"].isin(systems)]


def _systems(permit: JsonValue) -> list[str] | None:
    """None for all of them; so it is taken to be where somebody edited the rule by hand."""
    try:
        return read_permit(permit).systems
    except BadInput:
        return None


def case_for(seen: Seen, frame: pd.DataFrame, beside: Beside, ledger_size: int) -> Case | Finding:
    """The case for a permit, or why there is none."""
    decisions = _since(frame, seen)
    if decisions < FEWEST_DECISIONS:
        few = f"{decisions} of {FEWEST_DECISIONS} decisions needed were made since it began"
        return finding_for(seen, "watching", few)
    waiting = [each for each in earners(frame, beside.policy.earning) if each.waited]
    asking = [each for each in waiting if each.rate < GATE.threshold and beside.asks(each)]
    earned = [each for each in asking if each.has_earned]
    if not earned:
        return finding_for(seen, "watching", _not_earned(waiting, asking, beside))
    for decision_type in _costliest(earned):
        target = f"permit:{decision_type}"
        before = beside.permit_of(target)
        after = _extended(before, [e for e in earned if e.decision_type == decision_type])
        if after is not None and beside.is_free(target):
            change = Change(lever=LEVER, target=target, before=before, after=after)
            return _case(seen, frame, decision_type, change, asking, ledger_size)
    told = "every type that has earned a permit is open, rests, or has one that was edited by hand"
    return finding_for(seen, "held back", told)


def _since(frame: pd.DataFrame, seen: Seen) -> int:
    """Decisions since the evidence begins; it may end with few, and does not move any more."""
    window = seen.weighed.window
    return 0 if window is None else int((frame["at"] >= window[0]).sum())


def _costliest(earned: Sequence[Earner]) -> list[str]:
    """The types, the one of which most waited first."""
    waited: dict[str, int] = {}
    for each in earned:
        waited[each.decision_type] = waited.get(each.decision_type, 0) + each.waited
    return sorted(waited, key=lambda decision_type: (-waited[decision_type], decision_type))


def _extended(before: JsonValue, earned: Sequence[Earner]) -> JsonValue:
    """The permit for these systems beside those that have it; None for one edited by hand."""
    try:
        had = Permit() if before is None else read_permit(before)
    except BadInput:
        return None
    named = {each.system for each in earned if each.system is not None}
    reasons = [had.reason, *map(_record, earned)]
    return {
        "systems": [*sorted(named.union(had.systems or ()))],
        "reason": "; ".join(reason for reason in reasons if reason),
    }


def _case(
    seen: Seen,
    frame: pd.DataFrame,
    decision_type: str,
    change: Change,
    asking: Sequence[Earner],
    ledger_size: int,
) -> Case:
    rows = of_change(frame, change)
    ours = [each for each in asking if each.decision_type == decision_type and each.has_earned]
    waited, systems = sum(each.waited for each in ours), ", ".join(str(e.system) for e in ours)
    executed, n = int(rows["value"].sum()), len(rows)
    return Case(
        kind="improve_execution",
        title=f"Permit {decision_type[:60]} to {systems[:60]}",
        why=(
            f"Of the decisions {100 * (seen.weighed.mean or 0):.0f} % are executed. Of "
            f"{decision_type} {waited} waited for approval; "
            f"{'; '.join(_record(each) for each in ours)}."
        ),
        proposed_by="grace",
        change=change,
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"type of decision": decision_type, "by": systems, "waited": str(waited)},
            ruled_out=[
                f"{_named(each)} waited {_times(each.waited)} and has not earned it: "
                f"{_record(each)}; {_told(each)}"
                for each in asking
                if not each.has_earned
            ],
        ),
        prediction=Prediction(
            metric=METRIC,
            now=executed / n,
            then=(executed + waited) / n,
            how="all that waited for approval is taken to be executed, and nothing else to change",
        ),
        subject=decision_type,
        floor_seconds=None,
        gap_seconds=gap_seconds(_ends(rows)),
    )


def _ends(rows: pd.DataFrame) -> list[datetime]:
    newest = rows["ended"].max() + pd.Timedelta(hours=1)
    return [unit.completed for unit in execution_units(rows, newest) if unit.completed]


def _not_earned(waiting: Sequence[Earner], asking: Sequence[Earner], beside: Beside) -> str:
    """What is missing, of the type that costs most; else why none is asked about."""
    if asking:
        first = asking[0]
        return (
            f"no type of decision has earned a permit; {_named(first)} waited "
            f"{_times(first.waited)}: {_record(first)}; {_told(first)}"
        )
    if not waiting:
        return "no decision waited for approval, so a permit would change nothing"
    if all(each.system is None for each in waiting):
        waited = sum(each.waited for each in waiting)
        return f"{waited} decisions waited, but do not name who decided (actor): nobody to permit"
    return (
        "of every type that waits the policy permits or forbids the rest, or "
        f"{METRIC} is not below {100 * GATE.threshold:.0f} %"
    )


def _record(earner: Earner) -> str:
    return (
        f"of {earner.tried} by {earner.system} that did not wait {earner.well} were executed and "
        f"ended well, surely above {_share(earner.lower)}"
    )


def _told(earner: Earner) -> str:
    if earner.missing is None:
        return "no number of good ends within reach would do"
    return f"{earner.missing} more that end well would do"


def _named(earner: Earner) -> str:
    return f"{earner.decision_type} by {earner.system}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _share(value: float) -> str:
    """Rounded down: what is said to be surely passed was."""
    return f"{int(value * 1000) / 10:.1f} %"

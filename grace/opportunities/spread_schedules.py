"""Schedules that fire together: the one of which most is waited is moved, not any limit raised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.proposal import Prediction
from grace.opportunities.bursts import Burst
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.streams import Seen, finding_for, shown
from grace.opportunities.timetable import shifted
from grace.opportunities.waits import LimitPressure

__all__ = ["LEVER", "Timetable", "schedule_of", "spread_case"]

LEVER = "deployment-schedule"


@dataclass(frozen=True)
class Timetable:
    """`read` gives a schedule by its target, and raises BadInput where there is none.

    `against` says what stands against proposing a target, as of the register.
    """

    read: Callable[[str], JsonValue]
    against: Callable[[str], tuple[Standing, str] | None]


def schedule_of(deployment: str) -> str:
    """The oldest schedule of a deployment FLOW/NAME, which as a rule is its only one."""
    return f"schedule:{deployment}#1"


def spread_case(
    seen: Seen,
    pressure: LimitPressure,
    burst: Burst,
    others: Sequence[str],
    timetable: Timetable,
    ledger_size: int,
) -> Case | Finding:
    """The case for moving one schedule, the one whose move takes away most; or why there is none.

    One a proposal: what is left to be waited then is looked at again by the next cycles.
    """
    moves = sorted((*burst.best_offset(name), name) for name in burst.names)
    refused = []
    for offset, mean, name in sorted(moves, key=lambda move: (move[1], move[2])):
        target = schedule_of(name)
        standing = timetable.against(target)
        if standing is not None:
            refused.append(f"{target} is {standing[0]}: {standing[1]}")
            continue
        before = timetable.read(target)
        after = shifted(before, offset)
        if after is None:
            refused.append(f"{target} has a rhythm that cannot be moved by a while")
            continue
        then = (pressure.mean or 0.0) * mean / burst.mean_now
        change = Change(lever=LEVER, target=target, before=before, after=after)
        return _case(seen, pressure, burst, others, change, (offset, then), ledger_size)
    names = ", ".join(burst.names)
    return finding_for(seen, "held back", f"{names} fire together; {'; '.join(refused)}")


def _case(
    seen: Seen,
    pressure: LimitPressure,
    burst: Burst,
    others: Sequence[str],
    change: Change,
    foreseen: tuple[float, float],
    ledger_size: int,
) -> Case:
    offset, then = foreseen
    name = change.target.partition(":")[2].partition("#")[0]
    return Case(
        kind="reduce_wait_time",
        title=f"Move the schedule of {name} by {offset:.0f} s",
        why=(
            f"{', '.join(burst.names)} fire at the same second and queue for {pressure.key}, which "
            f"has places enough for them one after the other: their runs wait "
            f"{seen.weighed.mean or 0:.1f} s longer than they must."
        ),
        proposed_by="grace",
        change=change,
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"fired together": f"{int(burst.together.sum())} runs"},
            ruled_out=others,
        ),
        prediction=Prediction(
            metric=seen.stream.metric,
            now=pressure.mean,
            then=then,
            how=(
                f"The arrivals and slot times of {burst.queued.size} runs, played again first "
                f"come, first served, with those of {name} {offset:.0f} s later."
            ),
        ),
        subject=pressure.key,
        floor_seconds=pressure.floor_seconds,
        gap_seconds=pressure.gap_seconds,
    )

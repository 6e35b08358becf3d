"""Which value a limit should have, what it promises, and why nothing else was chosen."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pandas as pd

from grace.errors import BadInput
from grace.opportunities.queueing import replay
from grace.opportunities.waits import (
    LimitPressure,
    floors,
    governed_runs,
    pressures,
    seconds_since_epoch,
)

__all__ = [
    "Choice",
    "Forecast",
    "Refusal",
    "allowed",
    "choose_limit",
    "predict",
    "pressure_of",
    "ruled_out",
]


# at one step a limit grows to at most so many times itself, whatever the policy would allow
STEP_FACTOR = 4

Refusal = Callable[[int], str | None]


@dataclass(frozen=True)
class Forecast:
    """Mean excess wait a flow run in seconds: as seen under `limit_now`, as predicted for `limit`.

    Both are None where nothing was seen yet; `how` says what the prediction rests on.
    """

    limit_now: int
    now: float | None
    limit: int
    then: float | None
    how: str


@dataclass(frozen=True)
class Choice:
    """The limit to propose: the present one where no other promises anything."""

    limit: int
    forecast: Forecast
    reason: str

    @property
    def predicted(self) -> float | None:
        """Mean excess wait under `limit` in seconds."""
        return self.forecast.then


def predict(
    frame: pd.DataFrame,
    key: str,
    new_limit: int,
    *,
    now: datetime | None = None,
    since: datetime | None = None,
) -> Forecast:
    """What another value of a limit would do, calibrated on what the present one did.

    Raises BadInput where no run under the limit is in the frame.
    """
    pressure = pressure_of(frame, key, now, since)
    return _forecast(pressure, _replayed(frame, pressure, now), new_limit)


def choose_limit(
    frame: pd.DataFrame,
    key: str,
    target_seconds: float = 1.0,
    refusal: Refusal = lambda _: None,
    *,
    now: datetime | None = None,
    since: datetime | None = None,
) -> Choice:
    """The smallest limit predicted to reach the target, at most four times the present.

    `refusal` says why the policy forbids a value, None where it does not; of values in their order
    those below the first that is refused are chosen from. If none reaches the target, the smallest
    that does as well as the largest of them. Raises BadInput where no run under the limit is in the
    frame.
    """
    pressure = pressure_of(frame, key, now, since)
    replayed = _replayed(frame, pressure, now)
    larger, refused = allowed(pressure.limit, refusal)
    here = _forecast(pressure, replayed, pressure.limit)
    if not larger:
        return Choice(pressure.limit, here, f"the policy forbids any higher {key}: {refused}")
    best = _forecast(pressure, replayed, larger[-1])
    if best.then is None or pressure.mean is None or best.then >= pressure.mean:
        return Choice(pressure.limit, here, f"no higher {key} would shorten what was seen")
    wanted = max(target_seconds, best.then)
    place = bisect_left(larger, True, key=lambda slots: _reaches(replayed, pressure, slots, wanted))
    forecast = _forecast(pressure, replayed, larger[place])
    return Choice(forecast.limit, forecast, _reason(forecast, target_seconds, larger[-1], refused))


def allowed(limit: int, refusal: Refusal) -> tuple[range, str | None]:
    """The higher values below the first that the policy forbids, and why it forbids that one."""
    higher = range(limit + 1, max(limit + 1, STEP_FACTOR * limit) + 1)
    end = bisect_left(higher, True, key=lambda slots: refusal(slots) is not None)
    return higher[:end], refusal(higher[end]) if end < len(higher) else None


def ruled_out(
    frame: pd.DataFrame, chosen: str, *, now: datetime | None = None, since: datetime | None = None
) -> list[str]:
    """Why no other limit on these flow runs was chosen, and no other cause: a sentence each."""
    seen = pressures(frame, now, since)
    cost = next((one.mean for one in seen if one.key == chosen), None)
    mine = {unit for one in seen if one.key == chosen for unit in one.unit_ids}
    others = [one for one in seen if one.key != chosen and mine & set(one.unit_ids)]
    sentences = [_why_not(other, cost) for other in others]
    if not any(other.level == "flow_run" for other in others):
        sentences.append("No limit of a deployment, work queue or pool governs these flow runs.")
    executors = set(frame.loc[frame["process_id"].isin(mine), "executor"].dropna())
    return sentences + _floor_sentences(floors(frame, now), executors)


def pressure_of(
    frame: pd.DataFrame, key: str, now: datetime | None, since: datetime | None
) -> LimitPressure:
    for pressure in pressures(frame, now, since):
        if pressure.key == key:
            return pressure
    raise BadInput(f"no run under {key} is in the log yet; let Grace read some first")


def _replayed(
    frame: pd.DataFrame, pressure: LimitPressure, now: datetime | None
) -> Callable[[int], float]:
    """The mean wait of the units, a function of the slots, were their queue played again."""
    runs = governed_runs(frame, now)
    runs = runs[(runs["key"] == pressure.key) & (runs["limit"] == pressure.limit)]
    if pressure.changed_at is not None:
        runs = runs[runs["queued"] > pressure.changed_at]
    queued, held = seconds_since_epoch(runs["queued"]), runs["held"].to_numpy()
    counted = runs["unit"].isin(pressure.unit_ids)

    def mean(slots: int) -> float:
        waits = runs.assign(replayed=replay(queued, held, slots))
        return float(waits[counted].groupby("unit")["replayed"].mean().mean())

    return cache(mean)


def _forecast(pressure: LimitPressure, replayed: Callable[[int], float], limit: int) -> Forecast:
    now = pressure.mean
    modelled = replayed(pressure.limit) if now is not None else 0.0
    then = now if now is None or modelled == 0 else now * replayed(limit) / modelled
    return Forecast(pressure.limit, now, limit, then, _how(pressure, limit, modelled))


def _reaches(
    replayed: Callable[[int], float], pressure: LimitPressure, slots: int, wanted: float
) -> bool:
    then = _forecast(pressure, replayed, slots).then
    return then is not None and then <= wanted


def _how(pressure: LimitPressure, limit: int, modelled: float) -> str:
    if pressure.mean is None:
        return "No flow run under this limit has ended yet."
    if modelled == 0:
        return (
            f"Played again with {pressure.limit} slots, nothing would have waited: the limit does "
            "not explain the wait, so none of its values is expected to change it."
        )
    return (
        f"The arrivals and slot times of {pressure.runs} runs, played again first come, first "
        f"served with {limit} slots instead of {pressure.limit}; the wait that was seen is taken "
        "to change in the same ratio. Execution times are assumed to stay as they are: runs that "
        "share something else may become slower beside more others."
    )


def _reason(forecast: Forecast, target_seconds: float, highest: int, refused: str | None) -> str:
    if forecast.then is not None and forecast.then <= target_seconds:
        return f"{forecast.limit} is the smallest limit predicted to reach {target_seconds:g} s"
    beyond = f", and the policy forbids more: {refused}" if refused else ""
    return (
        f"no limit up to {highest} is predicted to reach {target_seconds:g} s; {forecast.limit} "
        f"is the smallest of those that come nearest{beyond}"
    )


def _why_not(pressure: LimitPressure, cost: float | None) -> str:
    kind = "task runs" if pressure.level == "task_run" else "flow runs"
    met = f"{pressure.met} of {pressure.runs} {kind} met it"
    name = f"{pressure.key} (limit {pressure.limit})"
    if not pressure.met or pressure.mean is None:
        return f"{name} does not bind: {met}."
    against = "" if cost is None else f", against {cost:.2f} s"
    return f"{name}: {met}, at a mean excess wait of {pressure.mean:.2f} s{against}."


def _floor_sentences(floor: dict[str, float], executors: set[str]) -> list[str]:
    """The worker's own delay is a cause that no limit touches."""
    return [
        f"Worker poll and start-up: flow runs of {executor} that met no limit waited "
        f"{floor[executor]:.1f} s at the median, and no limit lowers that."
        for executor in sorted(executors & floor.keys())
    ]

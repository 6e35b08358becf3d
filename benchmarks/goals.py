"""How still the statuses of goals are, how soon they tell, what they cost: `benchmarks.goals`.

A share is measured each day on so many attempts. *Hovering*: for a month its true value lies on
the target, and the status of the goal is told every day. *Shift*: after two weeks of that the
true value moves by 5 points, and three days later it is looked whether the status says so. The
naive rule tells each day what the last seven days say. Forecasts are the real ones; a goal that is
met is closed, so that only goals that *keep* their target run the whole month for sure. Last, 200
goals on 200 KPIs are judged on a store. `python -m benchmarks.goals [MONTHS [SHIFTS]]`; exits with
1 where a promise does not hold.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from scipy.special import ndtr

from benchmarks import table
from grace.analysis.rates import clopper_pearson
from grace.analysis.rules import Rules
from grace.goals.evaluating import Before, evaluate
from grace.goals.goal import Goal
from grace.goals.history import WINDOW_DAYS, Seen
from grace.goals.judging import judge
from grace.goals.kpis import kpi_row
from grace.goals.metrics import METRICS
from grace.goals.people import add_goal
from grace.goals.standing import RANK, Status, by_chance
from grace.governance.policy import Policy
from grace.store import Store, open_store

SEED = 20260101
TARGET, SHIFT = 0.90, 0.05
KNOWN_DAYS, DAYS, TELLS_AFTER = 28, 30, 3
MONTHS, SHIFTS = 1000, 200
STILL, TOLD = 0.95, 0.90
GOALS, LIMIT_SECONDS, LOOKS = 200, 5.0, 7
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Month:
    """The status told each day, and what the naive rule would have told."""

    told: tuple[Status, ...]
    naive: tuple[Status, ...]

    @property
    def changes(self) -> tuple[int, int]:
        return _changes(self.told), _changes(self.naive)


def month(hits: Sequence[int], attempts: int, *, keeps: bool) -> Month:
    """A goal's life from the 28th day on, over as many days as there are hits for."""
    goal = _goal(keeps)
    before, told, naive = Before(), [], []
    for day in range(KNOWN_DAYS, len(hits)):
        seen = _seen(hits[: day + 1], attempts)
        found = evaluate(goal, seen, BEGIN + (day + 1) * DAY, before)
        told.append(found.status)
        naive.append(_naive(seen, attempts))
        if found.ends is not None:
            break
        origins = before.origins if found.ahead is None else (*before.origins, found.ahead.origin)
        before = Before(found.held, origins)
    return Month(tuple(told), tuple(naive))


def hovering(rng: np.random.Generator, attempts: int, *, keeps: bool) -> Month:
    hits = rng.binomial(attempts, TARGET, KNOWN_DAYS + DAYS).tolist()
    return month(hits, attempts, keeps=keeps)


def shift_shows(
    rng: np.random.Generator, attempts: int, way: int, *, keeps: bool
) -> tuple[bool, bool] | None:
    """Whether the status, and the naive one, moved with the shift; None where it could not.

    It cannot where the goal was met, or stood at that end of the statuses, before.
    """
    still = KNOWN_DAYS + DAYS // 2
    hits = [
        *rng.binomial(attempts, TARGET, still).tolist(),
        *rng.binomial(attempts, TARGET + way * SHIFT, TELLS_AFTER).tolist(),
    ]
    found = month(hits, attempts, keeps=keeps)
    was = found.told[still - KNOWN_DAYS - 1 :]
    if len(was) < 1 or was[0] in ("met", "off_track" if way < 0 else "on_track"):
        return None
    naive = found.naive[still - KNOWN_DAYS - 1 :]
    return _moved(was, way), _moved(naive, way)


def _moved(told: Sequence[Status], way: int) -> bool:
    return any(way * (_rank(each) - _rank(told[0])) > 0 for each in told[1:])


def _rank(status: Status) -> int:
    return {"met": 3, "insufficient_data": -1, **RANK}[status]


def _changes(told: Sequence[Status]) -> int:
    return sum(new != old for old, new in pairwise(told))


def _goal(keeps: bool) -> Goal:
    made = BEGIN + 20 * DAY
    return Goal(
        goal_id="hovering",
        title="A share of 90 %",
        description="",
        category="own",
        priority="medium",
        status="active",
        metric="healing_success_rate",
        direction="higher",
        baseline=TARGET + 0.02 if keeps else TARGET - 0.10,
        target=TARGET,
        deadline=made + 90 * DAY,
        progress=None,
        created_by="ann",
        auto_created=False,
        created_at=made,
    )


def _seen(hits: Sequence[int], attempts: int) -> Seen:
    index = pd.date_range(BEGIN, periods=len(hits), freq="D")
    n = attempts * WINDOW_DAYS
    value = sum(hits[-WINDOW_DAYS:]) / n
    daily = pd.Series(hits, index, dtype="float64") / attempts
    return Seen(METRICS["healing_success_rate"], value, clopper_pearson(value, n), n, daily)


def _naive(seen: Seen, attempts: int) -> Status:
    assert seen.value is not None
    error = (seen.value * (1 - seen.value) / (attempts * WINDOW_DAYS)) ** 0.5
    return by_chance(float(ndtr((seen.value - TARGET) / max(error, 1e-9))), None)


def _stillness(rng: np.random.Generator, months: int) -> Iterator[tuple[object, ...]]:
    for attempts in (400, 200):
        for keeps in (True, False):
            found = [hovering(rng, attempts, keeps=keeps).changes for _ in range(months)]
            still, naive = (np.mean([one[which] <= 1 for one in found]) for which in (0, 1))
            yield attempts, "keep" if keeps else "reach", months, still, naive


def _shifts(rng: np.random.Generator, months: int) -> Iterator[tuple[object, ...]]:
    for attempts in (400, 200):
        for way in (-1, 1):
            tried = [shift_shows(rng, attempts, way, keeps=way < 0) for _ in range(months)]
            moved = [one for one in tried if one is not None]
            shown, naive = (np.mean([one[which] for one in moved]) for which in (0, 1))
            yield attempts, f"{100 * way * SHIFT:+.0f} points", len(moved), shown, naive


def seconds_for_goals(goals: int = GOALS, looks: int = LOOKS) -> float:
    """Median seconds to judge so many goals on as many KPIs with 60 days of values."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'grace.db'}")
        now = BEGIN + 60 * DAY
        _fill(store, now, goals)
        taken = []
        for look in range(looks):
            began = time.perf_counter()
            found = judge(store, _policy(), now + look * DAY, Rules())
            taken.append(time.perf_counter() - began)
            assert len(found) == goals
        store.engine.dispose()
    return median(taken)


def _fill(store: Store, now: datetime, goals: int) -> None:
    rng = np.random.default_rng(SEED)
    rows = [
        kpi_row(f"system.kpi-{number}", float(value), BEGIN + (day + 0.5) * DAY)
        for number in range(goals)
        for day, value in enumerate(50 + 0.05 * np.arange(60) + rng.normal(0, 2, 60))
    ]
    with store.writing(now) as writer:
        writer.append("data_cube", rows)
    first = add_goal(
        store, _policy(), Rules(), now, metric="kpi:system.kpi-0", target="80", by="ann",
        deadline=now + 45 * DAY,
    )  # fmt: skip
    more = [
        replace(first, goal_id=f"goal-{number}", metric=f"kpi:system.kpi-{number}")
        for number in range(1, goals)
    ]
    with store.writing(now) as writer:
        writer.append("goals", [vars(goal) for goal in more])


def _policy() -> Policy:
    return Policy(reviewers=("ann",))


def _page(heads: Sequence[str], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [
        (*map(str, row[:3]), *(f"{100 * float(str(each)):.1f} %" for each in row[3:]))
        for row in rows
    ]
    return f"{table(heads, lines)}\n"


def main() -> int:
    months, shifts = (int(each) for each in (*sys.argv[1:], MONTHS, SHIFTS)[:2])
    rng = np.random.default_rng(SEED)
    still = list(_stillness(rng, months))
    print(_page(("attempts a day", "goal", "months", "at most one change", "naive"), still))
    told = list(_shifts(rng, shifts))
    print(_page(("attempts a day", "shift", "n", "told within 3 days", "naive"), told))
    seconds = seconds_for_goals()
    print(f"\n{GOALS} goals judged in {seconds:.2f} s (median of {LOOKS} days)")
    holds = all(float(str(row[3])) >= STILL for row in still if row[0] == 400)
    shows = all(float(str(row[3])) >= TOLD for row in told if row[0] == 400)
    return 0 if holds and shows and seconds < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

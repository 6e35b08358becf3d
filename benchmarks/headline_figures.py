"""What the headline compares, and the figures of it from Grace's own log.

The unit is the flow run. *Execution* is how long it was Running, and holds the time in which its
tasks wait for places. *Excess wait* is the mean over its page tasks of the time from when a task
was queued until it was Running, above the floor of Grace's proposal: the wait that no limit lowers.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from benchmarks.headline_names import TARGET, labelled
from grace.opportunities.waits import unit_values
from grace.store import Store
from grace.store.read import newest

__all__ = [
    "METRICS",
    "Bar",
    "Change",
    "Sample",
    "bars",
    "blocks_between",
    "change",
    "looks_of",
    "runs_of",
    "sample",
    "sweep_of",
]

LEVEL = 0.95
METRICS = ("execution", "excess_wait")
# at least so much less; the whole 95 % interval must lie beyond half of it
BARS = {"execution": -0.40, "excess_wait": -0.50}
NEAR = 1.2  # what is found takes at most so many times the best of the sweep


@dataclass(frozen=True)
class Sample:
    """A mean over `n` flow runs in seconds, with its t interval; None where one run gives none."""

    n: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Change:
    """The second mean over the first, less one: -0.4 is 40 % less.

    Both ends of the interval are None where the first mean is not surely above 0.
    """

    metric: str
    before: Sample
    after: Sample
    share: float
    low: float | None
    high: float | None

    @property
    def told(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.share:+.1%}, no interval"
        return f"{self.share:+.1%} ({self.low:+.1%} to {self.high:+.1%})"

    def reaches(self, bar: float) -> bool:
        """The figure the bar, and the whole interval half of it."""
        return self.share <= bar and self.high is not None and self.high < bar / 2


@dataclass(frozen=True)
class Bar:
    name: str
    bar: str
    figure: str
    met: bool


def sample(values: Sequence[float]) -> Sample:
    """Raises ValueError for no values."""
    if not values:
        raise ValueError("a mean of nothing")
    numbers = np.asarray(values, dtype=np.float64)
    mean = float(numbers.mean())
    if numbers.size == 1:
        return Sample(1, mean, None, None)
    half = _quantile(numbers.size - 1) * float(numbers.std(ddof=1)) / math.sqrt(numbers.size)
    return Sample(numbers.size, mean, mean - half, mean + half)


def change(metric: str, before: Sequence[float], after: Sequence[float]) -> Change:
    """The interval is Fieller's (J. R. Statist. Soc. B 16:2, 1954), for independent samples.

    The degrees of freedom are those of the smaller sample, which is never too few. Raises
    ValueError for fewer than two runs on a side, and where none of `before` took any time.
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (before, after))
    if min(first.size, second.size) < 2 or not first.any():
        raise ValueError(f"{first.size} and {second.size} flow runs cannot be compared")
    quantile = _quantile(min(first.size, second.size) - 1)
    below, above = float(first.mean()), float(second.mean())
    first_error, second_error = (
        quantile**2 * float(values.var(ddof=1)) / values.size for values in (first, second)
    )
    share, samples = above / below - 1, (sample(before), sample(after))
    surely = below**2 - first_error
    if surely <= 0:
        return Change(metric, *samples, share, None, None)
    root = math.sqrt((below * above) ** 2 - surely * (above**2 - second_error))
    low, high = ((below * above + sign * root) / surely - 1 for sign in (-1, 1))
    return Change(metric, *samples, share, low, high)


def _quantile(freedom: int) -> float:
    return float(t.ppf((1 + LEVEL) / 2, freedom))


def runs_of(store: Store, floor_seconds: float) -> pd.DataFrame:
    """Every page refresh that has ended, in the order of time, as Grace's log holds it.

    Columns: id, name, queued and completed (of its page tasks), ended, execution and excess_wait
    in seconds, and the sweep's limit, 0 outside of it.
    """
    frame = newest(store, "parallel_process_logs")
    flows = frame[(frame["process_type"] == "flow_run") & frame["completed_at"].notna()]
    by_id = flows.set_index("process_id")
    rows = []
    for unit in unit_values(frame, TARGET, floor_seconds):
        if unit.completed is None or unit.unit not in by_id.index:
            continue
        flow = by_id.loc[unit.unit]
        name = _run_name(flow["task_payload"])
        rows.append(
            {
                "id": unit.unit,
                "name": name,
                "queued": unit.queued,
                "completed": unit.completed,
                "ended": flow["completed_at"].to_pydatetime(),
                "execution": float(flow["execution_time_seconds"]),
                "excess_wait": unit.value,
                "limit": labelled(name) or 0,
            }
        )
    return pd.DataFrame(rows).sort_values("queued", ignore_index=True)


def _run_name(payload: str) -> str:
    return str(json.loads(payload)["run"])


def sweep_of(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each limit of the sweep, the lowest first."""
    swept = runs[runs["limit"] > 0]
    return [
        {"limit": int(limit)} | {name: asdict(sample(list(rows[name]))) for name in METRICS}
        for limit, rows in swept.groupby("limit")
    ]


def looks_of(store: Store, proposal_id: str) -> list[dict[str, Any]]:
    """What Grace saw of each pair of blocks, as it recorded it, the first pair first."""
    frame = newest(store, "verdicts", proposal_id=proposal_id)
    return [json.loads(row) for row in frame.sort_values("ledger_index")["evidence"]]


def blocks_between(
    runs: pd.DataFrame, blocks: Iterable[dict[str, Any]], arm: str, settle_seconds: float
) -> pd.DataFrame:
    """The runs that lay wholly in blocks of one arm, and were known when the block was judged."""
    kept = []
    for block in blocks:
        if block["arm"] != arm:
            continue
        start, end = (pd.Timestamp(block[name]) for name in ("start", "end"))
        earlier = runs[runs["queued"] < start]
        begin = max([start, *earlier["completed"]])
        last = end - pd.Timedelta(seconds=settle_seconds)
        kept.append(runs[(runs["queued"] >= begin) & (runs["ended"] <= last)])
    return pd.concat(kept) if kept else runs.iloc[:0]


def bars(
    changes: dict[str, list[Change]], found: Sample, best: Sample, is_undone: bool
) -> list[Bar]:
    """Each bar with its figure; `changes` by where their runs are from."""
    told = []
    for place, each in changes.items():
        for one in each:
            wanted = BARS[one.metric]
            name = one.metric.replace("_", " ")
            told.append(
                Bar(
                    name=f"mean {name}, {place}",
                    bar=f"{wanted:+.0%}, interval wholly below {wanted / 2:+.0%}",
                    figure=one.told,
                    met=one.reaches(wanted),
                )
            )
    ratio = found.mean / best.mean
    return [
        *told,
        Bar(
            name="mean execution at the value found, of the sweep's best",
            bar=f"at most {NEAR:.2f} times",
            figure=f"{ratio:.2f} times",
            met=ratio <= NEAR,
        ),
        Bar(
            name="the harmful change",
            bar="undone by Grace itself",
            figure="undone" if is_undone else "NOT undone",
            met=is_undone,
        ),
    ]

"""What the decisions of a governed system have earned, a type and a system at a time.

A system that was permitted without asking would carry out what waits today; so what it did when it
did not wait has to have ended well, surely. Everything that did not wait and is not known to have
ended well counts against it: what failed, what a person refused, what says nothing of its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from grace.analysis.rates import Floats, rate_interval
from grace.analysis.rows import is_of_grace, told_in
from grace.analysis.rules import Rules, word
from grace.governance.governing import Earning
from grace.measurement.blocks import Unit
from grace.opportunities.grouping import units_of

__all__ = ["Earner", "decided", "earners", "execution_units"]

ONE_SIDED = 0.9  # the lower end of a 90 % interval is the one-sided limit of 95 %
FAR = 10_000  # more good ends than this are not counted on


@dataclass(frozen=True)
class Earner:
    """One type of decision of one system within 30 days; None is a system that names itself not.

    `tried` did not wait, `well` of those were executed and ended well; `lower` is the lower 95 %
    limit of that share. `missing` is how many more, each a unit of its own and ended well, would
    earn it: 0 where it has, None where no number would do.
    """

    decision_type: str
    system: str | None
    decided: int
    executed: int
    waited: int
    tried: int
    well: int
    lower: float
    missing: int | None

    @property
    def rate(self) -> float:
        return self.executed / self.decided

    @property
    def has_earned(self) -> bool:
        return self.missing == 0


def decided(rows: pd.DataFrame, rules: Rules, words: Earning) -> pd.DataFrame:
    """The governed system's decisions that are not open, of rows of `agentic_spine_logs`.

    Columns: `decision_type`, `system`, `flow_run`, `at`, `ended`, `value` (1 where executed),
    `waited` and `well`.
    """
    about = told_in(rows[["decision_context", "impact", "extra"]])
    ours = is_of_grace(rows.assign(about=about)) | rows["actor"].eq("grace").fillna(False)
    status, outcome = rows["status"].map(_said), rows["outcome"].map(_said)
    executed = status.isin(set(map(_said, rules.executed)))
    at = rows["timestamp"].fillna(rows["recorded_at"])
    frame = pd.DataFrame(
        {
            "decision_type": rows["decision_type"],
            "system": rows["actor"].where(rows["actor"].ne("").fillna(False), None),
            "flow_run": _flow_runs(about),
            "at": at,
            "ended": at,
            "value": executed.astype(float),
            "waited": ~executed & (_are(status, words.waited) | _are(outcome, words.waited)),
            "well": executed & _are(outcome.where(outcome.ne(""), status), words.succeeded),
        }
    )
    is_open = status.isin(set(map(_said, rules.open)))
    named = rows["decision_type"].notna() & rows["decision_type"].ne("").fillna(False)
    return frame[~ours & ~is_open & named]


def execution_units(frame: pd.DataFrame, now: datetime) -> list[Unit]:
    """Share of the decisions that were executed, of each flow run or hour that is over."""
    return units_of(frame, now)


def earners(frame: pd.DataFrame, words: Earning) -> list[Earner]:
    """Each type of each system, the one of which most waited first."""
    keys = ["decision_type", "system"]
    found = [
        _earner(str(key[0]), key[1] if isinstance(key[1], str) else None, rows, words)
        for key, rows in frame.groupby(keys, dropna=False, sort=True)
    ]
    return sorted(found, key=lambda each: -each.waited)


def _earner(decision_type: str, system: str | None, rows: pd.DataFrame, words: Earning) -> Earner:
    tried = rows[~rows["waited"]]
    unit = tried["flow_run"].where(tried["flow_run"].notna(), tried["at"].dt.floor("h").astype(str))
    by_unit = tried["well"].groupby(unit)
    sums, counts = (np.asarray(each, np.float64) for each in (by_unit.sum(), by_unit.count()))
    executed = int(rows["value"].sum())
    return Earner(
        decision_type=decision_type,
        system=system,
        decided=len(rows),
        executed=executed,
        waited=int(rows["waited"].sum()),
        tried=len(tried),
        well=int(tried["well"].sum()),
        lower=_lower(sums, counts),
        missing=_missing(sums, counts, executed, words),
    )


def _lower(sums: Floats, counts: Floats) -> float:
    """Clopper and Pearson's limit at the effective sample size: a unit's decisions go together."""
    interval = rate_interval(sums, counts, ONE_SIDED)
    return 0.0 if interval is None else interval[0]


def _missing(sums: Floats, counts: Floats, executed: int, words: Earning) -> int | None:
    def enough(more: int) -> bool:
        ones = np.ones(more)
        lower = _lower(np.append(sums, ones), np.append(counts, ones))
        return executed + more >= words.executions and lower > words.success_rate

    if enough(0):
        return 0
    high = 1
    while not enough(high):
        high *= 2
        if high > FAR:
            return None
    low = high // 2  # not enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _flow_runs(about: "pd.Series[Any]") -> Sequence[str | None]:
    named = (each.get("flow_run") if isinstance(each, dict) else None for each in about)
    return [name if isinstance(name, str) else None for name in named]


def _are(said: "pd.Series[str]", words: Sequence[str]) -> "pd.Series[bool]":
    return said.isin(set(map(_said, words)))


def _said(status: object) -> str:
    """*Awaiting-Approval* and *awaiting_approval* say the same."""
    return " ".join(word(status).replace("_", " ").replace("-", " ").split())

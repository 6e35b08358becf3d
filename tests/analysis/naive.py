"""The figures of a window once more, as one would compute them by hand: loops over all rows.

Shares no line with `grace.analysis`: no pandas, no hours, no sketches, no tallies.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import exp, floor, isfinite, sqrt
from typing import Any

from scipy.stats import beta, norm, t

Row = dict[str, Any]
Pairs = list[tuple[object, float]]

EXECUTED = {"executed", "success", "completed", "applied"}
OPEN = {"started", "processing", "pending", "resumed"}
KEYS = {
    "healing_attempts": ("attempt_id", "attempted_at", ("metadata", "extra")),
    "agentic_spine_logs": ("log_id", "timestamp", ("decision_context", "impact", "extra")),
    "ml_learning_logs": ("learning_id", "timestamp", ("data_sources", "extra")),
    "parallel_process_logs": ("process_id", "timestamp", ("task_payload", "extra")),
}


class Naive:
    """Everything that was logged, in order: table, row, and when it was recorded."""

    def __init__(self, log: Iterable[tuple[str, Row, datetime]]) -> None:
        self.revisions: dict[tuple[str, str], list[Row]] = {}
        for table, row, recorded in log:
            key, time, _ = KEYS[table]
            plain = {name: _utc(value) for name, value in row.items() if value is not None}
            revisions = self.revisions.setdefault((table, row[key]), [])
            if not revisions or {**revisions[-1], "at": None} != {**plain, "at": None}:
                revisions.append({**plain, "at": plain.get(time) or _utc(recorded)})

    def rows(self, table: str, since: datetime, until: datetime) -> list[Row]:
        """Newest revisions within the window, each with its time and unit."""
        newest = [rows[-1] for (name, _), rows in self.revisions.items() if name == table]
        within = [row for row in newest if since <= row["at"] < until]
        return [row | {"unit": self._unit(row, KEYS[table][2])} for row in within]

    def patterns(self) -> dict[str, datetime]:
        """Each pattern that a newest revision names: the earliest of all that ever named it."""
        learned = [rows for (name, _), rows in self.revisions.items() if name == "ml_learning_logs"]
        held = {_pattern(rows[-1]) for rows in learned} - {None}
        return {
            name: min(row["at"] for rows in learned for row in rows if name in map(_pattern, rows))
            for name in held
        }

    @staticmethod
    def _unit(row: Row, described: tuple[str, ...]) -> object:
        if row.get("parent_process"):
            return row["parent_process"]
        if row.get("process_type") == "flow_run":
            return row["process_id"]
        for name in described:
            if isinstance(row.get(name), dict) and row[name].get("flow_run"):
                return row[name]["flow_run"]
        return row["at"].replace(minute=0, second=0, microsecond=0)


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _pattern(row: Row) -> str | None:
    return row.get("pattern_name") if row.get("learning_type") == "pattern_update" else None


def governed(rows: list[Row]) -> list[Row]:
    return [
        row
        for row in rows
        if row.get("source") != "grace"
        and row.get("actor") != "grace"
        and "grace" not in (row.get("task_payload") or {}).get("tags", [])
    ]


def rate(rows: list[Row], outcome: Callable[[Row], bool | None]) -> tuple[int, int, float | None]:
    known = [outcome(row) for row in rows if outcome(row) is not None]
    hits = sum(map(bool, known))
    return hits, len(known), hits / len(known) if known else None


def by(rows: list[Row], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get(column) or "not stated"].append(row)
    return dict(sorted(groups.items()))


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def quantile(values: list[float], share: float) -> float | None:
    return sorted(values)[floor(share * (len(values) - 1))] if values else None


def executed(row: Row) -> bool | None:
    status = (row.get("status") or "").strip().lower()
    return None if status in OPEN else status in EXECUTED


def approved(row: Row) -> bool | None:
    for column in ("status", "outcome"):
        answer = (row.get(column) or "").strip().lower()
        if answer == "approved":
            return True
        if answer in {"rejected", "refused", "denied", "declined"}:
            return False
    return None


def usable(rows: list[Row], of: Callable[[Row], float | None], high: float = float("inf")) -> Pairs:
    """Of each row that has a value in range: its unit and the value."""
    found = [(row["unit"], of(row)) for row in rows]
    return [(unit, v) for unit, v in found if v is not None and isfinite(v) and 0 <= v <= high]


def seconds(rows: list[Row], column: str) -> Pairs:
    return usable(rows, lambda row: row.get(column))


def first_of(row: Row, *columns: str) -> float | None:
    return next((row[name] for name in columns if row.get(name) is not None), None)


def response(row: Row) -> float | None:
    both = [*seconds([row], "wait_time_seconds"), *seconds([row], "execution_time_seconds")]
    return sum(value for _, value in both) if len(both) == 2 else None


def deployment(row: Row) -> str:
    return (row.get("task_payload") or {}).get("deployment") or "not stated"


def judged(rows: list[Row]) -> list[tuple[object, float, bool]]:
    """Of predictions with an outcome and a usable likelihood: the unit and both."""
    found = []
    for row in rows:
        if row.get("learning_type") == "prediction" and row.get("prediction_correct") is not None:
            stated = first_of(
                row, "predicted_likelihood", "recommendation_confidence", "pattern_confidence"
            )
            if stated is not None and 0 <= stated <= 1:
                found.append((row["unit"], stated, row["prediction_correct"]))
    return found


def calibration_error(pairs: list[tuple[float, bool]]) -> float | None:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for stated, came in pairs:
        bins[min(9, floor(stated * 10))].append((stated, came))
    if not pairs:
        return None
    return sum(
        len(held) / len(pairs) * abs(sum(s for s, _ in held) - sum(c for _, c in held)) / len(held)
        for held in bins.values()
    )


def interval(outcomes: list[tuple[object, bool]]) -> tuple[float, float] | None:
    """Korn and Graubard's, with the rate computed anew without each unit in turn."""
    units: dict[object, list[bool]] = defaultdict(list)
    for unit, outcome in outcomes:
        units[unit].append(outcome)
    if len(units) < 2:
        return None
    everything = [outcome for _, outcome in outcomes]
    n, p = len(everything), sum(everything) / len(everything)
    kish = n**2 / sum(len(held) ** 2 for held in units.values())
    failing = sum(not all(held) for held in units.values())
    hitting = sum(any(held) for held in units.values())
    if p in (0, 1):
        size = kish
    else:
        without = [(sum(everything) - sum(held)) / (n - len(held)) for held in units.values()]
        variance = (len(units) - 1) / len(units) * sum((one - p) ** 2 for one in without)
        size = min(n, p * (1 - p) / variance) if variance > 1e-18 else n
    freedom = kish - 1 if p in (0, 1) else min(kish - 1, 1 + min(failing, hitting))
    size *= (norm.ppf(0.975) / t.ppf(0.975, freedom)) ** 2
    low = beta.ppf(0.025, p * size, (1 - p) * size + 1) if p > 0 else 0.0
    high = beta.ppf(0.975, p * size + 1, (1 - p) * size) if p < 1 else 1.0
    return float(low), float(high)


def in_units(pairs: Pairs) -> list[tuple[float, float]]:
    """Of each unit the sum of its values and their number."""
    units: dict[object, list[float]] = defaultdict(list)
    for unit, value in pairs:
        units[unit].append(value)
    return [(sum(held), float(len(held))) for held in units.values()]


def mean_interval(units: list[tuple[float, float]], scale: str) -> tuple[float, float] | None:
    """Student's t on a scale, with the mean computed anew without each unit in turn."""
    total, exposure = (sum(each) for each in zip(*units, strict=True)) if units else (0.0, 0.0)
    kish = exposure**2 / sum(n**2 for _, n in units) if units else 0.0
    if kish < 1.5:
        return None
    whole = total / exposure
    without = [(total - held) / (exposure - n) for held, n in units]
    error = sqrt((len(units) - 1) / len(units) * sum((one - whole) ** 2 for one in without))
    if error <= 1e-12 * max(abs(held / n) for held, n in units):
        return None
    reach = t.ppf(0.975, kish - 1) * error
    if scale == "plain":
        return whole - reach, whole + reach
    if scale == "log":
        times = exp(min(reach / whole, 350.0)) if whole > 0 else None
        return None if times is None else (whole / times, whole * times)
    if not 0 < whole < 1:
        return None
    times = exp(min(reach / (whole * (1 - whole)), 350.0))
    low, high = whole / (1 - whole) / times, whole / (1 - whole) * times
    return low / (1 + low), high / (1 + high)


def has_limits(pairs: Pairs) -> bool:
    """Whether a quantile's can be told: of units that say as much as two of equal size."""
    counts = [n for _, n in in_units(pairs)]
    return bool(counts) and sum(counts) ** 2 / sum(n**2 for n in counts) >= 2

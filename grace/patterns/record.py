"""What each kind of fix has done to an error pattern so far, from the healing attempts.

Attempts within a flow run succeed and fail together, so a flow run counts once: by the share of its
attempts that succeeded.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grace.patterns.failures import Failure, failures_of, failures_within
from grace.patterns.library import Library
from grace.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Record", "best_fix", "of_pattern", "recorded", "records", "records_of"]

Z = 1.959963984540054  # 95 %, two-sided
BEGINNING, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """Finished attempts alone. `units` are flow runs, `healed` the sum of their shares."""

    attempts: int
    successes: int
    units: int = 0
    healed: float = 0.0

    @property
    def rate(self) -> float | None:
        """The mean over flow runs of the share that succeeded; None without any."""
        return self.healed / self.units if self.units else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, by Wilson (JASA 22:158, 1927) with flow runs as trials.

        Shares vary at most as much as yes and no do, so for them it is rather too wide.
        """
        if not self.units:
            return 0.0, 1.0
        n, rate, square = self.units, self.healed / self.units, Z**2
        middle = (rate + square / (2 * n)) / (1 + square / n)
        half = Z / (1 + square / n) * math.sqrt(rate * (1 - rate) / n + square / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


def best_fix(fixes: Mapping[str, Record], least_units: int = 5) -> str | None:
    """The kind of fix that is surely best: the highest lower limit, from so many flow runs on."""
    tried = {fix: record for fix, record in fixes.items() if record.units >= least_units}
    return max(tried, key=lambda fix: (tried[fix].interval[0], fix), default=None)


def records(attempts: "pd.DataFrame", library: Library) -> dict[str, dict[str, Record]]:
    """By fingerprint and kind of fix; pending attempts and unknown errors are left out.

    `attempts` are rows of `healing_attempts`.
    """
    return _counted(failures_of(attempts), library)


def recorded(
    store: Store, library: Library, since: datetime = BEGINNING, until: datetime = END
) -> dict[str, dict[str, Record]]:
    """As `records`, from the log; reads no frame."""
    with store.reading() as connection:
        return _counted(failures_within(connection, since, until, ("healing_attempts",)), library)


def records_of(store: Store, library: Library, fingerprint: str) -> dict[str, Record]:
    """By kind of fix, over the whole log."""
    return recorded(store, library).get(fingerprint, {})


def of_pattern(attempts: "pd.DataFrame", library: Library, fingerprint: str) -> list[bool]:
    """Which of these rows of `healing_attempts` were made at one error pattern."""
    return [_name(library, each) == fingerprint for each in failures_of(attempts)]


def _counted(attempts: Iterable[Failure], library: Library) -> dict[str, dict[str, Record]]:
    outcomes: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for each in attempts:
        if each.fix_type and each.healed is not None and (name := _name(library, each)):
            outcomes[name, each.fix_type][each.unit].append(each.healed)
    told: dict[str, dict[str, Record]] = defaultdict(dict)
    for (name, fix), units in outcomes.items():
        told[name][fix] = _record(list(units.values()))
    return dict(told)


def _name(library: Library, failure: Failure) -> str | None:
    found = library.match(failure.text, failure.error_type, failure.stack_trace, failure.error_file)
    return found.fingerprint if found else None


def _record(units: list[list[bool]]) -> Record:
    return Record(
        attempts=sum(map(len, units)),
        successes=sum(map(sum, units)),
        units=len(units),
        healed=sum(sum(unit) / len(unit) for unit in units),
    )

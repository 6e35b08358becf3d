"""What the demo came to, read back from its log by what reads every log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.account import Account, account
from grace.analysis.window import analyse
from grace.governance.register import Entry, list_entries
from grace.notary.verify import Verification, verify
from grace.opportunities.finding import Finding
from grace.settings import Settings
from grace.store import Store
from grace.summary import last_findings

__all__ = ["Day", "Report", "day_of", "report"]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """Of the task runs of a day, or what there is of it; None where none has ended."""

    number: int
    since: datetime
    until: datetime
    task_runs: int
    success_rate: float | None
    mean_wait_seconds: float | None


@dataclass(frozen=True)
class Report:
    days: Sequence[Day]
    proposals: Sequence[Account]
    findings: Sequence[Finding]
    ledger: Verification


def report(settings: Settings, store: Store, begin: datetime, end: datetime) -> Report:
    return Report(
        days=[
            day_of(store, number, begin, end) for number in range(1, 1 + -(-(end - begin) // DAY))
        ],
        proposals=[account(store, entry) for entry in sorted(list_entries(store), key=_order)],
        findings=last_findings(store),
        ledger=verify(settings, store),
    )


def _order(entry: Entry) -> tuple[datetime, str]:
    """As they were made; those of one cycle by their titles."""
    return entry.proposal.created_at, entry.proposal.title


def day_of(store: Store, number: int, begin: datetime, end: datetime) -> Day:
    """The day of this number, by the analysis; it brings the hourly figures up to date."""
    since = begin + DAY * (number - 1)
    until = min(since + DAY, end)
    seen = analyse(store, since, until, now=until).response
    runs = seen.by_type.get("task_run")
    if runs is None:
        return Day(number, since, until, 0, None, None)
    return Day(number, since, until, runs.success.n, runs.success.value, runs.wait.mean.value)

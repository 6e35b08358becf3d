"""Prefect's runs into the log: every run once, whatever was cut short and whatever comes late.

The place in the history is a time, kept in the transaction that adds the rows up to it. Each
ingestion begins some minutes before it, because states are committed out of the order of their
times, and looks again at every run that was under way the last time, however old its end is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from grace.ingestion.prefect_records import FlowRun, TaskRun
from grace.ingestion.prefect_runs import Row, flow_run_row, retry_rows, task_run_row
from grace.settings import Settings
from grace.store import Store, Writer, open_store
from grace.store.read import newest
from tasks.prefect_api import RunHistory, Window, run_history
from tasks.prefect_family import Family

__all__ = ["Counts", "ingest_prefect_runs"]

READER = "prefect"
TABLE = "parallel_process_logs"
OVERLAP = timedelta(minutes=10)
# task states and log lines are written some seconds behind the end of their flow run
SETTLE = timedelta(seconds=10)
# a run that started longer ago and never ended has lost its process
UNDER_WAY = timedelta(days=7)
RUNS_A_TRANSACTION = 1000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Counts:
    """What one ingestion did. `read` counts runs, those read again in the overlap included.

    `left_out` are the runs of Grace itself and of the other log; `errors_unknown` the retries
    whose error stands nowhere any more.
    """

    read: int
    left_out: int
    errors_unknown: int
    added: Mapping[str, int]

    def __str__(self) -> str:
        added = ", ".join(f"{rows} to {table}" for table, rows in self.added.items() if rows)
        unknown = f"; {self.errors_unknown} retries without an error" * bool(self.errors_unknown)
        return f"{self.read} runs read, {self.left_out} left out; added {added or 'nothing'}{unknown}"


@task(cache_policy=NO_CACHE, persist_result=False)
def ingest_prefect_runs(settings: Settings, now: datetime) -> Counts:
    """Log what ended since the last time, up to 10 s before `now`, and what is under way.

    Raises Unreachable where Prefect's API does not answer; what was added until then stays.
    """
    logger = get_run_logger()
    with run_history() as history:
        ingestion = Ingestion(open_store(settings.url), history, settings.sample, now, logger.info)
        counts = ingestion.run()
    logger.info(str(counts))
    return counts


@dataclass(frozen=True)
class _Place:
    """How far the history was read, and the runs that were under way then.

    Of a flow run under way its limits are kept, so that reading it again says the same.
    """

    until: datetime | None = None
    flow_runs: dict[str, dict[str, int]] = field(default_factory=dict)
    task_runs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: Store) -> "_Place":
        kept = store.cursor(READER)
        if not isinstance(kept, dict):
            return cls()
        return cls(datetime.fromisoformat(kept["until"]), kept["flow_runs"], kept["task_runs"])

    def keep(self, writer: Writer, until: datetime) -> None:
        position = {"flow_runs": self.flow_runs, "task_runs": self.task_runs}
        writer.set_cursor(READER, position | {"until": until.isoformat()})


class Ingestion:
    """One reading of the history of a server, in transactions of about a thousand runs each."""

    def __init__(
        self, store: Store, history: RunHistory, sample: bool, now: datetime, say: Say
    ) -> None:
        self._store, self._history, self._now, self._say = store, history, now, say
        self._sample = sample
        self._family = Family(history)
        self._place = _Place.of(store)
        self._tally: Counter[str] = Counter()
        self._added: Counter[str] = Counter({TABLE: 0, RETRIES: 0})

    def run(self) -> Counts:
        until = self._now - SETTLE
        place = self._place.until
        begin = place - OVERLAP if place else self._history.oldest() or until
        for window in split(self._history.count, Window(begin, until)):
            self._add_window(window)
        self._add_late_and_under_way(begin, max(until, place or until))
        return Counts(
            self._tally["read"], self._tally["left out"], self._tally["unknown"], self._added
        )

    def _add_window(self, window: Window) -> None:
        flow_runs = self._history.flow_runs_ended(window)
        task_runs = self._history.task_runs_ended(window)
        with self._store.writing(self._now) as writer:
            rows = self._rows(flow_runs, task_runs, self._limits_logged(window))
            self._append(writer, rows)
            self._place.keep(writer, window.until)
        self._say(f"read up to {window.until:%Y-%m-%d %H:%M:%S}: {len(flow_runs)} flow runs")

    def _add_late_and_under_way(self, begin: datetime, until: datetime) -> None:
        """Runs that were under way the last time and ended unseen; those under way now."""
        late_flow_runs = [
            run
            for run in self._history.flow_runs(self._place.flow_runs)
            if run.end_time and run.end_time < begin
        ]

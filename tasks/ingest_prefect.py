"""Prefect's runs into the log: every run once, whatever was cut short and whatever comes late.

The place in the history is a time, kept in the transaction that adds the rows up to it. Each
ingestion begins some minutes before it, because states are committed out of the order of their
times, and looks again at every run that was under way the last time, however old its end is.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from grace.connection import read_connection
from grace.ingestion.prefect_flow_retries import StateChange, flow_retry_rows
from grace.ingestion.prefect_records import FlowRun, LogLine, TaskRun
from grace.ingestion.prefect_runs import Home, Limits, flow_run_row, retry_rows, task_run_row
from grace.ingestion.unfit import fitting
from grace.markdown import facts
from grace.settings import Settings
from grace.store import Store, Writer, open_store
from grace.store.read import newest
from tasks.ingest_prefect_beside import ingest_beside
from tasks.prefect_api import RunHistory, Window, run_history
from tasks.prefect_family import Family

__all__ = [
    "Counts",
    "Ingestion",
    "begin_history_at",
    "belonging_to",
    "ingest_prefect_runs",
    "publish_counts",
    "read_history",
    "split",
]

READER = "prefect"
RUNS, RETRIES = "parallel_process_logs", "healing_attempts"
OVERLAP = timedelta(minutes=10)
# task states and log lines are written some seconds behind the end of their flow run
SETTLE = timedelta(seconds=10)
# a run that started longer ago and never ended has lost its process
UNDER_WAY = timedelta(days=7)
RUNS_A_TRANSACTION = 1000
INSTANT = timedelta(milliseconds=1)

Say = Callable[[str], None]
# whether a run counts, by the tags of its deployment and of the runs above it
Ours = Callable[[frozenset[str]], bool]


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
        return (
            f"{self.read} runs read, {self.left_out} left out; added {added or 'nothing'}{unknown}"
        )


@task(cache_policy=NO_CACHE, persist_result=False, log_prints=True)
def ingest_prefect_runs(settings: Settings, now: datetime) -> Counts:
    """Log what ended since the last time, up to 10 s before `now`, and what is under way.

    Raises Unreachable where Prefect's API does not answer; what was added until then stays.
    """
    counts = read_history(settings, now, print)
    print(counts)
    return counts


def read_history(settings: Settings, now: datetime, say: Say) -> Counts:
    """The same outside of a flow run, telling `say` how far it is."""
    with run_history(settings) as history:
        store = open_store(settings.url)
        counts = Ingestion(store, history, belonging_to(settings), now, say).run()
        if not settings.sample:
            beside = ingest_beside(store, history, now)
            counts = replace(counts, added={**counts.added, **beside})
    return counts


def belonging_to(settings: Settings) -> Ours:
    """Runs of any Grace never count, and those of the sample workload only in its own log.

    On a server that is not this installation's nothing is our sample, whatever it is tagged.
    """
    if read_connection(settings):
        return lambda tags: "grace" not in tags
    return lambda tags: "grace" not in tags and ("sample" in tags) == settings.sample


def begin_history_at(store: Store, since: datetime, now: datetime) -> bool:
    """Leave out what ended before; False where reading has begun already."""
    if store.cursor(READER) is not None:
        return False
    with store.writing(now) as writer:
        _Place().keep(writer, since + OVERLAP)
    return True


def publish_counts(settings: Settings, counts: Counts, now: datetime) -> None:
    """One markdown artifact a log, whose versions are the history of the ingestion."""
    rows = [("runs read", counts.read), ("left out", counts.left_out), *counts.added.items()]
    log = settings.log
    create_markdown_artifact(
        f"# Prefect's runs in the log *{log}*\n\n"
        f"Read up to {now:%Y-%m-%d %H:%M:%S} UTC.\n\n{facts(rows)}",
        key=f"ingestion-{log}",
        description="What the last ingestion added",
    )


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


@dataclass(frozen=True)
class _Batch:
    """Runs of the governed system alone, with all that their rows need but the limits.

    A task run comes with the time at which the task runs before it had ended. With runs that were
    retried come a task run's log lines, and a flow run's states once it has ended.
    """

    flow_runs: list[tuple[FlowRun, Home]]
    task_runs: list[tuple[TaskRun, Home | None, datetime | None]]
    lines: Mapping[str, list[LogLine]]
    states: Mapping[str, list[StateChange]]


class Ingestion:
    """One reading of a server's history, in transactions of about a thousand runs each."""

    def __init__(
        self, store: Store, history: RunHistory, ours: Ours, now: datetime, say: Say
    ) -> None:
        self._store, self._history, self._now, self._say = store, history, now, say
        self._is_ours = ours
        self._family = Family(history)
        self._place = _Place.of(store)
        self._tally: Counter[str] = Counter()
        self._added: Counter[str] = Counter()

    def run(self) -> Counts:
        until, place = self._now - SETTLE, self._place.until
        begin = place - OVERLAP if place else self._history.oldest() or until
        for window in split(self._history.count, Window(begin, until)):
            self._add_ended(window)
        self._add_late(begin)
        self._add_under_way(max(until, place or until))
        tally = self._tally
        return Counts(tally["read"], tally["left out"], tally["unknown"], dict(self._added))

    def _add_ended(self, window: Window) -> None:
        history = self._history
        batch = self._gather(history.flow_runs_ended(window), history.task_runs_ended(window))
        with self._store.writing(self._now) as writer:
            self._write(writer, batch, self._limits_logged(window))
            self._place.keep(writer, max(window.until, self._place.until or window.until))
        self._say(f"Prefect's history is read up to {window.until:%Y-%m-%d %H:%M:%S} UTC")

    def _add_late(self, begin: datetime) -> None:
        """What was under way the last time and has ended before the times that were read now."""
        batch = self._gather(
            [run for run in self._history.flow_runs(self._place.flow_runs) if _ended(run, begin)],
            [run for run in self._history.task_runs(self._place.task_runs) if _ended(run, begin)],
        )
        with self._store.writing(self._now) as writer:
            self._write(writer, batch, {})

    def _add_under_way(self, until: datetime) -> None:
        """Flow runs under way are logged; of task runs it is only kept that they are."""
        started_after = self._now - UNDER_WAY
        task_runs = self._history.task_runs_under_way(started_after)
        batch = self._gather(self._history.flow_runs_under_way(started_after), [])
        first_seen = self._place.flow_runs
        limits = {
            run.id: first_seen.get(run.id, home.limits(self._family.in_force))
            for run, home in batch.flow_runs
        }
        with self._store.writing(self._now) as writer:
            self._write(writer, batch, limits)
            _Place(until, limits, [run.id for run in task_runs]).keep(writer, until)

    def _gather(self, flow_runs: list[FlowRun], task_runs: list[TaskRun]) -> _Batch:
        family = self._family
        family.meet(flow_runs, task_runs)
        homes = [(run, family.home(run.id)) for run in flow_runs]
        governed_flows = [(run, home) for run, home in homes if home and self._is_ours(home.tags)]
        governed_tasks = [
            (run, home, family.ready_at(run))
            for run, home in ((run, family.home(run.flow_run_id)) for run in task_runs)
            if not run.is_wrapper and self._is_ours(home.tags if home else frozenset(run.tags))
        ]
        retried = [run.id for run, _, _ in governed_tasks if run.run_count > 1]
        lines = _by_run(self._history.log_lines(retried))
        again = [run.id for run, _ in governed_flows if run.run_count > 1 and run.end_time]
        batch = _Batch(governed_flows, governed_tasks, lines, self._history.states(again))
        read = len(governed_flows) + len(governed_tasks)
        self._tally += Counter({"read": read, "left out": len(flow_runs) + len(task_runs) - read})
        return batch

    def _write(self, writer: Writer, batch: _Batch, logged: Mapping[str, Limits]) -> None:
        """`logged` holds the limits of runs that are in the log as they are: they stay so."""
        in_force = self._family.in_force
        runs = [
            flow_run_row(run, home, logged.get(run.id, in_force)) for run, home in batch.flow_runs
        ]
        runs += [
            task_run_row(run, home, logged.get(run.id, in_force), ready_at)
            for run, home, ready_at in batch.task_runs
        ]
        retries = [
            row
            for run, home, _ in batch.task_runs
            for row in retry_rows(run, home, batch.lines.get(run.id, []))
        ]
        for run, home in batch.flow_runs:
            retries += flow_retry_rows(run, home, batch.states.get(run.id, []))
        self._tally["unknown"] += sum(row["error_message"] is None for row in retries)
        for table, rows in ((RUNS, runs), (RETRIES, retries)):
            fit = fitting(writer, table, rows, READER)
            self._added[table] += len(writer.append(table, fit, source=READER))

    def _limits_logged(self, window: Window) -> dict[str, Limits]:
        """By run, the limits in the log of runs that ended in the window."""
        end = window.until + timedelta(microseconds=1)
        frame = newest(self._store, RUNS, since=window.after, until=end)
        ended = frame[frame["completed_at"].notna()]
        payloads = zip(ended["process_id"], ended["task_payload"], strict=True)
        return {run: json.loads(payload)["limits"] for run, payload in payloads}


def split(count: Callable[[Window], int], window: Window) -> Iterator[Window]:
    """The window in parts, in the order of time, each of at most a thousand runs or one instant."""
    length = window.until - window.after
    if length < timedelta(0):
        return
    if length < INSTANT or count(window) <= RUNS_A_TRANSACTION:
        yield window
        return
    middle = window.after + length / 2
    yield from split(count, Window(window.after, middle))
    yield from split(count, Window(middle, window.until))


def _ended(run: FlowRun | TaskRun, before: datetime) -> bool:
    return run.end_time is not None and run.end_time < before


def _by_run(lines: Iterable[LogLine]) -> dict[str, list[LogLine]]:
    found: dict[str, list[LogLine]] = {}
    for line in lines:
        found.setdefault(line.task_run_id or "", []).append(line)
    return found

"""The opportunity `fix_recurring_error`: one error ends a task's runs again and again.

Raised where the share of a task's runs that end with the same error pattern is shown to be above
1 %, with more than two failures in at least three flow runs, and no rule works on it yet. The unit
of evidence is the flow run, because the runs within one fail together. What counts is how a run
*ends*: one that failed, was retried and completed is no failure.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from grace.governance.change import Change
from grace.governance.proposal import Prediction
from grace.measurement.blocks import Unit
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.patterns.record import Record
from grace.patterns.rules import Rule
from grace.recent.matching import places_of
from grace.statistics.evidence import Gate

__all__ = ["GATE", "KIND", "METRIC", "Recurrence", "case_for", "recurrences", "stream_of", "units"]

KIND = "fix_recurring_error"
LEVER = "pattern-rule"
METRIC = "share of runs that fail so"
GATE = Gate(threshold=0.01, kind="mean_above")
FEWEST_FAILURES, FEWEST_FLOW_RUNS = 3, 3
RETRIES = 2
MOST_A_BLOCK = 200
# so many retries that healed nothing say that more of them will not
HOPELESS_FROM = 10

FingerprintOf = Callable[[str], str | None]


@dataclass(frozen=True)
class Recurrence:
    """One error pattern in one task; a flow run of its own failing is a task of its own name.

    `times` and `values` are the completed flow runs with runs of the task, in the order of time:
    when the flow run ended, and the share of the task's runs in it that ended with the pattern.
    `lost_seconds` is the time for which the failed runs had run, `usual_seconds` the mean of the
    flow runs.
    """

    fingerprint: str
    task: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    failures: int
    failed_flow_runs: int
    runs: int
    lost_seconds: float
    usual_seconds: float | None = None

    @property
    def target(self) -> str:
        return f"pattern:{self.fingerprint}"

    @property
    def subject(self) -> str:
        return f"{self.fingerprint}@{self.task}"

    @property
    def units_a_block(self) -> int:
        """So many flow runs that nine blocks of ten have a failure in them, and one at a border.

        A pair of blocks without any failure tells nothing of a rule against it. Counted from the
        first failure on, for an error that came with a release was not there before.
        """
        first = next(n for n, value in enumerate(self.values) if value > 0)
        spared = 1 - self.failed_flow_runs / (len(self.values) - first)
        enough = 1 if spared <= 0.1 else math.ceil(math.log(0.1) / math.log(spared))
        return max(2, min(enough + 1, MOST_A_BLOCK))

    @property
    def gap_seconds(self) -> float | None:
        """The usual time from one flow run to the next."""
        gaps = np.diff([time.timestamp() for time in self.times])
        return float(np.median(gaps)) if gaps.size else None


def recurrences(
    frame: pd.DataFrame, fingerprint_of: FingerprintOf, now: datetime, since: datetime
) -> list[Recurrence]:
    """Every pattern in every task by `now`, the one that lost most time first.

    `frame` holds `parallel_process_logs` (newest revisions) from `since` on; flow runs that began
    before are left out, as some of their runs may be.
    """
    ended = _ended(frame, now)
    flow_runs = ended[(ended["process_type"] == "flow_run") & (ended["started_at"] >= since)]
    flow_runs = flow_runs.sort_values(["completed_at", "process_id"], kind="stable")
    runs = _runs(ended, fingerprint_of)
    runs["place"] = places_of(runs["unit"], flow_runs["process_id"])
    runs = runs[runs["place"] >= 0]
    failing = runs.loc[runs["fingerprint"].notna(), "task"].unique()
    of_tasks = runs[runs["task"].isin(failing)].groupby("task")
    found = [each for task, group in of_tasks for each in _of_task(str(task), group, flow_runs)]
    return sorted(found, key=lambda each: (-each.lost_seconds, each.subject))


def stream_of(recurrence: Recurrence, origin: datetime) -> Stream:
    return Stream(
        kind=KIND,
        target=recurrence.target,
        metric=METRIC,
        unit="flow run",
        gate=GATE,
        origin=origin,
        times=recurrence.times,
        values=recurrence.values,
    )


def case_for(
    seen: Seen,
    recurrence: Recurrence,
    records: Mapping[str, Record],
    template: str,
    ledger_size: int,
) -> Case | Finding:
    """The case for a rule that retries, or why there is none.

    `records` holds what each kind of fix has done to the pattern so far.
    """
    few = _too_few(recurrence)
    if few:
        return finding_for(seen, "watching", few)
    record = records.get("retry")
    if record and record.attempts >= HOPELESS_FROM and record.successes == 0:
        return finding_for(
            seen, "held back", f"none of {record.attempts} retries has healed it: it needs a person"
        )
    rule = Rule(fix="retry", retries=RETRIES, description=f"retry {recurrence.task}")
    return Case(
        kind="fix_recurring_error",
        title=f"Retry {recurrence.task} on {_short(template)}",
        why=(
            f"{recurrence.failures} of {recurrence.runs} runs of {recurrence.task} ended with this "
            f"error, in {recurrence.failed_flow_runs} flow runs, and "
            f"{recurrence.lost_seconds:.0f} s of work with them. The rule acts in tasks that say "
            "retry_condition_fn=grace.prefect.retry_by_rule."
        ),
        proposed_by="grace",
        change=Change(
            lever=LEVER, target=recurrence.target, before=None, after=rule.model_dump(mode="json")
        ),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"error": template, "task": recurrence.task, "retries so far": _told(record)},
        ),
        prediction=_prediction(seen.weighed.mean, record),
        subject=recurrence.subject,
        floor_seconds=None,
        gap_seconds=recurrence.gap_seconds,
        units_a_block=recurrence.units_a_block,
        flow_runs=recurrence.values,
        usual_seconds=recurrence.usual_seconds,
    )


def units(frame: pd.DataFrame, fingerprint_of: FingerprintOf, subject: str) -> list[Unit]:
    """One unit a flow run with runs of the subject's task, in the order in which they queued.

    Flow runs under way are there too, where others of the same name have runs of the task.
    """
    fingerprint, _, task = subject.partition("@")
    runs = _runs(_ended(frame, None), fingerprint_of)
    runs = runs[runs["task"] == task]
    shares = (runs["fingerprint"] == fingerprint).groupby(runs["unit"]).mean()
    flow_runs = frame[frame["process_type"] == "flow_run"]
    names = set(flow_runs.loc[flow_runs["process_id"].isin(shares.index), "task_name"])
    flow_runs = flow_runs[flow_runs["task_name"].isin(names) & flow_runs["queued_at"].notna()]
    under_way = flow_runs["completed_at"].isna()
    flow_runs = flow_runs[under_way | flow_runs["process_id"].isin(shares.index)]
    columns = ["process_id", "queued_at", "completed_at", "execution_time_seconds", "success"]
    rows = flow_runs[columns].astype(object).where(flow_runs[columns].notna(), None)
    seen = [
        Unit(
            queued.to_pydatetime(),
            completed and completed.to_pydatetime(),
            float(shares.get(run, 0.0)),
            str(run),
            seconds,
            None if success is None else float(not success),
        )
        for run, queued, completed, seconds, success in rows.itertuples(index=False)
    ]
    return sorted(seen, key=lambda unit: unit.queued)


def _ended(frame: pd.DataFrame, now: datetime | None) -> pd.DataFrame:
    """Runs that ended with a success or a failure: a cancelled one counts neither way."""
    ended = frame[frame["completed_at"].notna() & frame["success"].notna()]
    return ended if now is None else ended[ended["completed_at"] <= now]


def _runs(ended: pd.DataFrame, fingerprint_of: FingerprintOf) -> pd.DataFrame:
    """One row a run: unit, task, fingerprint of the error it ended with, seconds it ran.

    A flow run without failed task runs stands for itself; one with them only passes theirs on.
    """
    is_task = ended["process_type"] == "task_run"
    failed = ended["success"] == False  # noqa: E712 - a column of truths and gaps
    passed_on = set(ended.loc[is_task & failed, "parent_process"].dropna())
    own = ended[is_task & ended["parent_process"].notna()]
    whole = ended[~is_task & ~ended["process_id"].isin(passed_on)]
    rows = pd.concat([own, whole])
    errors = rows.loc[(rows["success"] == False) & rows["error"].notna(), "error"]  # noqa: E712
    prints = pd.Series([fingerprint_of(error) for error in errors], errors.index, dtype=object)
    return pd.DataFrame(
        {
            "unit": rows["parent_process"].where(
                rows["process_type"] == "task_run", rows["process_id"]
            ),
            "task": rows["task_name"],
            "fingerprint": prints.reindex(rows.index),
            "seconds": rows["execution_time_seconds"].fillna(0.0),
        }
    )


def _of_task(task: str, runs: pd.DataFrame, flow_runs: pd.DataFrame) -> Iterator[Recurrence]:
    """The patterns of one task; `place` is that of a run's flow run, in the order of their ends."""
    counts = np.bincount(runs["place"], minlength=len(flow_runs))
    units = np.flatnonzero(counts)
    mine = flow_runs.iloc[units]
    times = tuple(mine["completed_at"].dt.to_pydatetime())
    seconds = mine["execution_time_seconds"].dropna()
    for fingerprint, failed in runs.groupby("fingerprint"):
        failures = np.bincount(failed["place"], minlength=len(flow_runs))[units]
        yield Recurrence(
            fingerprint=str(fingerprint),
            task=task,
            times=times,
            values=tuple((failures / counts[units]).tolist()),
            failures=len(failed),
            failed_flow_runs=int((failures > 0).sum()),
            runs=len(runs),
            lost_seconds=float(failed["seconds"].sum()),
            usual_seconds=float(seconds.mean()) if len(seconds) else None,
        )


def _too_few(recurrence: Recurrence) -> str | None:
    failures, flow_runs = recurrence.failures, recurrence.failed_flow_runs
    if failures >= FEWEST_FAILURES and flow_runs >= FEWEST_FLOW_RUNS:
        return None
    return (
        f"{failures} of {FEWEST_FAILURES} failures and {flow_runs} of {FEWEST_FLOW_RUNS} flow runs "
        "that it takes to call an error recurring"
    )


def _prediction(share: float | None, record: Record | None) -> Prediction:
    if share is None or record is None or not record.attempts:
        how = "no retry of this error is in the log yet; the measurement will tell."
        return Prediction(metric=METRIC, now=share, then=None, how=how)
    healed = record.successes / record.attempts
    how = f"{record.successes} of {record.attempts} retries of this error healed it so far."
    then = share * (1 - healed) ** RETRIES
    return Prediction(metric=METRIC, now=share, then=then, how=how)


def _told(record: Record | None) -> str:
    if record is None or not record.attempts:
        return "none"
    return f"{record.successes} of {record.attempts} healed it"


def _short(template: str, length: int = 60) -> str:
    return template if len(template) <= length else f"{template[: length - 1]}…"

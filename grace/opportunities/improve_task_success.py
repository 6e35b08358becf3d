"""The opportunity `improve_task_success`: too many of a deployment's task runs fail in the end.

Raised where the mean share of task runs that succeed, flow run by flow run, is shown to be below
95 %. What is proposed depends on the errors: default retries of the deployment, where most of the
failures are of patterns that pass by themselves. A pattern that has a rule, or for which one is
proposed, is left to `fix_recurring_error`; one that does not pass by itself needs a person.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.optimizing import Optimizing
from grace.governance.proposal import Prediction
from grace.measurement.deployments import TASKS
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.grouping import gap_seconds
from grace.opportunities.streams import Seen, finding_for, shown
from grace.opportunities.units import DeploymentRuns
from grace.patterns.record import Record
from grace.statistics.evidence import Gate

__all__ = ["KIND", "LEVER", "METRIC", "Beside", "Failing", "case_for", "gate_of"]

KIND = "improve_task_success"
LEVER = "default-retries"
METRIC = TASKS
RETRIES, DELAY_SECONDS = 2, 10
# so many retries that healed nothing say that more of them will not
HOPELESS_FROM = 10
HALF = 0.5
# of errors that no retry has been tried on yet, those whose words say that they pass by themselves
PASSING = re.compile(
    r"time[d ]?-?\s?out|connection|temporar|unavailable|too many requests|rate.?limit|try again"
    r"|reset by peer|broken pipe|deadlock|database is locked|\b(?:408|425|429|502|503|504)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Failing:
    """One error pattern among the failed task runs of a deployment.

    `left` says why it is somebody else's, None where it is not; `retry` what retries did to it.
    """

    fingerprint: str | None
    error: str
    failures: int
    left: str | None
    retry: Record | None

    @property
    def passes(self) -> bool:
        """Whether trying again heals it: by its record, else by what it says."""
        if self.retry is not None and self.retry.attempts:
            hopeless = self.retry.attempts >= HOPELESS_FROM and not self.retry.successes
            return not hopeless and (self.retry.successes > 0 or bool(PASSING.search(self.error)))
        return bool(PASSING.search(self.error))

    @property
    def healed(self) -> float | None:
        if self.retry is None or not self.retry.attempts:
            return None
        return self.retry.successes / self.retry.attempts


@dataclass(frozen=True)
class Beside:
    """What is known beside the stream: which pattern an error is of, and how each stands."""

    fingerprint_of: Callable[[str], str | None]
    left: Callable[[str], str | None]
    retry: Callable[[str], Record | None]


def gate_of(rules: Optimizing) -> Gate:
    return Gate(threshold=rules.task_success, kind="rate_below")


def failings(frame: pd.DataFrame, runs: DeploymentRuns, beside: Beside) -> list[Failing]:
    """The errors of the failed task runs by pattern, the most frequent first."""
    is_task = (frame["process_type"] == "task_run") & frame["parent_process"].isin(runs.ids)
    failed = frame[is_task & (frame["success"] == False)]  # noqa: E712 - truths and gaps
    errors = failed["error"].fillna("").astype(str)
    prints = pd.Series([beside.fingerprint_of(error) or "" for error in errors], errors.index)
    found = []
    for fingerprint, group in errors.groupby(prints):
        name = str(fingerprint) or None
        found.append(
            Failing(
                name,
                str(group.iloc[0]),
                len(group),
                beside.left(name) if name else None,
                beside.retry(name) if name else None,
            )
        )
    return sorted(found, key=lambda each: (-each.failures, each.error))


def case_for(
    seen: Seen,
    runs: DeploymentRuns,
    frame: pd.DataFrame,
    beside: Beside,
    read: Callable[[str], JsonValue],
    ledger_size: int,
) -> Case | Finding:
    """The case for default retries, or why there is none."""
    found = failings(frame, runs, beside)
    total = sum(each.failures for each in found)
    mine = [each for each in found if not each.left and each.passes]
    if not total:
        return finding_for(seen, "held back", "no task run failed; the flow's own code does")
    told = "; ".join(_told(each, total) for each in found[:3])
    if sum(each.failures for each in mine) < HALF * total:
        return finding_for(seen, "held back", f"default retries would not heal most of it: {told}")
    target = f"retries:{runs.deployment}"
    before = read(target)
    after = _more(before)
    if after is None:
        why = f"{target} is {before!r} already, and they fail all the same: {told}"
        return finding_for(seen, "held back", why)
    return Case(
        kind="improve_task_success",
        title=f"Retry the tasks of {runs.deployment} {RETRIES} times by default",
        why=f"{100 * (seen.weighed.mean or 0):.1f} % of its task runs succeed. {told}.",
        proposed_by="grace",
        change=Change(lever=LEVER, target=target, before=before, after=after),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"errors": told},
            ruled_out=[_told(each, total) for each in found if each not in mine],
        ),
        prediction=_prediction(seen.weighed.mean, mine, total),
        subject=runs.subject,
        floor_seconds=None,
        gap_seconds=gap_seconds(runs.times),
    )


def _more(before: JsonValue) -> JsonValue:
    """None where there are as many retries already, or something that is no number."""
    present = before.get("retries") if isinstance(before, dict) else before
    if present is not None and (not isinstance(present, int) or present >= RETRIES):
        return None
    given = before if isinstance(before, dict) else {"delay_seconds": DELAY_SECONDS}
    return {**given, "retries": RETRIES}


def _told(each: Failing, total: int) -> str:
    what = " ".join(each.error.split())[:80] or "no message"
    told = f"{each.failures} of {total} failures are `{what}`"
    if each.left:
        return f"{told}, left to fix_recurring_error: {each.left}"
    tried = each.retry
    if tried and tried.attempts:
        return f"{told}, healed by {tried.successes} of {tried.attempts} retries"
    return f"{told}, which {'pass' if each.passes else 'do not pass'} by themselves, by their words"


def _prediction(mean: float | None, mine: Sequence[Failing], total: int) -> Prediction:
    tried = [each for each in mine if each.healed is not None]
    if mean is None or len(tried) < len(mine):
        how = "no retry of these errors is in the log yet; the measurement will tell."
        return Prediction(metric=METRIC, now=mean, then=None, how=how)
    left = sum(each.failures * (1 - (each.healed or 0.0)) ** RETRIES for each in mine)
    others = total - sum(each.failures for each in mine)
    then = 1 - (1 - mean) * (left + others) / total
    how = "Each error is healed by a retry as often as it was so far, twice at most."
    return Prediction(metric=METRIC, now=mean, then=then, how=how)

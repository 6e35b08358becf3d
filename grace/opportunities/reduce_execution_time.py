"""The opportunity `reduce_execution_time`: the runs of a deployment take too long.

Raised where the mean execution time of its flow runs that completed is shown to be above 5 s; the
aim is 3 s. What is proposed is the lever that governs the parallelism of its slowest tasks: the tag
limit that its task runs wait for. Where no limit holds them back nothing is proposed: that is work
on the task, and the finding names it with its seconds.
"""

from collections.abc import Callable

import pandas as pd

from grace.governance.change import Change
from grace.governance.optimizing import Optimizing
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction
from grace.measurement.deployments import EXECUTION
from grace.opportunities.causes import Diagnosis
from grace.opportunities.choosing import Choice
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.grouping import gap_seconds
from grace.opportunities.parallelism import choose_parallelism
from grace.opportunities.refusing import refusal_of
from grace.opportunities.slow_tasks import slowest_tasks
from grace.opportunities.streams import Seen, finding_for, shown
from grace.opportunities.units import DeploymentRuns
from grace.statistics.evidence import Gate

__all__ = ["KIND", "LEVER", "METRIC", "case_for", "gate_of"]

KIND = "reduce_execution_time"
LEVER = "concurrency-limit"
METRIC = EXECUTION

Against = Callable[[str], tuple[Standing, str] | None]


def gate_of(rules: Optimizing) -> Gate:
    return Gate(threshold=rules.execution_seconds, kind="mean_above")


def case_for(
    seen: Seen,
    runs: DeploymentRuns,
    frame: pd.DataFrame,
    diagnosis: Diagnosis,
    policy: Policy,
    against: Against,
    ledger_size: int,
) -> Case | Finding:
    """The case for a higher tag limit, or why there is none.

    `against` says what stands against proposing the limit, as of the register.
    """
    tag = next((each for each in diagnosis.causes if each.name == "tag limit"), None)
    slowest = slowest_tasks(frame, runs.ids)
    if tag is None or tag.key is None or not tag.seconds:
        return finding_for(seen, "held back", _no_lever(slowest, diagnosis))
    standing = against(tag.key)
    if standing is not None:
        return finding_for(seen, *standing)
    choice = _choose(seen, runs, frame, tag.key, policy)
    if choice.limit <= choice.forecast.limit_now:
        return finding_for(seen, "held back", f"{choice.reason}. {slowest}")
    return Case(
        kind="reduce_execution_time",
        title=f"Raise {tag.key} from {choice.forecast.limit_now} to {choice.limit}",
        why=(
            f"Runs of {runs.deployment} take {seen.weighed.mean or 0:.1f} s on average, and for "
            f"{tag.seconds:.1f} s of them tasks wait for {tag.key}. {slowest}"
        ),
        proposed_by="grace",
        change=Change(
            lever=LEVER, target=tag.key, before=choice.forecast.limit_now, after=choice.limit
        ),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"slowest tasks": slowest, "what binds": tag.told},
            ruled_out=diagnosis.others(tag.name),
        ),
        prediction=Prediction(
            metric=METRIC,
            now=choice.forecast.now,
            then=choice.forecast.then,
            how=choice.forecast.how,
        ),
        subject=runs.subject,
        floor_seconds=None,
        gap_seconds=gap_seconds(runs.times),
    )


def _choose(
    seen: Seen, runs: DeploymentRuns, frame: pd.DataFrame, key: str, policy: Policy
) -> Choice:
    rules, mean = policy.optimizer, seen.weighed.mean or 0.0
    refusal = refusal_of(policy, LEVER, key, KIND, runs.times[-1])
    return choose_parallelism(frame, key, runs.ids, mean, rules.execution_target, refusal)


def _no_lever(slowest: str, diagnosis: Diagnosis) -> str:
    told = " ".join(diagnosis.others("tag limit")[:1])
    return f"no limit makes its tasks wait, so that no lever would shorten it: {slowest} {told}"

"""The flow runs of each deployment as a stream of evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from grace.measurement.deployments import METRICS, deployment_subject
from grace.measurement.family import Family
from grace.opportunities.streams import Stream
from grace.statistics.evidence import Gate

__all__ = ["DeploymentRuns", "deployment_runs"]


@dataclass(frozen=True)
class DeploymentRuns:
    """`times` are their ends, in order; `values` (of `metric`) and `ids` belong to them."""

    deployment: str
    metric: str
    times: tuple[datetime, ...] = ()
    values: tuple[float, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return deployment_subject(self.deployment)

    def stream(self, kind: str, gate: Gate, origin: datetime) -> Stream:
        return Stream(
            kind=kind,
            target=self.subject,
            metric=self.metric,
            unit="flow run",
            gate=gate,
            origin=origin,
            times=self.times,
            values=self.values,
        )


def deployment_runs(frame: pd.DataFrame, metric: str, since: datetime) -> list[DeploymentRuns]:
    """Of each deployment FLOW/NAME that has runs nothing else called, by name.

    Those that are over and have a value: a run that failed early took no time that counts. Of one
    queued before `since` some task runs may be missing: it is left out.
    """
    return list(_each(Family(frame), metric, since))


def _each(family: Family, metric: str, since: datetime) -> Iterator[DeploymentRuns]:
    rows = family.flow_runs
    called_by_none = rows["parent_process"].isna()
    names = {name for name in rows.loc[called_by_none, "task_name"].dropna() if "/" in name}
    is_over = rows["queued_at"].notna() & rows["completed_at"].notna() & rows["success"].notna()
    by_name = dict(tuple(rows[is_over].groupby("task_name")))
    for name in sorted(names):
        if name not in by_name:
            yield DeploymentRuns(name, metric)
            continue
        ended = by_name[name]
        ended = ended.assign(value=METRICS[metric](ended, family))
        ended = ended[(ended["queued_at"] >= since) & ended["value"].notna()]
        ended = ended.sort_values(["completed_at", "value", "process_id"])
        yield DeploymentRuns(
            name,
            metric,
            tuple(ended["completed_at"].dt.to_pydatetime()),
            tuple(ended["value"].tolist()),
            tuple(ended["process_id"].tolist()),
        )

"""The flow runs of one deployment as a stream of evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan

from grace.measurement.blocks import Unit
from grace.measurement.deployments import deployment_subject

__all__ = ["DeploymentRuns"]


@dataclass(frozen=True)
class DeploymentRuns:
    """`times` are their ends, in order; `values` and `ids` belong to them."""

    deployment: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, deployment: str, units: Sequence[Unit], since: datetime) -> "DeploymentRuns":
        """Those that are over and have a value: a run that failed early took no time that counts.

        Of one queued before `since` some task runs may be missing.
        """
        ended = [
            (unit.completed, unit.value, unit.id or "")
            for unit in units
            if unit.completed is not None and unit.queued >= since and not isnan(unit.value)
        ]
        ended.sort()
        return cls(deployment, *(tuple(each[place] for each in ended) for place in range(3)))  # type: ignore[arg-type]

    @property
    def subject(self) -> str:
        return deployment_subject(self.deployment)

"""A stream of evidence about one target, weighed by the gate and selected beside the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from grace.governance.proposal import Evidence as Shown
from grace.governance.proposal import Unit
from grace.measurement.metrics import metric
from grace.opportunities.finding import Finding, Standing
from grace.statistics.discovery import select
from grace.statistics.evidence import Evidence, Gate, weigh

__all__ = ["Seen", "Stream", "aligned", "finding_for", "see", "shown", "since_of"]

# how often the gate starts a process
EVERY = timedelta(hours=12)


@dataclass(frozen=True)
class Stream:
    """One number a unit, in the order of time, held against a gate since `origin`.

    `metric` names what the numbers are, `unit` what each belongs to. `origin` must not move from
    cycle to cycle, or the gate's promise would not hold.
    """

    kind: str
    target: str
    metric: str
    unit: Unit
    gate: Gate
    origin: datetime
    times: Sequence[datetime]
    values: Sequence[float]


@dataclass(frozen=True)
class Seen:
    """What a stream has shown; `selected` says whether it may be raised beside the others."""

    stream: Stream
    weighed: Evidence
    selected: bool

    @property
    def raised(self) -> bool:
        return self.weighed.crossed and self.selected


def aligned(origin: datetime, since: datetime) -> datetime:
    """The first start of a gate's process that has all of its units, where older ones are not read.

    Of the starts that the origin fixes, the first that is not before `since`; a start anywhere else
    would move from look to look.
    """
    if since <= origin:
        return origin
    return origin - (origin - since) // EVERY * EVERY


def since_of(stream: Stream) -> datetime | None:
    """The hour since which a stream is as it is now, by its hourly means; None where unknown.

    It only tells: whether something is raised is the gate's matter alone.
    """
    if not stream.times:
        return None
    values = np.asarray(stream.values, dtype=np.float64)
    hours = pd.Series(values, pd.DatetimeIndex(list(stream.times)))
    # what it imports takes half a second, which only a proposal pays for
    from grace.statistics.change_points import since_when

    return since_when(hours.resample("1h").mean().dropna())


def see(streams: Sequence[Stream], now: datetime) -> list[Seen]:
    """Weigh each stream by itself, and select across all of them (e-BH at 10 %)."""
    weighed = [
        weigh(each.times, each.values, each.gate, now, origin=each.origin) for each in streams
    ]
    selected = select([each.stream_e_value for each in weighed])
    return [Seen(*each) for each in zip(streams, weighed, selected, strict=True)]


def shown(
    seen: Seen,
    *,
    ledger_size: int,
    facts: dict[str, str] | None = None,
    ruled_out: Sequence[str] = (),
) -> Shown:
    """The evidence as a proposal states it, and since when it is so where that can be told."""
    stream, weighed = seen.stream, seen.weighed
    since = since_of(stream)
    told = {"since": f"{since:%Y-%m-%d %H:00} UTC"} if since else {}
    return Shown(
        metric=stream.metric,
        unit=stream.unit,
        n=weighed.units,
        mean=weighed.mean,
        interval=weighed.interval,
        span=weighed.window,
        threshold=stream.gate.threshold,
        e_value=weighed.e_value,
        needed=weighed.needed,
        ledger_size=ledger_size,
        facts=dict(facts or {}) | told,
        ruled_out=tuple(ruled_out),
    )


def finding_for(
    seen: Seen, standing: Standing | None = None, reason: str = "", proposal_id: str | None = None
) -> Finding:
    """What to tell about a target; without a standing, what the evidence alone says."""
    weighed = seen.weighed
    told, why = (standing, reason) if standing else _untold(seen)
    return Finding(
        target=seen.stream.target,
        kind=seen.stream.kind,
        standing=told,
        reason=why,
        metric=seen.stream.metric,
        n=weighed.units,
        mean=weighed.mean,
        e_value=weighed.e_value,
        needed=weighed.needed,
        missing=weighed.units_missing,
        proposal_id=proposal_id,
    )


def _untold(seen: Seen) -> tuple[Standing, str]:
    weighed, stream = seen.weighed, seen.stream
    if weighed.mean is None:
        return "quiet", f"no {stream.unit} since its last change has ended yet"
    measured = metric(stream.metric)
    beyond = f"{'beyond' if stream.gate.kind == 'mean_above' else 'below'} "
    beyond += measured.show(stream.gate.threshold)
    is_so = (
        f"the {stream.metric} of {weighed.units} {stream.unit}s is {measured.show(weighed.mean)}"
    )
    if weighed.crossed:
        return "watching", (
            f"{is_so}, shown to be {beyond}; but beside the other targets looked at it is not yet "
            "enough (e-BH at 10 %)"
        )
    if weighed.units_missing is None:
        return "quiet", f"{is_so}, which does not point {beyond}"
    total = weighed.units + weighed.units_missing
    return "watching", (
        f"{is_so}; {weighed.units} of about {total} {stream.unit}s needed to show that it is "
        f"{beyond} (e-value {weighed.e_value:.1f} of {weighed.needed:.0f})"
    )

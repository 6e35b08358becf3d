"""From rows of a log to units: the flow run that a row names, else the hour it lies in."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from grace.governance.proposal import Unit as Named
from grace.measurement.blocks import Unit

__all__ = ["gap_seconds", "name_of", "units_of"]

HOUR = timedelta(hours=1)


def units_of(rows: pd.DataFrame, now: datetime) -> list[Unit]:
    """The mean value of each unit that is over, in the order of their ends.

    Columns: `flow_run` (text or null), `at`, `ended` and `value`. A flow run goes from its first
    row to the end of its last; an hour counts once it is over.
    """
    if rows.empty:
        return []
    hour, in_run = rows["at"].dt.floor("h"), rows["flow_run"].notna()
    frame = pd.DataFrame(
        {
            "unit": rows["flow_run"].where(in_run, hour.astype(str)),
            "begin": rows["at"].where(in_run, hour),
            "end": rows["ended"].where(in_run, hour + HOUR),
            "value": rows["value"].astype(float),
        }
    )
    units = frame.groupby("unit").agg(
        begin=("begin", "min"), end=("end", "max"), value=("value", "mean")
    )
    known = units[units["end"] <= now].sort_values("end", kind="stable")
    times = (known[name].dt.to_pydatetime() for name in ("begin", "end"))
    return [Unit(*each) for each in zip(*times, known["value"].tolist(), strict=True)]


def name_of(units: Sequence[Unit]) -> Named:
    """What most is made of: hours only where no row names a flow run."""
    return "hour" if all(unit.completed == unit.queued + HOUR for unit in units) else "flow run"


def gap_seconds(times: Sequence[datetime]) -> float | None:
    """The usual time from one unit to the next; None below two."""
    gaps = np.diff([time.timestamp() for time in times])
    return float(np.median(gaps)) if gaps.size else None

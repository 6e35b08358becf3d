"""How often a schedule of Prefect starts its deployment, whatever kind of schedule it is."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.server.schemas import schedules as server
from prefect.utilities.asyncutils import run_coro_as_sync

__all__ = ["Schedule", "cycle_of", "next_of"]

Schedule = IntervalSchedule | CronSchedule | RRuleSchedule
# an even number of gaps: the median of a rule with two gaps in turn lies between them
STARTS = 101


def cycle_of(schedule: Schedule, now: datetime) -> timedelta | None:
    """The usual time from one start to the next; None where fewer than two are to come."""
    if isinstance(schedule, IntervalSchedule):
        return schedule.interval
    gaps = [later - start for start, later in pairwise(_starts(schedule, now, STARTS))]
    return timedelta(seconds=median(gap.total_seconds() for gap in gaps)) if gaps else None


def next_of(schedules: Iterable[Schedule], now: datetime) -> datetime | None:
    """The first start of any of them after now."""
    return min((start for each in schedules for start in _starts(each, now, 1)), default=None)


def _starts(schedule: Schedule, now: datetime, count: int) -> list[datetime]:
    """As Prefect's own scheduler finds them, in the zone of the schedule."""
    kind = getattr(server, type(schedule).__name__)
    rule = kind.model_validate(schedule.model_dump())
    return list(run_coro_as_sync(rule.get_dates(count, now)) or [])

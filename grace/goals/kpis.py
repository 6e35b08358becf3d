"""KPIs: numbers that somebody logs about a system, as facts of the data cube.

`quality.test_coverage` is the fact whose `dimension_subsystem` is *quality* and whose
`dimension_resource` is *test_coverage*, with its number in `metric_value`; facts of that shape from
anywhere are KPIs. The last fact of a UTC day is that day's value.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.goals.metrics import KPI, metric_named
from grace.store.schema import LOGS

__all__ = ["DAY", "Daily", "kpi_row", "kpis_between"]

DAY = 86_400_000_000  # microseconds
CUBE = LOGS["data_cube"]

Daily = dict[str, dict[int, float]]  # by name, by the day's start in microseconds since 1970


def kpi_row(name: str, value: float, at: datetime) -> dict[str, object]:
    """The `data_cube` row of one value. Raises BadInput for a name that is not `subsystem.name`."""
    try:
        metric_named(f"{KPI}{name}")
    except BadInput:
        raise BadInput(
            f"{name!r} names no KPI; write SUBSYSTEM.NAME, as quality.test_coverage"
        ) from None
    subsystem, _, resource = name.partition(".")
    return {
        "dimension_time": at,
        "dimension_subsystem": subsystem,
        "dimension_resource": resource,
        "metric_value": value,
        "category_type": "kpi",
        "timestamp": at,
    }


def kpis_between(connection: Connection, since: int, until: int) -> Daily:
    """The last value of each day within the times given (microseconds, the last excluded)."""
    table, later = CUBE.table, CUBE.table.alias("later")
    at = sa.type_coerce(table.c[CUBE.time], sa.BigInteger)
    superseded = sa.exists().where(
        later.c.cube_id == table.c.cube_id, later.c.revision > table.c.revision
    )
    names = (table.c.dimension_subsystem, table.c.dimension_resource)
    query = (
        sa.select(*names, at, table.c.metric_value)
        .where(
            at >= since,
            at < until,
            table.c.metric_value.is_not(None),
            *(name.is_not(None) for name in names),
            ~superseded,
        )
        .order_by(at, table.c.ledger_index)
    )
    return _by_day(connection.execute(query))


def _by_day(rows: Iterable[sa.Row[tuple[str, str, int, float]]]) -> Daily:
    found: Daily = defaultdict(dict)
    for subsystem, resource, at, value in rows:
        found[f"{subsystem}.{resource}"][at // DAY * DAY] = value
    return dict(found)

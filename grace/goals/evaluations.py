"""Evaluations as they stand in the log: one a goal and day, and a revision where it changed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from grace.forecasting import Origin
from grace.goals.evaluating import Before, Evaluated
from grace.goals.explaining import explain
from grace.goals.register import event_of
from grace.goals.standing import Held, Status
from grace.store import Store, Writer
from grace.store.schema import LOGS
from grace.values import microseconds

__all__ = ["Told", "last_told", "past_of", "record_evaluation", "told_of"]

ROWS = LOGS["goal_evaluations"].table
_HELD = TypeAdapter(Held)
REMEMBERED = timedelta(days=90)  # of origins; forecasts that look farther are judged by these too


@dataclass(frozen=True)
class Told:
    """The newest evaluation of a goal, as the log has it."""

    goal_id: str
    day: date
    status: Status
    explanation: str
    confidence: float | None
    value: float | None
    forecast: dict[str, object]

    @property
    def p_met(self) -> float | None:
        p = self.forecast.get("p_met")
        return p if isinstance(p, float) else None


def past_of(connection: Connection, goal_ids: Iterable[str], now: datetime) -> dict[str, Before]:
    """What earlier days left of each goal; what was told today already is not the past."""
    today, since = now.date(), microseconds(now - REMEMBERED)
    at = sa.type_coerce(ROWS.c.created_at, sa.BigInteger)
    wanted = set(goal_ids)
    query = (
        sa.select(ROWS.c.goal_id, ROWS.c.evaluation_id, ROWS.c.forecast)
        .where(at >= since)
        .order_by(at, ROWS.c.revision)
    )
    days: dict[str, dict[date, dict[str, object]]] = {}
    for goal_id, evaluation_id, forecast in connection.execute(query):
        day = _day(evaluation_id)
        if goal_id in wanted and day is not None and day < today and forecast:
            days.setdefault(goal_id, {})[day] = json.loads(forecast)
    return {goal_id: _before(days.get(goal_id, {})) for goal_id in wanted}


def last_told(store: Store) -> dict[str, Told]:
    """The newest evaluation of every goal."""
    newest = sa.select(sa.func.max(ROWS.c.ledger_index)).group_by(ROWS.c.goal_id)
    query = _COLUMNS.where(ROWS.c.ledger_index.in_(newest))
    with store.reading() as connection:
        return {told.goal_id: told for told in _told(connection.execute(query).all())}


def told_of(store: Store, goal_id: str, most: int = 14) -> list[Told]:
    """The newest evaluations of one goal, the latest day first."""
    query = _COLUMNS.where(ROWS.c.goal_id == goal_id).order_by(ROWS.c.ledger_index)
    with store.reading() as connection:
        days = {told.day: told for told in _told(connection.execute(query).all())}
    return [days[day] for day in sorted(days, reverse=True)[:most]]


def record_evaluation(writer: Writer, found: Evaluated) -> None:
    """Of the same day the same again adds nothing; another status is told by an event."""
    key = f"{found.goal.goal_id}/{found.day}"
    query = (
        sa.select(ROWS.c.evaluation_id, ROWS.c.status, ROWS.c.created_at)
        .where(ROWS.c.goal_id == found.goal.goal_id)
        .order_by(ROWS.c.ledger_index.desc())
        .limit(1)
    )
    last = writer.connection.execute(query).first()
    explanation = explain(found)
    row = {
        "evaluation_id": key,
        "goal_id": found.goal.goal_id,
        "status": found.status,
        "explanation": explanation,
        "confidence": found.confidence,
        "value": found.seen.value,
        "forecast": _forecast(found),
        # of a day's revisions the first says when
        "created_at": last.created_at if last and last.evaluation_id == key else writer.now,
    }
    landed = writer.append("goal_evaluations", [row])
    # how a goal ends is told when it closes
    if landed and found.ends is None and (last is None or last.status != found.status):
        told = event_of(found.goal) | {
            "status": found.status,
            "before": None if last is None else last.status,
            "value": found.seen.value,
            "explanation": explanation,
        }
        writer.event(f"goal.{found.status}", f"goal/{found.goal.goal_id}", told)


_COLUMNS: "sa.Select[Any]" = sa.select(
    *(
        ROWS.c[name]
        for name in ("goal_id", "evaluation_id", "status", "explanation", "confidence", "value")
    ),
    ROWS.c.forecast,
)


def _told(rows: Iterable["sa.Row[Any]"]) -> Iterator[Told]:
    for row in rows:
        day = _day(row.evaluation_id)
        if day is not None:
            yield Told(
                goal_id=row.goal_id,
                day=day,
                status=row.status,
                explanation=row.explanation,
                confidence=row.confidence,
                value=row.value,
                forecast=json.loads(row.forecast or "{}"),
            )


def _forecast(found: Evaluated) -> dict[str, object]:
    ahead = found.ahead
    told: dict[str, object] = {
        "p_met": found.p_met,
        "p_own": found.p_own,
        "interval": found.seen.interval,
        "n": found.seen.n,
        "blocked_by": [each.goal.goal_id for each in found.blockers],
        "held": None if found.held is None else _written(found.held),
    }
    if ahead is not None:
        told |= {
            "method": ahead.method,
            "value": ahead.value,
            "low": ahead.low,
            "high": ahead.high,
            "days": ahead.n,
            "coverage": ahead.coverage,
            "coverage_n": ahead.coverage_n,
            "origin": ahead.origin.as_json(),
        }
    return told


def _written(held: Held) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(held).items()
    }


def _before(days: dict[date, dict[str, object]]) -> Before:
    if not days:
        return Before()
    origins = [told["origin"] for _, told in sorted(days.items()) if told.get("origin")]
    return Before(_held(days[max(days)].get("held")), _origins(origins))


def _origins(written: Sequence[object]) -> tuple[Origin, ...]:
    return tuple(Origin.from_json(each) for each in written if isinstance(each, dict))


def _held(written: object) -> Held | None:
    if not isinstance(written, dict):
        return None
    return _HELD.validate_python(written)


def _day(evaluation_id: str) -> date | None:
    """Of an id of Grace's own, GOAL/DAY; what others logged may be named otherwise."""
    try:
        return date.fromisoformat(evaluation_id.rpartition("/")[2])
    except ValueError:
        return None

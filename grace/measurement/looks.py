"""Looks at a measurement: what was seen is kept, by pairs of blocks, by arms, or by days.

Each closed pair is judged once: a look builds on the differences that earlier looks recorded, so
data that arrive late cannot turn a pair that was judged already. Arms are judged whole each time.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from grace.measurement.arms import ArmsLook, judged
from grace.measurement.blocks import Block, Unit, paired, values_in
from grace.measurement.days import DaysLook, judged_days
from grace.measurement.plan import Plan
from grace.statistics.arms import Sums
from grace.statistics.switchback import Judgement, judge
from grace.store import Store, Writer
from grace.store.schema import LOGS

__all__ = [
    "AnyLook",
    "ArmsLook",
    "DaysLook",
    "Look",
    "last_arms_look",
    "last_days_look",
    "last_look",
    "look",
    "record_arms_look",
    "record_days_look",
    "record_look",
    "record_stop",
]

VERDICTS = LOGS["verdicts"].table


@dataclass(frozen=True)
class Look:
    """`differences` holds one number a pair, *after* less *before*, None for a void pair."""

    number: int
    differences: tuple[float | None, ...]
    judgement: Judgement
    blocks: tuple[dict[str, object], ...] = ()
    stop: str | None = None


AnyLook: TypeAlias = Look | ArmsLook | DaysLook


def look(plan: Plan, before: Look | None, pair: tuple[Block, Block], units: Sequence[Unit]) -> Look:
    """The look after one more pair was closed."""
    earlier = before.differences if before else ()
    differences = (*earlier, paired(*pair, units))
    return Look(
        number=len(differences),
        differences=differences,
        judgement=_judge(plan, differences),
        blocks=tuple(_shown(block, units) for block in pair),
    )


def record_look(writer: Writer, proposal_id: str, plan: Plan, seen: Look) -> None:
    judged = seen.judgement
    low, high = (end if math.isfinite(end) else None for end in judged.interval)
    row = {
        "verdict_id": f"{proposal_id}:look-{seen.number}",
        "proposal_id": proposal_id,
        "design": plan.design,
        "metric": plan.metric,
        "verdict": judged.verdict,
        "final": judged.final,
        "e_value": judged.e_value,
        "effect": judged.effect,
        "interval_low": low,
        "interval_high": high,
        "pairs": judged.pairs,
        "void_pairs": judged.void_pairs,
        "evidence": {"differences": seen.differences, "blocks": seen.blocks},
        "decided_at": writer.now,
    }
    writer.append("verdicts", [row])


def record_stop(
    writer: Writer, proposal_id: str, plan: Plan, before: Look | None, stop: str
) -> Look:
    """The look at which a guardrail ended a switchback, whatever its pairs say."""
    differences = before.differences if before else ()
    judged = _judge(plan, differences)
    row = {
        "verdict_id": f"{proposal_id}:guardrail",
        "proposal_id": proposal_id,
        "design": plan.design,
        "metric": plan.metric,
        "verdict": "regressed",
        "final": True,
        "e_value": judged.e_value,
        "effect": judged.effect,
        "pairs": judged.pairs,
        "void_pairs": judged.void_pairs,
        "evidence": {"differences": differences, "blocks": [], "stop": stop},
        "decided_at": writer.now,
    }
    writer.append("verdicts", [row])
    return Look(len(differences), differences, judged, stop=stop)


def record_arms_look(
    writer: Writer, name: str, plan: Plan, seen: ArmsLook, proposal_id: str | None = None
) -> None:
    """`name` is that of the look's series: the proposal's id, or an experiment's by hand."""
    evidence = {
        "control": vars(seen.control),
        "treatment": vars(seen.treatment),
        "lost": seen.lost,
    }
    _record(writer, name, plan, seen, evidence, proposal_id)


def record_days_look(writer: Writer, proposal_id: str, plan: Plan, seen: DaysLook) -> None:
    evidence = {
        "strength": seen.judgement.evidence,
        "before": seen.before,
        "after": seen.after,
        "is_guarded": seen.is_guarded,
    }
    _record(writer, proposal_id, plan, seen, evidence, proposal_id)


def _record(
    writer: Writer,
    name: str,
    plan: Plan,
    seen: ArmsLook | DaysLook,
    evidence: Mapping[str, object],
    proposal_id: str | None,
) -> None:
    judgement = seen.judgement
    low, high = judgement.interval or (None, None)
    row = {
        "verdict_id": f"{name}:look-{seen.number}",
        "proposal_id": proposal_id,
        "design": plan.design,
        "metric": plan.metric,
        "verdict": seen.verdict,
        "final": seen.verdict is not None,
        "effect": judgement.effect,
        "interval_low": low,
        "interval_high": high,
        "evidence": {
            **evidence,
            "number": seen.number,
            "at": seen.at.isoformat(),
            "verdict": seen.verdict,
            "stop": seen.stop,
        },
        "decided_at": writer.now,
    }
    writer.append("verdicts", [row])


def last_look(store: Store, proposal_id: str, plan: Plan) -> AnyLook | None:
    """The newest look that was recorded, judged again from what it saw."""
    if plan.design == "arms":
        return last_arms_look(store, proposal_id, plan)
    if plan.design == "before_after":
        return last_days_look(store, proposal_id, plan)
    return _last_pairs(store, proposal_id, plan)


def _last_pairs(store: Store, proposal_id: str, plan: Plan) -> Look | None:
    evidence = _newest(store, VERDICTS.c.proposal_id == proposal_id)
    if evidence is None:
        return None
    differences = tuple(evidence["differences"])
    judged = _judge(plan, differences)
    shown, stop = tuple(evidence["blocks"]), evidence.get("stop")
    return Look(len(differences), differences, judged, shown, stop)


def last_arms_look(store: Store, name: str, plan: Plan) -> ArmsLook | None:
    evidence = _newest(store, VERDICTS.c.verdict_id.startswith(f"{name}:look-", autoescape=True))
    if evidence is None:
        return None
    control, treatment = Sums(**evidence["control"]), Sums(**evidence["treatment"])
    before, after = evidence["lost"]
    return ArmsLook(
        number=evidence["number"],
        at=datetime.fromisoformat(evidence["at"]),
        control=control,
        treatment=treatment,
        lost=(before, after),
        judgement=judged(plan, control, treatment),
        verdict=evidence["verdict"],
        stop=evidence["stop"],
    )


def last_days_look(store: Store, proposal_id: str, plan: Plan) -> DaysLook | None:
    evidence = _newest(store, VERDICTS.c.proposal_id == proposal_id)
    if evidence is None:
        return None
    before, after = tuple(evidence["before"]), tuple(evidence["after"])
    return DaysLook(
        number=evidence["number"],
        at=datetime.fromisoformat(evidence["at"]),
        before=before,
        after=after,
        judgement=judged_days(plan, before, after),
        verdict=evidence["verdict"],
        stop=evidence["stop"],
        is_guarded=evidence["is_guarded"],
    )


def _newest(store: Store, which: sa.ColumnElement[bool]) -> Mapping[str, Any] | None:
    """The evidence of the newest look."""
    query = (
        sa.select(VERDICTS.c.evidence)
        .where(which)
        .order_by(VERDICTS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        text = connection.execute(query).scalar_one_or_none()
    found: Mapping[str, Any] | None = None if text is None else json.loads(text)
    return found


def _judge(plan: Plan, differences: Sequence[float | None]) -> Judgement:
    return judge(
        differences,
        smallest_effect=plan.smallest_effect,
        better=plan.better,
        max_pairs=len(plan.order),
        level=plan.level,
    )


def _shown(block: Block, units: Sequence[Unit]) -> dict[str, object]:
    values = values_in(block, units)
    return {
        "number": block.number,
        "arm": block.arm,
        "start": block.start.isoformat(),
        "end": block.end.isoformat(),
        "units": len(values),
        "mean": sum(values) / len(values) if values else None,
    }

"""Looks at a measurement: each closed pair of blocks is judged once, and what was seen is kept.

A look builds on the differences that earlier looks recorded, so data that arrive late cannot turn
a pair that was judged already.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from grace.measurement.blocks import Block, Unit, paired, values_in
from grace.measurement.plan import Plan
from grace.statistics.switchback import Judgement, judge
from grace.store import Store, Writer
from grace.store.schema import LOGS

__all__ = ["Look", "last_look", "look", "record_look"]

VERDICTS = LOGS["verdicts"].table


@dataclass(frozen=True)
class Look:
    """`differences` holds one number a pair, *after* less *before*, None for a void pair."""

    number: int
    differences: tuple[float | None, ...]
    judgement: Judgement
    blocks: tuple[dict[str, object], ...] = ()


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


def last_look(store: Store, proposal_id: str, plan: Plan) -> Look | None:
    """The newest look that was recorded, judged again from its differences."""
    query = (
        sa.select(VERDICTS.c.evidence)
        .where(VERDICTS.c.proposal_id == proposal_id)
        .order_by(VERDICTS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        text = connection.execute(query).scalar_one_or_none()
    if text is None:
        return None
    evidence = json.loads(text)
    differences = tuple(evidence["differences"])
    judged = _judge(plan, differences)
    return Look(len(differences), differences, judged, tuple(evidence["blocks"]))


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

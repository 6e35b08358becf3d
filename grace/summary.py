"""The state of the loop in figures, from the log alone."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from grace.errors import BadInput
from grace.governance.decisions import is_paused
from grace.governance.register import list_entries
from grace.opportunities.finding import Finding
from grace.store import Store
from grace.store.append import OWN_SOURCES
from grace.store.schema import LOGS

__all__ = ["Summary", "last_findings", "summarise", "why"]

CYCLES = LOGS["meta_loop_logs"].table
# what a person wants to hear first where one target was looked at in several ways
TELLING = ("proposed", "failed", "open", "forbidden", "held back", "resting", "watching", "quiet")


@dataclass(frozen=True)
class Summary:
    """Counts over the whole log; goals come with the goal engine and are not counted yet."""

    improvements_proposed: int
    improvements_implemented: int
    optimizations_made: int
    waiting: int
    by_state: dict[str, int]
    by_verdict: dict[str, int]
    paused: str | None
    last_cycle: datetime | None


def summarise(store: Store) -> Summary:
    """Implemented is what was ever applied; made is what was kept because it improved."""
    entries = list_entries(store)
    states = Counter(str(entry.state) for entry in entries)
    verdicts = Counter(str(entry.verdict) for entry in entries if entry.verdict)
    applied = ("applied", "measuring", "kept", "rolling_back", "rolled_back", "rollback_failed")
    with store.reading() as connection:
        last = connection.execute(sa.select(sa.func.max(CYCLES.c.completed_at))).scalar_one()
    return Summary(
        improvements_proposed=len(entries),
        improvements_implemented=sum(states[state] for state in applied),
        optimizations_made=sum(e.state == "kept" and e.verdict == "improved" for e in entries),
        waiting=states["awaiting_approval"],
        by_state=dict(states),
        by_verdict=dict(verdicts),
        paused=is_paused(store),
        last_cycle=last,
    )


def last_findings(store: Store) -> list[Finding]:
    """What the newest cycle of each engine found about each target it looked at."""
    newest = (
        sa.select(sa.func.max(CYCLES.c.ledger_index))
        .where(CYCLES.c.completed_at.is_not(None), CYCLES.c.source.in_(OWN_SOURCES))
        .group_by(CYCLES.c.focus_area)
    )
    query = (
        sa.select(CYCLES.c.snapshot_after)
        .where(CYCLES.c.ledger_index.in_(newest))
        .order_by(CYCLES.c.focus_area.desc())
    )
    with store.reading() as connection:
        texts = connection.execute(query).scalars().all()
    return [
        Finding.model_validate(found) for text in texts for found in json.loads(text)["findings"]
    ]


def why(store: Store, target: str) -> Finding:
    """Why the newest cycle did or did not propose something for a target.

    Of several findings about it, the one that says most. Raises BadInput naming the targets there
    are.
    """
    findings = last_findings(store)
    about = [finding for finding in findings if finding.target == target]
    if about:
        return min(about, key=lambda finding: TELLING.index(finding.standing))
    known = ", ".join(finding.target for finding in findings) or "none yet"
    raise BadInput(f"no cycle has looked at {target!r}; targets looked at: {known}")

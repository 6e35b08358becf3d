"""The state of the loop in figures, from the log alone."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from grace.errors import BadInput
from grace.goals.goal import list_goals
from grace.governance.decisions import is_paused
from grace.governance.register import list_entries
from grace.opportunities.cause_findings import KIND as CAUSE
from grace.opportunities.finding import Finding
from grace.store import Store
from grace.store.schema import LOGS, is_own

__all__ = ["Summary", "last_findings", "summarise", "why"]

CYCLES = LOGS["meta_loop_logs"].table
# what a person wants to hear first where one target was looked at in several ways
TELLING = (
    "proposed",
    "would propose",
    "failed",
    "open",
    "forbidden",
    "held back",
    "resting",
    "watching",
    "quiet",
)


@dataclass(frozen=True)
class Summary:
    """Counts over the whole log; `autonomous_goals` are those that the engine made."""

    improvements_proposed: int
    improvements_implemented: int
    optimizations_made: int
    waiting: int
    by_state: dict[str, int]
    by_verdict: dict[str, int]
    paused: str | None
    last_cycle: datetime | None
    goals_created: int
    active_goals: int
    completed_goals: int
    autonomous_goals: int


def summarise(store: Store) -> Summary:
    """Implemented is what was ever applied; made is what was kept because it improved.

    A completed goal is one that was met.
    """
    entries, goals = list_entries(store), list_goals(store)
    states = Counter(str(entry.state) for entry in entries)
    verdicts = Counter(str(entry.verdict) for entry in entries if entry.verdict)
    applied = ("applied", "measuring", "kept", "rolling_back", "rolled_back", "rollback_failed")
    with store.reading() as connection:
        ends = [cycle.completed_at for cycle in _newest_cycles(connection)]
    return Summary(
        improvements_proposed=len(entries),
        improvements_implemented=sum(states[state] for state in applied),
        optimizations_made=sum(e.state == "kept" and e.verdict == "improved" for e in entries),
        waiting=states["awaiting_approval"],
        by_state=dict(states),
        by_verdict=dict(verdicts),
        paused=is_paused(store),
        last_cycle=max(ends, default=None),
        goals_created=len(goals),
        active_goals=sum(goal.is_open for goal in goals),
        completed_goals=sum(goal.status == "met" for goal in goals),
        autonomous_goals=sum(goal.auto_created for goal in goals),
    )


def last_findings(store: Store) -> list[Finding]:
    """What the newest cycle of each engine found about each target it looked at."""
    with store.reading() as connection:
        texts = [cycle.snapshot_after for cycle in _newest_cycles(connection)]
    return [
        Finding.model_validate(found) for text in texts for found in json.loads(text)["findings"]
    ]


def _newest_cycles(connection: sa.Connection) -> list[Any]:
    """The newest of each focus, by its name from behind; one step in the index each."""
    ended = is_own(CYCLES) & CYCLES.c.completed_at.is_not(None)
    found: list[Any] = []
    after = ""
    while True:
        following = sa.select(sa.func.min(CYCLES.c.focus_area)).where(
            ended, CYCLES.c.focus_area > after
        )
        focus = connection.execute(following).scalar_one()
        if focus is None:
            return found[::-1]
        query = sa.select(CYCLES.c.snapshot_after, CYCLES.c.completed_at).where(
            ended, CYCLES.c.focus_area == focus
        )
        newest = query.order_by(CYCLES.c.ledger_index.desc()).limit(1)
        found.append(connection.execute(newest).one())
        after = focus


def why(store: Store, target: str) -> Finding:
    """Why the newest cycle did or did not propose something for a target.

    Of several findings about it, the one that says most, and what binds its runs. Raises BadInput
    naming the targets there are.
    """
    findings = last_findings(store)
    about = [finding for finding in findings if finding.target == target]
    if about:
        first = min(about, key=lambda one: (TELLING.index(one.standing), one.kind == CAUSE))
        causes = [one.reason for one in about if one.kind == CAUSE and one is not first]
        return (
            first.model_copy(update={"reason": "\n".join([f"{first.reason}.", *causes])})
            if (causes)
            else first
        )
    known = ", ".join(finding.target for finding in findings) or "none yet"
    raise BadInput(f"no cycle has looked at {target!r}; targets looked at: {known}")

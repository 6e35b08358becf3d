"""Each proposal as a trial of the engine: what it predicted, how far it came, what was measured."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

import sqlalchemy as sa

from grace.governance.proposal import Proposal
from grace.governance.register import Entry, list_entries
from grace.states import State
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["Deeds", "Measured", "Trial", "deeds", "trials"]

PROPOSALS, VERDICTS, ACTIONS = (LOGS[name].table for name in ("proposals", "verdicts", "actions"))
UNDER_WAY = frozenset({"applying", "applied", "measuring", "rolling_back"})


@dataclass(frozen=True)
class Measured:
    """The look that ended a measurement, as it was recorded; an open end of `interval` is None.

    `effect` is *after* less *before*, None where no pair had data.
    """

    verdict: str
    effect: float | None
    interval: tuple[float | None, float | None]


@dataclass(frozen=True)
class Trial:
    """`reached` holds every state the proposal was ever in.

    `measured` is None where no measurement came to its end.
    """

    entry: Entry
    reached: frozenset[State]
    measured: Measured | None

    @property
    def proposal(self) -> Proposal:
        return self.entry.proposal

    @property
    def predicted(self) -> float | None:
        """The effect that was predicted of what is measured, in the metric's unit."""
        said = self.proposal.prediction
        if said.now is None or said.then is None or said.metric != self.proposal.plan.metric:
            return None
        return said.then - said.now

    @property
    def error(self) -> float | None:
        """Measured less predicted, where there are both."""
        if self.predicted is None or self.measured is None or self.measured.effect is None:
            return None
        return self.measured.effect - self.predicted

    @property
    def is_covered(self) -> bool | None:
        """Whether the measured interval holds the prediction; None without one or the other.

        An interval with an open end would hold nearly anything, and counts for nothing.
        """
        if self.predicted is None or self.measured is None:
            return None
        low, high = self.measured.interval
        return None if low is None or high is None else low <= self.predicted <= high


@dataclass(frozen=True)
class Deeds:
    """From the first action of one proposal on its target to the last; `end` None: not over."""

    proposal_id: str
    target: str
    begin: datetime
    end: datetime | None


def trials(store: Store) -> list[Trial]:
    """All proposals, oldest first."""
    measured, reached = _measured(store), _reached(store)
    return [
        Trial(entry, reached[entry.id], measured.get(entry.id)) for entry in list_entries(store)
    ]


def deeds(store: Store) -> list[Deeds]:
    """Those of every proposal that acted, also where the action failed."""
    found = sa.select(
        ACTIONS.c.proposal_id,
        ACTIONS.c.target,
        sa.func.min(ACTIONS.c.started_at),
        sa.func.max(sa.func.coalesce(ACTIONS.c.finished_at, ACTIONS.c.started_at)),
    ).group_by(ACTIONS.c.proposal_id, ACTIONS.c.target)
    state = {entry.id: entry.state for entry in list_entries(store)}
    with store.reading() as connection:
        rows = connection.execute(found).all()
    return [
        Deeds(proposal_id, target, begin, None if state.get(proposal_id) in UNDER_WAY else end)
        for proposal_id, target, begin, end in rows
        if begin is not None  # an erased row tells nothing
    ]


def _measured(store: Store) -> dict[str, Measured]:
    """By proposal; a later row supersedes an earlier one."""
    columns = ("proposal_id", "verdict", "effect", "interval_low", "interval_high")
    query = (
        sa.select(*(VERDICTS.c[name] for name in columns))
        .where(VERDICTS.c.final, VERDICTS.c.proposal_id.is_not(None))
        .order_by(VERDICTS.c.ledger_index)
    )
    with store.reading() as connection:
        return {
            id_: Measured(verdict, effect, (low, high))
            for id_, verdict, effect, low, high in connection.execute(query)
        }


def _reached(store: Store) -> dict[str, frozenset[State]]:
    states: dict[str, set[State]] = defaultdict(set)
    query = sa.select(PROPOSALS.c.proposal_id, PROPOSALS.c.state).distinct()
    with store.reading() as connection:
        for proposal_id, state in connection.execute(query):
            if state in get_args(State):
                states[proposal_id].add(state)
    return defaultdict(frozenset, {each: frozenset(held) for each, held in states.items()})

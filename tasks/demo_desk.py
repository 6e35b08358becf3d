"""The desk of `grace demo`: the simulator's levers, an agenda on its clock, and who answers."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

import numpy as np
from pydantic import JsonValue

from grace.demo.rows import rows_of
from grace.demo.system import SHOP, System
from grace.demo.world import World
from grace.errors import BadInput
from grace.governance.asking import submit
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry
from grace.levers import Lever
from grace.patterns.library import Library
from grace.patterns.rules import Rule, active_rules
from grace.store import Store
from tasks.levers.concurrency_limit import UNLIMITED, ConcurrencyLimit
from tasks.levers.pattern_rule import PatternRule

__all__ = ["DemoDesk", "SimulatedLimit"]

# so long a person takes to answer
ANSWER_AFTER = timedelta(minutes=20)


class SimulatedLimit:
    """The tag limits of a simulated system; it takes what those of a Prefect server take."""

    name = ConcurrencyLimit.name
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, target: str) -> JsonValue:
        return self._world.limit(self._service(target))

    def check(self, target: str, value: JsonValue) -> None:
        self._service(target)
        ConcurrencyLimit().check(target, value)

    def apply(self, target: str, value: JsonValue) -> None:
        limit = UNLIMITED if value is None else value
        if value is not None:
            self.check(target, value)
        assert isinstance(limit, int)
        self._world.set_limit(self._service(target), limit)

    def _service(self, target: str) -> str:
        kind, _, service = target.partition(":")
        if kind != "tag" or service not in self._world.services:
            raise BadInput(f"the simulated system has no limit {target!r}")
        return service


class DemoDesk:
    """See `grace.desk.Desk`. Its clock stands still but in `go_on`, which lets the system work.

    `seed` draws what the simulator does and the order of the blocks of every measurement.
    """

    def __init__(self, store: Store, begin: datetime, seed: int, system: System = SHOP) -> None:
        self.store, self._begin = store, begin
        self.world = World(seed, self._rule_for, system)
        self._now = begin
        self._rng = np.random.default_rng([seed, 0])
        self._levers: dict[str, Lever] = {
            each.name: each for each in (SimulatedLimit(self.world), PatternRule(store, self.now))
        }
        self._library, self._rules = Library(), dict[str, Rule]()
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._steps: set[tuple[str, str]] = set()
        self.take_step: Callable[[str], None] = lambda _: None
        self.answer: Callable[[Entry], None] = lambda _: None

    def now(self) -> datetime:
        return self._now

    def rng(self) -> np.random.Generator:
        return self._rng

    def lever(self, name: str) -> Lever:
        try:
            return self._levers[name]
        except KeyError:
            raise BadInput(f"the simulated system has no lever {name!r}") from None

    def submit(self, proposal: Proposal, policy: Policy) -> Entry:
        entry = submit(self.store, proposal, policy, self._now)
        if entry.state == "awaiting_approval":
            self.plan(self._now + ANSWER_AFTER, lambda: self.answer(entry))
        return entry

    def tell(self, entry: Entry, what: str) -> None:
        """Nobody is away: the demo tells its story by itself."""

    def start_step(self, proposal_id: str, which: str, at: datetime | None = None) -> None:
        if (proposal_id, which) not in self._steps:
            self._steps.add((proposal_id, which))
            self.plan(at or self._now, lambda: self.take_step(proposal_id))

    def plan(self, at: datetime, deed: Callable[[], None]) -> None:
        """Of two deeds at the same moment the one that was planned first is done first."""
        heapq.heappush(self._agenda, (at, next(self._order), deed))

    def go_on(self, until: datetime) -> None:
        """Do what is planned, each at its time, while the system works and its runs are logged."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _, deed = heapq.heappop(self._agenda)
            self._work(at)
            deed()
        self._work(until)

    def _work(self, until: datetime) -> None:
        """The rules in force are those that tasks would find now; they only change between."""
        if until <= self._now:
            return
        self._library, self._rules = Library.load(self.store), active_rules(self.store)
        ended = self.world.advance((until - self._begin).total_seconds())
        self._now = until
        with self.store.writing(until) as writer:
            for table, rows in rows_of(ended, self._begin).items():
                writer.append(table, rows)

    def _rule_for(self, error: str, flow_run: str) -> Rule | None:
        """As `grace.prefect.retry_by_rule` finds it: while it is on trial, by the flow run."""
        rule = self._rules.get(self._library.fingerprint_of(error) or "")
        return rule.for_unit(flow_run) if rule else None

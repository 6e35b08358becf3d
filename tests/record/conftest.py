"""A governed system of one limit, whose runs are logged, and changes that are really measured."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction, Proposal
from grace.governance.register import Entry, find, list_entries
from grace.record.quiet import Span
from grace.statistics.switchback import draw_order
from grace.store import Store, open_store
from tasks.units import load_units
from tests.actions.file_lever import FileLever
from tests.proposing import NOON, a_plan, a_proposal
from tests.ruling import INVERSE, a_policy

EVERY = timedelta(seconds=20)
WAITS = {2: 5.0, 4: 8.0, 8: 1.0}
PAIRS, BLOCK = 8, 60


@dataclass
class Life:
    """A run every 20 s; it waits by the limit that holds, and no two alike.

    `busy` is when something was evidence or was moved, by the clock of the test.
    """

    store: Store
    lever: FileLever
    policy: Policy
    now: datetime = NOON
    runs: int = 0
    busy: list[Span] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))

    def clock(self) -> datetime:
        return self.now

    def until(self, end: datetime) -> None:
        rows = []
        limit = self.lever.read("tag:pages")
        while self.now < end:
            rows += self._run(limit)
            self.now += EVERY
        with self.store.writing(self.now) as writer:
            writer.append("parallel_process_logs", rows, source="test")

    def pass_(self, hours: float) -> None:
        self.until(self.now + timedelta(hours=hours))

    def propose(
        self, after: int, then: float | None, target: str = "tag:pages", **differing: object
    ) -> Entry:
        """What was seen in the last ten minutes is its evidence."""
        before = self.lever.read(target)
        number = len(list_entries(self.store))
        like = a_proposal()
        span = (self.now - timedelta(minutes=10), self.now)
        self.busy.append(span)
        proposal = a_proposal(
            proposal_id=f"p-{number}",
            change=Change(lever="file", target=target, before=before, after=after),
            created_at=self.now,
            deadline=self.now + timedelta(days=3),
            evidence=like.evidence.model_copy(update={"span": span}),
            prediction=Prediction(
                metric="mean excess wait", now=WAITS[before], then=then, how="a test"
            ),
            plan=a_plan(
                floor_seconds=0.0,
                block_seconds=BLOCK,
                order=draw_order(PAIRS, np.random.default_rng(number)),
            ),
            **differing,
        )
        return submit(self.store, Proposal.model_validate(proposal), self.policy, self.now)

    def approve(self, entry: Entry, answer: str = "approve") -> Entry:
        said = Answer(answer=answer, reviewer="ann", reason="fine")  # type: ignore[arg-type]
        asked = {"asked_hash": entry.content_hash, "decision_id": f"{entry.id}:answer"}
        take_answer(self.store, self.policy, entry, said, now=self.now, run_id=None, **asked)
        return find(self.store, entry.id)

    def measure(self, entry: Entry) -> Entry:
        """Applied, and moved to and fro until there is a verdict."""
        begun, entry = self.now, self.approve(entry)
        entry = apply_approved(self.store, self.lever, entry, self.policy, self.clock, None)
        measuring = Measuring(self.store, self.lever, self.policy, self.clock)
        while entry.state in ("applied", "measuring"):
            units = load_units(self.store, entry, self.now, self.policy)
            step = measuring.step(entry, units, self.now)
            entry = step.entry
            if step.next_at is not None:
                self.until(step.next_at)
        self.busy.append((begun, self.now))
        return entry

    def _run(self, limit: object) -> list[dict[str, object]]:
        self.runs += 1
        name = f"run-{self.runs}"
        started = self.now + timedelta(seconds=WAITS[limit] + self.rng.normal(0, 0.3))
        common = {
            "queued_at": self.now,
            "started_at": started,
            "completed_at": started + timedelta(seconds=1),
            "timestamp": started + timedelta(seconds=1),
            "success": True,
        }
        payload: dict[str, object] = {"limits": {"tag:pages": limit}}
        task = {"process_id": f"{name}-task", "process_type": "task_run", "parent_process": name}
        flow = {"process_id": name, "process_type": "flow_run", "task_name": "refresh/nightly"}
        return [
            common | task | {"task_payload": payload},
            common | flow | {"task_payload": {"limits": {}}},
        ]


@pytest.fixture
def life(store: Store, tmp_path: Path) -> Life:
    return _begin(store, tmp_path)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A change that helped, one that harmed, one refused, and quiet times; it is only read."""
    folder = tmp_path_factory.mktemp("lived")
    (folder / "main").mkdir()
    store = open_store(f"sqlite:///{folder / 'main' / 'grace.db'}")
    life = _begin(store, folder)
    life.pass_(1.2)
    assert life.measure(life.propose(8, then=2.5)).verdict == "improved"
    life.pass_(1.2)
    assert life.measure(life.propose(4, then=0.5)).verdict == "regressed"
    life.approve(life.propose(2, then=5.0), "reject")
    yield life
    store.engine.dispose()


def _begin(store: Store, folder: Path) -> Life:
    file = folder / "values.json"
    file.write_text('{"tag:pages": 2}')
    return Life(store, FileLever(file), a_policy(INVERSE))

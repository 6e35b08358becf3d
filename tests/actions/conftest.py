"""A lever on a file, a policy, and proposals to apply: all of it real, none of it Prefect."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from pydantic import JsonValue

from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, find
from grace.governance.risk import Risk
from grace.measurement.plan import Arm, Guardrail
from grace.store import Store, open_store
from tests.actions.file_lever import FileLever
from tests.proposing import NOON, a_plan, a_proposal
from tests.ruling import INVERSE, a_policy

BLOCK_SECONDS = 60.0


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'grace.db'}")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def lever(tmp_path: Path) -> FileLever:
    file = tmp_path / "values.json"
    file.write_text('{"pages": 2}')
    return FileLever(file)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def policy() -> Policy:
    return a_policy(INVERSE, reviewers=("ann",))


Make = Callable[..., Proposal]


@pytest.fixture
def make() -> Make:
    """Proposals that differ only in what a test is about."""

    def make_proposal(
        after: JsonValue = 8,
        *,
        arms: tuple[tuple[Arm, Arm], ...] = (("before", "after"),) * 30,
        on_no_effect: Literal["keep", "undo"] = "undo",
        tier: Literal["low", "medium", "high"] = "low",
        guardrails: tuple[Guardrail, ...] = (),
    ) -> Proposal:
        plan = a_plan(
            subject="pages",
            floor_seconds=0.0,
            smallest_effect=0.5,
            block_seconds=BLOCK_SECONDS,
            order=arms,
            on_no_effect=on_no_effect,
            guardrails=guardrails,
        )
        return a_proposal(
            proposal_id="p-1",
            change=Change(lever="file", target="pages", before=2, after=after),
            risk=Risk(score=0.2, tier=tier, parts={}),
            plan=plan,
        )

    return make_proposal


@pytest.fixture
def approved(store: Store, policy: Policy, clock: Clock) -> Callable[[Proposal], Entry]:
    """Has a proposal submitted and approved by ann."""

    def approve(proposal: Proposal) -> Entry:
        entry = submit(store, proposal, policy, clock())
        outcome = take_answer(
            store,
            policy,
            entry,
            Answer(answer="approve", reviewer="ann", reason="fine"),
            asked_hash=entry.content_hash,
            decision_id=f"{entry.id}:answer-1",
            now=clock(),
            run_id=None,
        )
        assert outcome == "approved"
        return find(store, entry.id)

    return approve

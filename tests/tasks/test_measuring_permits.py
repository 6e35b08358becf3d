"""A permit is measured by the execution rate of its decisions, in blocks with and without it.

The governed system asks the policy in force before each decision, four times an hour; the clock is
the test's.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pytest

from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import load_policy
from grace.governance.proposal import Evidence, Prediction
from grace.governance.register import Entry, find
from grace.governance.request import about_decision
from grace.governance.track import track_of
from grace.measurement.looks import last_look
from grace.opportunities.drawing import Case, draw_up
from grace.settings import Settings
from grace.store import Store
from tasks.levers.earned_permit import EarnedPermit
from tasks.units import load_units
from tests.proposing import NOON

CHANGE = Change(
    lever="earned-permit",
    target="permit:restart_service",
    before=None,
    after={"systems": ["ops-agent"], "reason": "it earned it"},
)
GOVERNANCE = 'reviewers = ["ann"]\n[measuring]\npairs = 8\n'


@dataclass
class Life:
    """A governed system; `heeds` says whether the answer changes what it does."""

    settings: Settings
    store: Store
    heeds: bool
    now: datetime = NOON
    decisions: int = 0
    digests: set[str] = field(default_factory=set)

    def clock(self) -> datetime:
        return self.now

    def until(self, end: datetime) -> None:
        while self.now < end:
            self.now += timedelta(minutes=15)
            for system in ("ops-agent", "other-agent"):
                self._decide(system)

    def _decide(self, system: str) -> None:
        policy = load_policy(self.settings)
        self.digests.add(policy.digest)
        self.decisions += 1
        answer = policy.rule(about_decision("restart_service", system, self.now)).answer
        permitted = answer == "permit" if self.heeds else False
        status = "executed" if permitted or self.decisions % 4 == 0 else "awaiting_approval"
        row = {
            "log_id": str(self.decisions),
            "decision_type": "restart_service",
            "actor": system,
            "status": status,
            "timestamp": self.now,
        }
        with self.store.writing(self.now) as writer:
            writer.append("agentic_spine_logs", [row], source="test")


def propose(life: Life) -> Entry:
    """An hourly stream, so blocks of two hours, asked and answered."""
    policy, lever = load_policy(life.settings), EarnedPermit(life.settings)
    case = Case(
        kind="improve_execution",
        title="Permit restart_service to ops-agent",
        why="a test",
        proposed_by="grace",
        change=CHANGE,
        evidence=Evidence(
            metric="execution rate", unit="hour", n=48, mean=0.25, e_value=9999, ledger_size=0
        ),
        prediction=Prediction(metric="execution rate", now=0.25, then=1.0, how="a test"),
        subject="restart_service",
        floor_seconds=None,
        gap_seconds=3600,
    )
    proposal = draw_up(
        case,
        lever=lever,
        policy=policy,
        track=track_of([], lever.name),
        log="main",
        now=life.now,
        rng=np.random.default_rng(5),
    )
    entry = submit(life.store, proposal, policy, life.now)
    answer = Answer(answer="approve", reviewer="ann", reason="as agreed")
    said = {"asked_hash": entry.content_hash, "decision_id": "d-1", "run_id": None}
    assert take_answer(life.store, policy, entry, answer, now=life.now, **said) == "approved"
    return find(life.store, entry.id)


@pytest.mark.parametrize(
    ("heeds", "state", "verdict"),
    [(True, "kept", "improved"), (False, "rolled_back", "no_effect")],
)
def test_a_permit_is_kept_where_more_is_executed(settings, store, heeds, state, verdict):
    """Other systems do not count; where nothing changes the permit is taken back by itself."""
    (settings.log_dir / "governance.toml").write_text(GOVERNANCE)
    life, lever = Life(settings, store, heeds), EarnedPermit(settings)
    entry, policy = propose(life), load_policy(settings)
    plan = entry.proposal.plan
    assert (plan.design, plan.block_seconds, plan.better) == ("switchback", 7200, "higher")
    entry = apply_approved(store, lever, entry, policy, life.clock, None)
    assert lever.read(CHANGE.target) == CHANGE.after
    while entry.state in ("applied", "measuring"):
        policy = load_policy(settings)
        units = load_units(store, entry, life.now, policy)
        step = Measuring(store, lever, policy, life.clock).step(entry, units, life.now)
        entry = step.entry
        if step.next_at:
            life.until(step.next_at)
    assert (entry.state, entry.verdict) == (state, verdict)
    assert (lever.read(CHANGE.target) is not None) == heeds
    assert len(life.digests) == 2  # with the permit and without: the file is the same each time
    seen = last_look(store, entry.id, plan)
    assert seen.judgement.effect == pytest.approx(0.75 if heeds else 0.0, abs=0.2)

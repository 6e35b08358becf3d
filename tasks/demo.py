"""A week of a simulated system under the real engines: the same searches, steps and undoing.

Their tasks are called as functions, without Prefect: nothing here needs a server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect import Task

from grace.governance.asking import take_answer
from grace.governance.consent import Answer
from grace.governance.policy import Policy, load_policy
from grace.governance.register import Entry, find
from grace.notary.signer import sign
from grace.opportunities.finding import Finding
from grace.settings import Settings
from tasks.changes import apply_change, take_step
from tasks.demo_desk import DemoDesk
from tasks.opportunities import follow_leads, learn_patterns, record_cycle
from tasks.search import Lead

__all__ = ["Engine", "Told", "run_demo"]

# what was approved and is held back by a brake is tried again, as the governance sweep does
SWEEP = timedelta(minutes=10)

Kind = Task[[Settings, datetime], list[Lead]]
Told = Callable[[datetime, str], None]
Ask = Callable[[Entry, Policy], Answer]


@dataclass(frozen=True)
class Engine:
    """`focus` is what its cycles are called in the log."""

    focus: str
    every: timedelta
    kinds: Sequence[Kind]
    learns: bool = False


@dataclass(frozen=True)
class _Demo:
    settings: Settings
    desk: DemoDesk
    ask: Ask
    tell: Told

    def cycle(self, engine: Engine) -> None:
        """One cycle, as in the flow of the engine; the next is planned."""
        now = self.desk.now()
        if engine.learns:
            learn_patterns.fn(self.settings, now)
        leads = [lead for find_leads in engine.kinds for lead in find_leads.fn(self.settings, now)]
        findings = follow_leads.fn(self.settings, now, leads, self.desk)
        record_cycle.fn(self.settings, engine.focus, now, now, findings)
        sign(self.settings, self.desk.store, now)
        self._tell_findings(findings)
        self.desk.plan(now + engine.every, lambda: self.cycle(engine))

    def answer(self, asked: Entry) -> None:
        """Ask, until the answer is one, and carry out what was approved."""
        policy, outcome, number = load_policy(self.settings), "ask again", 0
        while outcome == "ask again":
            number += 1
            given = self.ask(asked, policy)
            outcome = take_answer(
                self.desk.store,
                policy,
                asked,
                given,
                asked_hash=asked.content_hash,
                decision_id=f"{asked.id}:answer-{number}",
                now=self.desk.now(),
                run_id=None,
            )
        self._tell(f"{outcome} by {given.reviewer}: {asked.proposal.title}")
        if outcome == "approved":
            self.apply(asked.id)

    def apply(self, proposal_id: str) -> None:
        carried = apply_change.fn(self.settings, proposal_id, self.desk)
        if carried.state == "approved":
            self.desk.plan(self.desk.now() + SWEEP, lambda: self.apply(proposal_id))

    def step(self, proposal_id: str) -> None:
        now, store = self.desk.now(), self.desk.store
        carried = take_step.fn(self.settings, proposal_id, now, self.desk)
        sign(self.settings, store, now)
        if carried.state not in ("applied", "measuring"):
            entry = find(store, proposal_id)
            self._tell(f"{carried.state}: {entry.proposal.title} ({entry.reason})")

    def _tell_findings(self, findings: Sequence[Finding]) -> None:
        for each in findings:
            if each.standing in ("proposed", "forbidden", "failed"):
                self._tell(f"{each.standing}: {each.reason}")

    def _tell(self, line: str) -> None:
        self.tell(self.desk.now(), line)


def run_demo(
    settings: Settings,
    desk: DemoDesk,
    engines: Sequence[Engine],
    until: datetime,
    *,
    ask: Ask,
    tell: Told,
) -> None:
    """Let the time pass until a moment, with every engine on its schedule.

    `ask` is called when a person is to answer; `tell` hears what happens, at the demo's time.
    """
    demo = _Demo(settings, desk, ask, tell)
    desk.answer, desk.take_step = demo.answer, demo.step
    for engine in engines:
        desk.plan(desk.now() + engine.every, lambda engine=engine: demo.cycle(engine))  # type: ignore[misc]
    desk.go_on(until)
    sign(settings, desk.store, until)

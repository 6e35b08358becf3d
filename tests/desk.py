"""Flows against a real Prefect server, without a worker: a test runs each flow run itself."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import State

from flows.approval import approval
from flows.export import data_export
from flows.goal_review import goal_review
from flows.goals import autonomous_goal_setting
from flows.governance import governance
from flows.improvement import proactive_improvement
from flows.measurement import measurement
from flows.optimizer import performance_optimizer
from flows.retention import archive_retention
from grace.governance.register import Entry, find
from grace.settings import Settings
from grace.store import Store, open_store
from tasks.by_hand import propose_by_hand
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tasks.runs import answer_run

DEPLOYED: tuple[tuple[Flow, str], ...] = (
    (approval, "on-proposal"),
    (measurement, "on-block"),
    (performance_optimizer, "every-30-minutes"),
    (proactive_improvement, "hourly"),
    (autonomous_goal_setting, "daily"),
    (goal_review, "on-off-track"),
    (governance, "every-10-minutes"),
    (data_export, "nightly"),
    (archive_retention, "weekly"),
)

GOVERNANCE = """
reviewers = ["ann", "ben"]
deadline_hours = {deadline_hours}

[measuring]
least_block_seconds = {least_block_seconds}
"""


@dataclass
class Desk:
    """One log, one limit of 2 on a real server, and the runs that ask about it."""

    settings: Settings
    target: str
    governance_file: Path

    def with_settings(self, **changed: object) -> "Desk":
        return replace(self, settings=self.settings.model_copy(update=changed))

    def another(self) -> "Desk":
        """The same log, with another limit."""
        return replace(self, target=_new_limit())

    def set_policy(self, deadline_hours: float = 72, least_block_seconds: float = 60) -> None:
        text = GOVERNANCE.format(
            deadline_hours=deadline_hours, least_block_seconds=least_block_seconds
        )
        self.governance_file.write_text(text)

    @property
    def store(self) -> Store:
        return open_store(self.settings.url)

    @property
    def limit(self) -> object:
        return ConcurrencyLimit().read(self.target)

    def propose(self, value: int = 8, by: str = "carl") -> Entry:
        return propose_by_hand(
            self.settings, "concurrency-limit", self.target, value, why="a test", by=by
        )

    def entry(self, entry: Entry) -> Entry:
        return find(self.store, entry.id)

    def entry_of(self, proposal_id: str) -> Entry:
        return find(self.store, proposal_id)

    def decisions(self, entry: Entry) -> list[tuple[str, str]]:
        """Answer and reason of what was recorded after the policy's ruling."""
        from grace.account import account

        return [
            (each.answer, each.reason)
            for each in account(self.store, entry).decisions
            if each.question == "a person's answer"
        ]

    def carry_on(self, entry: Entry, flow: Flow = approval) -> State:
        """Do what a worker would: run the approval from the top until it waits or ends."""
        return run_here(flow, entry.run_id)

    def answer(self, entry: Entry, answer: str = "approve", reviewer: str = "ann") -> State:
        answer_run(entry.run_id, {"answer": answer, "reviewer": reviewer, "reason": "as agreed"})
        return self.carry_on(self.entry(entry))


def run_here(flow: Flow, run_id: str) -> State:
    """Run a flow run of the server in this process, and say how it stands afterwards."""
    with get_client(sync_client=True) as client:
        run: FlowRun = client.read_flow_run(UUID(run_id))
    with suppress(Pause):
        run_flow(flow, flow_run=run, parameters=run.parameters, return_type="state")
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id)).state


def run_deployed(name: str, parameters: dict[str, object] | None = None) -> State:
    """Start a deployment by hand, as from the UI, and run it here."""
    (flow,) = (flow for flow, when in DEPLOYED if f"{flow.name}/{when}" == name)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(name)
        run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    return run_here(flow, str(run.id))


def steps_of(entry: Entry) -> list[FlowRun]:
    """The steps of its measurement that Grace had Prefect start, now or later.

    Looked for by name: of all the runs that other tests left, Prefect gives any two hundred.
    """
    named = FlowRunFilter(name=FlowRunFilterName(like_=f"measure {entry.id[-8:]}"))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=named)
    return [run for run in found if run.parameters == {"proposal_id": entry.id}]


def _new_limit() -> str:
    target = f"global:pages-{uuid4().hex[:8]}"
    ConcurrencyLimit().apply(target, 2)
    return target


@pytest.fixture
def deployed(prefect_api: str) -> None:
    """The deployments that Grace's tasks start runs of; made once a server."""
    with get_client(sync_client=True) as client:
        for flow, name in DEPLOYED:
            client.create_deployment(client.create_flow(flow), name=name, tags=["grace"])


@pytest.fixture
def desk(deployed: None, settings: Settings) -> Desk:
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    made = Desk(settings, _new_limit(), settings.log_dir / "governance.toml")
    made.set_policy()
    return made

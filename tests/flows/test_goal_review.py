"""A goal goes off its track: Prefect starts the review, and the sweep what Prefect did not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.events import DeploymentEventTrigger

from flows.goal_review import goal_review
from grace.analysis.rules import Rules
from grace.goals.goal import Goal
from grace.goals.judging import judge
from grace.goals.kpis import kpi_row
from grace.goals.people import add_goal
from grace.governance.policy import load_policy
from grace.installation.deployments import content
from grace.installation.starting import PREFECT_FILE
from grace.mesh import Event, read_events
from tasks import reviews
from tasks.mesh import Publisher, as_prefect_event
from tests.desk import Desk, run_deployed, run_here

DAY = timedelta(days=1)
SWEEP = "governance/every-10-minutes"


def to_keep(desk: Desk, metric: str, target: str, at: datetime) -> Goal:
    """A person's goal of that time, for sixty days."""
    policy, deadline = load_policy(desk.settings), at + 60 * DAY
    how = {"metric": metric, "target": target, "deadline": deadline, "by": "ann"}
    return add_goal(desk.store, policy, Rules(), at, **how)


def goes_off_track(desk: Desk) -> tuple[Goal, Event]:
    """A goal to keep a coverage of 80 that fell to 40 ten days ago; judged today as on any day."""
    store, policy, now = desk.store, load_policy(desk.settings), datetime.now(UTC)
    begun = now - 20 * DAY
    with store.writing(begun) as writer:
        rows = [kpi_row("quality.test_coverage", 85.0, begun - n * DAY) for n in range(30)]
        writer.append("data_cube", rows)
    goal = to_keep(desk, "kpi:quality.test_coverage", "80", begun)
    for ago in range(19, -1, -1):
        with store.writing(now - ago * DAY) as writer:
            row = kpi_row("quality.test_coverage", 40.0, now - ago * DAY)
            writer.append("data_cube", [row])
        judge(store, policy, now - ago * DAY, Rules())
    (event,) = read_events(store, "goal.off_track")
    return goal, event


def reviewed(desk: Desk) -> list[object]:
    """What each review says of the event that it is about."""
    return [event.payload["off_track"] for event in read_events(desk.store, "goal.reviewed")]


def pages(goal: Goal) -> list[str]:
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[f"goal-review-{goal.goal_id}"]))
    with get_client(sync_client=True) as client:
        return [str(one.data) for one in client.read_artifacts(artifact_filter=wanted)]


@dataclass
class Triggered:
    """A deployment, and the automation that starts it."""

    client: httpx.Client
    deployment: str
    automation: dict
    number: str = ""

    def make(self) -> None:
        self.number = self._post("/automations/", self.automation)["id"]

    def remove(self) -> None:
        self._ask("DELETE", f"/automations/{self.number}")

    def runs(self) -> list[dict]:
        wanted = {"deployments": {"id": {"any_": [self.deployment]}}}
        return self._post("/flow_runs/filter", wanted)

    def started(self, event: Event, label: str) -> list[dict]:
        """Its runs, once there are any.

        Prefect takes up a new automation within five seconds, and some never (3.8.8): until there
        is a run the event is published again, and now and then the automation is made anew.
        """
        for _ in range(8):
            for _ in range(15):
                if runs := self.runs():
                    return runs
                time.sleep(1)
                again = as_prefect_event(replace(event, id=str(uuid4())), label)
                self._post("/events", [again])
            self.remove()
            self.make()
        raise AssertionError("the event started nothing")

    def _post(self, path: str, body: object) -> Any:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """SQLite may be busy for a moment, which Prefect answers with 503."""
        while (answer := self.client.request(method, path, json=body)).status_code == 503:
            time.sleep(0.2)
        return answer.raise_for_status().json() if answer.content else None


@pytest.fixture
def log_label(desk: Desk) -> str:
    """One of this test's own: others publish events of the log main to the same server."""
    return f"log-{uuid4().hex[:8]}"


@pytest.fixture
def triggered(prefect_api: str, log_label: str) -> Iterator[Triggered]:
    """With the trigger that prefect.yaml declares for the main log."""
    (entry,) = (
        each
        for each in content(PREFECT_FILE, [log_label])["deployments"]
        if each["name"] == f"{log_label}-on-off-track"
    )
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(goal_review),
            name=entry["name"],
            parameter_openapi_schema=goal_review.parameters.model_dump(),
            enforce_parameter_schema=True,
        )
    (declared,) = entry["triggers"]
    trigger = DeploymentEventTrigger.model_validate(declared | {"name": entry["name"]})
    trigger.set_deployment_id(deployment)
    body = trigger.as_automation().model_dump(mode="json")
    with httpx.Client(base_url=prefect_api, timeout=30, trust_env=False) as client:
        made = Triggered(client, str(deployment), body)
        made.make()
        yield made
        made.remove()


def test_the_event_starts_a_run_that_shows_and_tells_once(
    desk: Desk, triggered: Triggered, log_label: str
) -> None:
    """Evaluation, event, run, artifact."""
    goal, event = goes_off_track(desk)
    Publisher(desk.store, triggered.client, log_label).turn(datetime.now(UTC))
    run = triggered.started(event, log_label)[0]
    assert run["parameters"] == {"event_index": event.index}

    state = run_here(goal_review, run["id"])
    assert state.is_completed(), state.message
    (page,) = pages(goal)
    assert "# Off track: " in page
    assert "data:image/svg+xml;base64," in page
    assert reviewed(desk) == [event.index]

    again = run_deployed("goal-review/on-off-track", {"event_index": event.index})
    assert again.is_completed()
    assert (len(pages(goal)), reviewed(desk)) == (1, [event.index])


def test_the_sweep_starts_what_no_event_started(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, however many sweeps come before it was made; none after."""
    monkeypatch.setattr(reviews, "PATIENCE", -DAY)
    goal, event = goes_off_track(desk)
    assert run_deployed(SWEEP).is_completed()
    assert run_deployed(SWEEP).is_completed()
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("goal-review/on-off-track")
        of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
        runs = client.read_flow_runs(deployment_filter=of_it)
    (run,) = [
        run
        for run in runs
        if run.state.is_scheduled() and run.parameters == {"event_index": event.index}
    ]
    assert run_here(goal_review, str(run.id)).is_completed()
    assert len(pages(goal)) == 1
    assert reviewed(desk) == [event.index]
    monkeypatch.setattr(reviews, "start_run", None)  # another would fail the sweep
    assert run_deployed(SWEEP).is_completed()


def test_the_engine_that_may_help_is_started_with_it(desk: Desk) -> None:
    """Of a rate of healing: the hourly engine, now, once for this event."""
    store, policy, now = desk.store, load_policy(desk.settings), datetime.now(UTC)
    for ago in range(14, -1, -1):
        at = now - ago * DAY
        attempts = [
            {
                "attempt_id": f"a-{ago}-{number}",
                "error_type": "Refused",
                "attempted_at": at - timedelta(hours=1),
                "success": number < (95 if ago > 7 else 30),
            }
            for number in range(100)
        ]
        with store.writing(at) as writer:
            writer.append("healing_attempts", attempts, source="governed")
        if ago == 7:
            to_keep(desk, "healing_success_rate", "90%", at)
        judge(store, policy, at, Rules())
    event = list(read_events(store, "goal.off_track"))[-1]
    state = run_deployed("goal-review/on-off-track", {"event_index": event.index})
    assert state.is_completed(), state.message
    (told,) = read_events(store, "goal.reviewed")
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(told.payload["engine_run"]))
        flow = client.read_flow(run.flow_id)
    assert (flow.name, run.state.is_scheduled()) == ("proactive-improvement", True)
    assert told.payload["heaviest"] == "Refused"

"""Changes by hand with each kind of lever: what a person reads, what is done, what leads back."""

from datetime import timedelta
from uuid import uuid4

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectNotFound

from grace.brief import brief
from grace.errors import BadInput, NotAllowed
from grace.governance.policy import load_policy
from grace.levers import find_lever, lever_for
from grace.store.read import newest
from tasks.by_hand import propose_by_hand
from tasks.changes import undo_change
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tasks.sweep import remove_idle_limits
from tests.desk import Desk, run_deployed

WEBHOOKS = """
[webhooks.tickets]
url = "https://tickets.example/grace"
secret_variable = "NONE"
[webhooks.pager]
url = "https://pager.example/grace"
secret_variable = "NONE"
undo_url = "https://pager.example/undo"
"""


@flow(name="by-hand")
def governed(rows: int = 3, model: str = "all") -> None:
    return


@pytest.fixture
def name(prefect_api):
    """A deployment with one schedule, every ten minutes."""
    every_ten = IntervalSchedule(interval=timedelta(minutes=10), timezone="UTC")
    with get_client(sync_client=True) as client:
        deployment = f"nightly-{uuid4().hex[:8]}"
        client.create_deployment(
            client.create_flow(governed),
            name=deployment,
            parameters={"rows": 5},
            parameter_openapi_schema=governed.parameters.model_dump(),
            schedules=[DeploymentScheduleCreate(schedule=every_ten, slug="ten")],
        )
    return f"by-hand/{deployment}"


def propose(desk: Desk, target, value):
    return propose_by_hand(desk.settings, lever_for(target), target, value, why="a test", by="carl")


def page(desk, entry):
    return brief(entry, load_policy(desk.settings))


def now(desk, target):
    return find_lever(lever_for(target), desk.settings).read(target)


def test_a_schedule_goes_the_whole_way_and_back(desk: Desk, name: str) -> None:
    """Proposed in part, read whole, applied after the answer, undone exactly."""
    target = f"schedule:{name}#ten"
    before = now(desk, target)
    entry = propose(desk, target, {"interval_seconds": 300})
    assert entry.proposal.title == f"Set {target}: interval_seconds from 600 to 300"
    assert '- "interval_seconds": 600\n+ "interval_seconds": 300\n```' in page(desk, entry)
    (declared,) = yaml.safe_load(entry.proposal.prefect_yaml_patch)["deployments"]
    assert declared["schedules"][0]["interval"] == 300
    desk.carry_on(entry)
    desk.answer(entry)
    assert now(desk, target) == before | {"interval_seconds": 300}
    undone = undo_change(desk.settings, entry.id, "ann", "not so often")
    assert (undone.state, now(desk, target)) == ("rolled_back", before)


def test_parameters_are_shown_by_what_differs(desk: Desk, name: str) -> None:
    """The proposal holds all of them; the page and the title only what is set."""
    target = f"parameters:{name}"
    entry = propose(desk, target, {"model": "trees"})
    assert entry.proposal.title == f'Set {target}: model from nothing to "trees"'
    assert '\n+ "model": "trees"\n```' in page(desk, entry)
    assert entry.proposal.change.after == {"rows": 5, "model": "trees"}
    (declared,) = yaml.safe_load(entry.proposal.prefect_yaml_patch)["deployments"]
    assert declared["parameters"] == {"rows": 5, "model": "trees"}


def test_retries_come_with_what_makes_them_last(desk: Desk, name: str) -> None:
    entry = propose(desk, f"retries:{name}", 2)
    assert entry.proposal.title == f"Set retries:{name} from nothing to 2"
    assert "PREFECT_TASKS_DEFAULT_RETRIES: '2'" in page(desk, entry)
    assert "the next `prefect deploy` sets it back" in page(desk, entry)
    with pytest.raises(BadInput, match=r"proposal .* is awaiting_approval already"):
        propose(desk, f"retries:{name}", 3)


def test_a_limit_of_a_pool_is_proposed_by_hand(desk: Desk) -> None:
    pool = f"pool-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=pool, type="process", concurrency_limit=2))
    for target in (f"work-pool:{pool}", f"work-queue:{pool}/default"):
        entry = propose(desk, target, 4)
        assert entry.proposal.change.lever == "concurrency-limit"
        assert entry.proposal.plan.metric == "mean excess wait"


def test_a_webhook_says_that_it_cannot_be_undone_unless_it_can(desk: Desk) -> None:
    """By its undo url, which governance names or not; and its secret is not asked for yet."""
    desk.governance_file.write_text(desk.governance_file.read_text() + WEBHOOKS)
    value = {"key": "one", "body": {"level": "high"}}
    entry = propose(desk, "webhook:tickets", value)
    assert entry.proposal.title == 'Send {"level": "high"} to webhook:tickets'
    assert "It cannot be undone" in page(desk, entry)
    assert not entry.proposal.risk.reversible
    with pytest.raises(NotAllowed, match="webhook:tickets cannot be undone"):
        undo_change(desk.settings, entry.id, "ann", "back")
    other = propose(desk, "webhook:pager", value)
    assert other.proposal.risk.reversible
    assert other.proposal.plan.design == "unmeasured"
    assert "A reviewer undoes it at any time" in page(desk, other)


def test_a_limit_that_was_added_and_undone_is_gone_once_nothing_holds_a_slot(desk: Desk) -> None:
    """While a run holds one the high limit stays; the sweep removes it later and says so, once."""
    limited = f"added-{uuid4().hex[:8]}"
    target = f"global:{limited}"
    entry = propose(desk, target, 3)
    desk.carry_on(entry)
    desk.answer(entry)
    assert now(desk, target) == 3
    undone = undo_change(desk.settings, entry.id, "ann", "no limit after all")
    assert (undone.state, now(desk, target)) == ("rolled_back", None)

    held = {"names": [limited], "slots": 1, "mode": "concurrency"}
    with get_client(sync_client=True) as client:
        client.request("POST", "/v2/concurrency_limits/increment", json=held)
        assert remove_idle_limits.fn(desk.settings) == []
        assert client.read_global_concurrency_limit_by_name(limited).limit == 10_000
        client.request("POST", "/v2/concurrency_limits/decrement", json=held)
        assert run_deployed("governance/every-10-minutes").is_completed()
        assert remove_idle_limits.fn(desk.settings) == []
        found = newest(desk.store, "decisions")
        (told,) = found.loc[found["question"] == "idle limit", "reason"]
        assert told.startswith(f"{target} had no limit before: the high one was taken away")
        with pytest.raises(ObjectNotFound):
            client.read_global_concurrency_limit_by_name(limited)
    assert ConcurrencyLimit().read(target) is None

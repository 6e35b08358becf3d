"""Each step starts the next, at the border of its block and once; its page says where it stands."""

from datetime import timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from grace.actions.action import done_actions
from grace.actions.measuring import block_due
from tests.desk import run_deployed, steps_of

STEP = "measurement/on-block"


@pytest.fixture
def applied(desk):
    entry = desk.propose(8)
    desk.carry_on(entry)
    desk.answer(entry)
    return desk.entry(entry)


def scheduled(entry):
    """When the steps that are still to come are to start."""
    steps = steps_of(entry)
    to_come = [run for run in steps if run.state.is_scheduled() and not run.name.endswith("first")]
    return [run.expected_start_time for run in to_come]


def test_the_next_step_is_scheduled_a_moment_after_the_border(desk, applied):
    """Prefect starts runs up to some tenths of a second early; a step before its border is none."""
    assert run_deployed(STEP, {"proposal_id": applied.id}).is_completed()
    due = block_due(applied, done_actions(desk.store, applied.id))
    (at,) = scheduled(applied)
    assert timedelta(seconds=0.5) < at - due < timedelta(seconds=5)


def test_a_step_that_comes_twice_schedules_the_next_once(desk, applied):
    """The second finds the block not due and asks for the same run again."""
    run_deployed(STEP, {"proposal_id": applied.id})
    run_deployed(STEP, {"proposal_id": applied.id})
    assert len(scheduled(applied)) == 1
    blocks = [done for done in done_actions(desk.store, applied.id) if done.purpose == "block"]
    assert len(blocks) == 1


def test_where_it_stands_is_a_page_in_the_ui(desk, applied):
    """The artifact under the proposal's key says the state and what is missing."""
    run_deployed(STEP, {"proposal_id": applied.id})
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[f"measurement-{applied.id}"]))
    with get_client(sync_client=True) as client:
        (page,) = client.read_artifacts(artifact_filter=wanted)
    assert "State **measuring**" in page.data
    assert "No pair of blocks is complete yet" in page.data

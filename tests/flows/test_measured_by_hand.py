"""What measures a change by hand: by its lever, by the proposer's word, or by days before it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule

from grace.account import account, look_page
from grace.brief import brief
from grace.errors import BadInput
from grace.governance.policy import load_policy
from grace.levers import lever_for
from grace.measurement.days import FIRST_VERDICT
from tasks.by_hand import propose_by_hand
from tasks.changes import take_step
from tasks.prefect_desk import PrefectDesk
from tasks.sights import Wished
from tests.desk import Desk

NOTHING = Wished()
WEBHOOK = """
[webhooks.tickets]
url = "https://tickets.example/grace"
secret_variable = "NONE"
undo_url = "https://tickets.example/undo"
"""


@flow(name="measured")
def governed(rows: int = 3) -> None:
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
            parameter_openapi_schema=governed.parameters.model_dump(),
            schedules=[DeploymentScheduleCreate(schedule=every_ten, slug="ten")],
        )
    return f"measured/{deployment}"


@dataclass(frozen=True)
class Later(PrefectDesk):
    """The real levers at another time; the next step is taken by the test."""

    at: datetime | None = None

    def now(self) -> datetime:
        return self.at

    def start_step(self, proposal_id, which, at=None) -> None:
        return


def log_runs(store, name, begin, every, count, failing=lambda number: False, seconds=30.0):
    """Flow runs of two tasks; where it fails one of the two does."""
    rows = []
    for number in range(count):
        queued, bad = begin + number * every, failing(number)
        ended = queued + timedelta(seconds=seconds)
        common = {
            "queued_at": queued,
            "started_at": queued,
            "completed_at": ended,
            "timestamp": ended,
            "execution_time_seconds": seconds,
            "task_payload": {"limits": {}},
        }
        run = uuid4().hex
        rows.append(
            common
            | {"process_id": run, "process_type": "flow_run", "task_name": name, "success": not bad}
        )
        rows += [
            common
            | {
                "process_id": f"{run}-{task}",
                "process_type": "task_run",
                "task_name": "get",
                "parent_process": run,
                "success": not (bad and task),
            }
            for task in range(2)
        ]
    with store.writing(begin) as writer:
        writer.append("parallel_process_logs", rows, source="test")


def propose(desk: Desk, target, value, wished=NOTHING):
    return propose_by_hand(
        desk.settings,
        lever_for(target),
        target,
        value,
        why="a test",
        by="carl",
        measured_by=wished,
    ).proposal


@pytest.fixture
def lively(desk, name):
    """The log of a deployment that ran each ten minutes of the last four hours; a third failed."""
    begin = datetime.now(UTC) - timedelta(hours=4)
    log_runs(desk.store, name, begin, timedelta(minutes=10), 24, lambda number: number % 3 == 0)
    return desk


def test_retries_are_measured_by_how_many_tasks_succeed(lively, name) -> None:
    """To and fro between the two; a block holds two runs and the time that they take."""
    plan = propose(lively, f"retries:{name}", 2).plan
    assert (plan.design, plan.metric, plan.better) == ("switchback", "task success rate", "higher")
    assert (plan.subject, plan.on_no_effect) == (f"deployment:{name}", "keep")
    assert plan.block_seconds == 2 * 600 + 2 * 30
    proposal = propose(lively, f"parameters:{name}", {"rows": 5})
    assert (proposal.plan.design, proposal.plan.metric) == ("switchback", "mean execution time")
    assert (proposal.evidence.n, proposal.evidence.mean) == (16, 30.0)  # of those that completed


def test_a_block_holds_runs_also_where_a_schedule_makes_them_rarer(lively, name) -> None:
    plan = propose(lively, f"schedule:{name}#ten", {"interval_seconds": 3600}).plan
    assert (plan.design, plan.metric) == ("switchback", "mean execution time")
    assert plan.block_seconds == 2 * 3600 + 2 * 30


def test_a_schedule_that_is_paused_leaves_nothing_to_measure(lively, name) -> None:
    assert propose(lively, f"schedule:{name}#ten", {"active": False}).plan.design == "unmeasured"


def test_the_proposer_says_what_it_is_for(lively, name) -> None:
    """Then what changes nothing goes the way of the policy; none is a word of its own."""
    fails = Wished("share of runs that fail")
    plan = propose(lively, f"parameters:{name}", {"rows": 5}, fails).plan
    assert (plan.metric, plan.on_no_effect) == ("share of runs that fail", "undo")
    of_it = Wished("mean execution time", name)
    plan = propose(lively, "variable:batch", 7, of_it).plan
    assert (plan.design, plan.subject) == ("switchback", f"deployment:{name}")
    assert propose(lively, f"retries:{name}", 1, Wished("none")).plan.design == "unmeasured"


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        (Wished("happiness"), "measured by one of"),
        (Wished("mean execution time"), "say of which deployment with --of FLOW/NAME"),
        (Wished("mean excess wait"), "say whose wait with --of"),
        (Wished(None, "a/b"), "measured by one of"),
    ],
)
def test_a_wish_that_nothing_can_meet_is_refused(lively, wished, said) -> None:
    with pytest.raises(BadInput, match=said):
        propose(lively, "variable:batch", 7, wished)


def test_what_cannot_go_to_and_fro_is_measured_by_days_where_there_are_days(desk, name) -> None:
    """Without days before it is unmeasured, and the page says why of either."""
    desk.governance_file.write_text(desk.governance_file.read_text() + WEBHOOK)
    value, wished = {"key": "one", "body": {}}, Wished("mean execution time", name)
    first = propose(desk, "webhook:tickets", value, wished)
    assert first.plan.design == "unmeasured"
    assert first.plan.why.startswith("signed-webhook cannot be moved to and fro, and no quiet days")
    other, now = f"measured/{uuid4().hex}", datetime.now(UTC)
    log_runs(desk.store, other, now - timedelta(days=16), timedelta(hours=4), 96)
    text = {"key": "two", "body": {}}
    desk.governance_file.write_text(
        desk.governance_file.read_text() + WEBHOOK.replace("tickets", "pager")
    )
    plan = propose(desk, "webhook:pager", text, Wished("mean execution time", other)).plan
    assert (plan.design, plan.level, plan.days.with_data) == ("before_after", 0.1, 14)
    assert plan.days.baseline_to <= now - timedelta(hours=20)  # what was seen is no baseline
    assert [each.of for each in plan.days.guardrails] == ["execution time", "failure share"]


def test_a_change_is_judged_by_days_from_proposal_to_verdict(desk, name) -> None:
    """Nightly runs, and a policy that waits for no verdict longer than 20 days.

    Half of the runs failed before; since the retries came none does.
    """
    desk.governance_file.write_text(desk.governance_file.read_text() + "longest_days = 20\n")
    begin = datetime.now(UTC) - timedelta(days=18, hours=1)
    log_runs(desk.store, name, begin, timedelta(days=1), 18, lambda number: number % 2 == 0)
    proposal = propose(desk, f"retries:{name}", 2)
    assert proposal.plan.design == "before_after"
    assert proposal.plan.why == "to and fro the first verdict could not come before 28 days"
    entry = desk.entry_of(proposal.proposal_id)
    page = brief(entry, load_policy(desk.settings))
    assert "**Weak evidence:** the days since the change are compared with the 14 before" in page
    desk.carry_on(entry)
    desk.answer(entry)
    entry = desk.entry(entry)
    assert entry.state == "applied"

    applied = account(desk.store, entry).actions[0].finished_at
    log_runs(desk.store, name, applied + timedelta(hours=1), timedelta(days=1), 7)
    told = take_step.fn(desk.settings, entry.id, applied, Later(desk.settings, applied))
    assert told.told.startswith("0 days since the change are over")
    judged = applied + FIRST_VERDICT + timedelta(seconds=1)
    carried = take_step.fn(desk.settings, entry.id, judged, Later(desk.settings, judged))
    assert carried.state == "kept"
    entry = desk.entry(entry)
    assert entry.verdict == "improved"
    assert entry.reason.startswith(
        "improved (weak evidence, before/after): task success rate differs by +2"
    )
    page = look_page(entry, account(desk.store, entry).look)
    assert "| days before with data | 13 of 14 |" in page  # the last night is what was seen

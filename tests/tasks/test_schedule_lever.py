"""A deployment's schedule as a lever, on a real server: read, set, put back exactly."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.errors import BadInput
from grace.governance.change import Change
from grace.levers import completed, verify
from tasks.levers.deployment_schedule import DeploymentSchedule

ANCHOR = datetime(2026, 3, 1, 0, 7, tzinfo=UTC)
EVERY_TEN = {
    "interval_seconds": 600,
    "anchor": "2026-03-01T00:07:00Z",
    "timezone": "UTC",
    "active": True,
}
AT_SIX = {"cron": "0 6 * * 1-5", "day_or": False, "timezone": "Europe/Zurich", "active": False}
WEEKLY = {
    "rrule": "DTSTART:20260302T060000\nRRULE:FREQ=WEEKLY;BYDAY=MO",
    "timezone": "UTC",
    "active": True,
}


DAILY = "DTSTART:20260101T000000\nRRULE:FREQ=DAILY"


@flow(name="scheduled")
def scheduled(rows: int = 3) -> None:
    return


@pytest.fixture
def lever(prefect_api):
    return DeploymentSchedule()


@pytest.fixture(scope="module")
def untouched(prefect_server):
    """One that is only read, and of which every change is refused."""
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        return deployed()


@pytest.fixture
def name(prefect_api):
    return deployed()


def deployed() -> str:
    """A deployment with three schedules: two have a slug, the last has a number only."""
    name = f"often-{uuid4().hex[:8]}"
    ten = IntervalSchedule(interval=timedelta(minutes=10), anchor_date=ANCHOR, timezone="UTC")
    six = CronSchedule(cron="0 6 * * 1-5", day_or=False, timezone="Europe/Zurich")
    weekly = RRuleSchedule(rrule="DTSTART:20260302T060000\nRRULE:FREQ=WEEKLY;BYDAY=MO")
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(scheduled), name=name)
        for schedule, slug, active in (
            (ten, "ten", True),
            (six, "six", False),
            (weekly, None, True),
        ):
            one = DeploymentScheduleCreate(
                schedule=schedule, slug=slug, active=active, parameters={"rows": 5}
            )
            client.request(
                "POST",
                f"/deployments/{made}/schedules",
                json=[one.model_dump(mode="json", exclude_unset=True)],
            )
    return f"schedule:scheduled/{name}"


def schedules(target):
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(target.removeprefix("schedule:"))
    return {each.slug: each for each in found.schedules}


@pytest.mark.parametrize(("which", "value"), [("ten", EVERY_TEN), ("six", AT_SIX), ("3", WEEKLY)])
def test_a_schedule_reads_whole(lever, untouched, which, value):
    """By its slug, or by its number in the order in which they were made."""
    assert lever.read(f"{untouched}#{which}") == value


def test_each_rhythm_becomes_each_other_and_back(lever, name):
    """Setting twice is setting once, and the inverse is exact: anchor, zone, pause and all."""
    for which, before, wanted in (
        ("ten", EVERY_TEN, {"cron": "*/5 * * * *"}),
        ("six", AT_SIX, {"rrule": DAILY}),
        ("3", WEEKLY, {"interval_seconds": 90.5}),
    ):
        target = f"{name}#{which}"
        after = completed(lever, target, wanted)
        change = Change(lever=lever.name, target=target, before=before, after=after)
        for each in (change, change, change.inverse):
            lever.apply(target, each.after)
            assert verify(lever, each)


def test_what_is_left_out_stays_as_it_is(lever, untouched):
    """A paused schedule stays paused, a zone stays, and an anchor goes with its rhythm."""
    six, ten = f"{untouched}#six", f"{untouched}#ten"
    assert completed(lever, six, {"cron": "0 7 * * *"}) == AT_SIX | {"cron": "0 7 * * *"}
    assert completed(lever, six, {"active": True}) == AT_SIX | {"active": True}
    assert completed(lever, six, {"interval_seconds": 60}) == {
        "interval_seconds": 60,
        "anchor": "1970-01-01T00:00:00Z",
        "timezone": "Europe/Zurich",
        "active": False,
    }
    shifted = completed(
        lever, ten, {"interval_seconds": 300, "anchor": "2026-01-01T01:00:00+01:00"}
    )
    assert shifted == EVERY_TEN | {"interval_seconds": 300, "anchor": "2026-01-01T00:00:00Z"}


def test_a_paused_schedule_stays_paused_when_its_rhythm_changes(lever, name):
    lever.apply(f"{name}#six", {"cron": "0 7 * * *"})
    assert not schedules(name)["six"].active
    lever.apply(f"{name}#six", {"active": True})
    assert schedules(name)["six"].schedule.cron == "0 7 * * *"
    assert schedules(name)["six"].active


def test_only_this_schedule_changes_and_keeps_its_slug_and_parameters(lever, name):
    before = schedules(name)
    lever.apply(f"{name}#ten", {"interval_seconds": 300})
    after = schedules(name)
    assert {slug: (each.id, each.parameters) for slug, each in after.items()} == {
        slug: (each.id, {"rows": 5}) for slug, each in before.items()
    }
    assert [after[slug].schedule for slug in ("six", None)] == [
        before[slug].schedule for slug in ("six", None)
    ]


def test_runs_come_in_the_new_rhythm(lever, name):
    """The server's own runs, not only what it says of the schedule."""
    lever.apply(f"{name}#ten", {"interval_seconds": 7, "anchor": "2026-01-01T00:00:00Z"})
    with get_client(sync_client=True) as client:
        made = client.read_deployment_by_name(name.removeprefix("schedule:"))
        client.request(
            "POST", f"/deployments/{made.id}/schedule", json={"min_runs": 4, "max_runs": 4}
        )
        runs = client.request(
            "POST",
            "/flow_runs/filter",
            json={
                "deployments": {"id": {"any_": [str(made.id)]}},
                "sort": "EXPECTED_START_TIME_ASC",
            },
        ).json()
    expected = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    # a run of the old rhythm may be left, where the server was just making it
    sevens = sorted({each for each in expected if (each - begin).total_seconds() % 7 == 0})[:4]
    assert [(b - a).total_seconds() for a, b in pairwise(sevens)] == [7.0] * 3


def test_somebody_elses_change_is_seen(lever, name):
    """Drift: what the proposal saw is no longer there."""
    target = f"{name}#ten"
    change = Change(lever=lever.name, target=target, before=EVERY_TEN, after=EVERY_TEN)
    assert verify(lever, change)
    with get_client(sync_client=True) as client:
        made = client.read_deployment_by_name(name.removeprefix("schedule:"))
        client.update_deployment_schedule(made.id, schedules(name)["ten"].id, active=False)
    assert not verify(lever, change)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "a schedule is one of"),
        (600, "a schedule is one of"),
        ({"cron": "* * * * *", "interval_seconds": 60}, "a schedule is one of"),
        ({"interval_seconds": 0}, "interval_seconds: Input should be greater"),
        ({"interval_seconds": "60"}, "interval_seconds: "),
        ({"cron": "every day"}, "cron: .*nvalid cron"),
        ({"rrule": "FREQ=SOMETIMES"}, "rrule: Invalid"),
        ({"cron": "0 6 * * *", "timezone": "Moon/Base"}, "timezone"),
        ({"active": "no"}, "active: "),
        ({"interval_seconds": 60, "day_or": True}, "day_or: Extra inputs"),
        ({"paused": True}, "paused: Extra inputs"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_line(lever, untouched, wrong, said):
    """Before anything is set."""
    for use in (lever.check, lever.apply):
        with pytest.raises(BadInput, match=said) as caught:
            use(f"{untouched}#ten", wrong)
        assert "\n" not in str(caught.value)
    assert lever.read(f"{untouched}#ten") == EVERY_TEN


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("schedule:scheduled/often", "names no schedule"),
        ("schedule:often#1", "names no deployment"),
        ("schedule:nobody/nothing#1", "no deployment 'nobody/nothing'"),
    ],
)
def test_a_target_that_is_not_there_is_one_line(lever, target, said):
    for use in (lever.read, lambda target: lever.apply(target, {"interval_seconds": 60})):
        with pytest.raises(BadInput, match=said):
            use(target)


def test_a_schedule_that_is_not_there_is_told_with_those_that_are(lever, untouched):
    with pytest.raises(BadInput, match="no schedule 'hourly'; it has: ten, six, 3"):
        lever.read(f"{untouched}#hourly")


def test_a_recurrence_says_when_it_starts(lever, untouched):
    """Prefect would add a start of its own, and the schedule read otherwise than it was set."""
    with pytest.raises(BadInput, match=r"write \"DTSTART:20260101T060000\\nFREQ=DAILY"):
        lever.check(f"{untouched}#ten", {"rrule": "FREQ=DAILY"})

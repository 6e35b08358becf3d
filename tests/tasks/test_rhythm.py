"""How often an engine runs is told of every kind of schedule, not of intervals alone."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from grace.cli.run import _find
from grace.errors import BadInput
from grace.settings import Settings
from tasks.engines import Engine, read_engines
from tasks.rhythm import Schedule, cycle_of, next_of

NOW = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NIGHTLY = CronSchedule(cron="30 3 * * *", timezone="Europe/Zurich")
ONCE = RRuleSchedule(rrule="DTSTART:20260401T060000\nRRULE:FREQ=DAILY;COUNT=1")


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        (IntervalSchedule(interval=timedelta(minutes=30)), 0.5),
        (CronSchedule(cron="*/20 * * * *"), 1 / 3),
        (NIGHTLY, 24),
        (CronSchedule(cron="0 9,17 * * *"), 12),
        (RRuleSchedule(rrule="DTSTART:20260302T060000\nRRULE:FREQ=WEEKLY;BYDAY=MO"), 168),
        (ONCE, None),
    ],
)
def test_the_usual_time_between_starts(schedule: Schedule, hours: float | None) -> None:
    """A night that the clocks make shorter does not count, two gaps in turn count half each."""
    found = cycle_of(schedule, NOW)
    assert (None if found is None else found / HOUR) == (hours and pytest.approx(hours))


def test_the_next_start_is_the_first_of_any_schedule() -> None:
    """In the zone of each; none where none is to come."""
    assert next_of([NIGHTLY, ONCE], NOW) == datetime(2026, 3, 28, 2, 30, tzinfo=UTC)
    assert next_of([ONCE], NOW + 30 * 24 * HOUR) is None


@flow(name="nightly-look")
def nightly_look() -> None:
    return


def deployed(log: str, *schedules: Schedule, active: bool = True) -> str:
    name = f"own-{uuid4().hex[:8]}"
    made = [DeploymentScheduleCreate(schedule=each, active=active) for each in schedules]
    with get_client(sync_client=True) as client:
        client.create_deployment(
            client.create_flow(nightly_look),
            name=name,
            tags=["grace", f"log:{log}"],
            schedules=made,
        )
    return f"nightly-look/{name}"


def engine(name: str, log: str) -> Engine:
    found = read_engines(Settings(log=log))
    (mine,) = (each for each in found if each.name == name)
    return mine


@pytest.mark.usefixtures("prefect_api")
def test_an_engine_with_a_cron_schedule_is_listed_with_its_hours_and_can_be_run() -> None:
    """As a user's own schedule makes it, from the moment on at which it is deployed."""
    log = f"log-{uuid4().hex[:8]}"
    name = deployed(log, NIGHTLY)
    found = engine(name, log)
    assert (found.running, found.cycle_interval_hours) == (True, 24)
    assert found.next_run is not None
    assert (found.next_run - datetime.now(UTC)) <= 25 * HOUR
    assert _find([found], "nightly-look").name == name


@pytest.mark.usefixtures("prefect_api")
def test_an_engine_whose_schedule_is_off_can_still_be_run() -> None:
    """It says that it is off, how often it would run, and no next time."""
    log = f"log-{uuid4().hex[:8]}"
    found = engine(deployed(log, NIGHTLY, active=False), log)
    assert (found.running, found.cycle_interval_hours, found.next_run) == (False, 24, None)
    assert _find([found], found.name) == found
    with pytest.raises(BadInput, match="there is no engine 'other'"):
        _find([found], "other")

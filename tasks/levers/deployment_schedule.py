"""When a deployment runs: one of its schedules. Target: `schedule:FLOW/DEPLOYMENT#SLUG`.

A schedule without a slug is named by its number, the oldest being 1. The value says
`interval_seconds` (with an `anchor`), `cron` (with `day_or`) or `rrule`, and always the `timezone`
and whether it is `active`. What a person leaves out stays as it is; so one that is paused stays
paused. Schedules are neither made nor taken away.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import DeploymentSchedule as Scheduled
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_serializer,
)

from grace.errors import BadInput
from grace.settings import Settings
from tasks.deployment import deployment_name, find_deployment
from tasks.watched import watched_client

__all__ = ["DeploymentSchedule"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_SECONDS = 366 * 24 * 3600

PrefectSchedule: TypeAlias = IntervalSchedule | CronSchedule | RRuleSchedule


class _When(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: str | None = "UTC"
    active: Annotated[bool, Field(strict=True)] = True


class _Interval(_When):
    interval_seconds: Annotated[float, Field(ge=1, le=LONGEST_SECONDS, strict=True)]
    anchor: AwareDatetime = EPOCH

    @field_serializer("interval_seconds")
    def _whole(self, seconds: float) -> float | int:
        return int(seconds) if seconds.is_integer() else seconds

    @field_serializer("anchor")
    def _in_utc(self, anchor: datetime) -> str:
        return anchor.astimezone(UTC).isoformat().replace("+00:00", "Z")

    @property
    def schedule(self) -> PrefectSchedule:
        return IntervalSchedule(
            interval=timedelta(seconds=self.interval_seconds),
            anchor_date=self.anchor,
            timezone=self.timezone,
        )


class _Cron(_When):
    cron: str
    day_or: Annotated[bool, Field(strict=True)] = True

    @property
    def schedule(self) -> PrefectSchedule:
        return CronSchedule(cron=self.cron, timezone=self.timezone, day_or=self.day_or)


class _RRule(_When):
    rrule: str

    @property
    def schedule(self) -> PrefectSchedule:
        return RRuleSchedule(rrule=self.rrule, timezone=self.timezone)


KINDS: dict[str, type[_Interval] | type[_Cron] | type[_RRule]] = {
    "interval_seconds": _Interval,
    "cron": _Cron,
    "rrule": _RRule,
}
# what is carried over to another rhythm
ALWAYS = ("timezone", "active")


class DeploymentSchedule:
    name = "deployment-schedule"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The whole value; a schedule that is not there is BadInput."""
        name, which = _parse(target)
        with watched_client(self._settings) as client:
            return _value(_find(client, name, which)[1])

    def complete(self, target: str, value: JsonValue) -> JsonValue:
        whole: JsonValue = _merged(self.read(target), value).model_dump(mode="json")
        return whole

    def check(self, target: str, value: JsonValue) -> None:
        whole = self.complete(target, value)
        rule = whole.get("rrule") if isinstance(whole, dict) else None
        # Prefect would add a start of its own, and it would read otherwise than it was set
        if isinstance(rule, str) and "DTSTART" not in rule.upper():
            raise BadInput(f'that is no schedule: rrule: write "DTSTART:20260101T060000\\n{rule}"')

    def apply(self, target: str, value: JsonValue) -> None:
        """Set rhythm and pause in one request; its slug, parameters and number stay.

        Prefect 3.8 empties the parameters of a schedule that is updated without them.
        """
        name, which = _parse(target)
        with watched_client(self._settings, writing=True) as client:
            deployment, found = _find(client, name, which)
            wanted = _merged(_value(found), value)
            client.update_deployment_schedule(
                deployment.id,
                found.id,
                active=wanted.active,
                schedule=wanted.schedule,
                parameters=found.parameters,
            )


def _parse(target: str) -> tuple[str, str]:
    place, _, which = target.partition("#")
    if not which:
        raise BadInput(
            f"{target!r} names no schedule; write schedule:FLOW/DEPLOYMENT#SLUG, or its number"
        )
    return deployment_name(place, "schedule"), which


def _find(client: SyncPrefectClient, name: str, which: str) -> tuple[DeploymentResponse, Scheduled]:
    deployment = find_deployment(client, name)
    schedules = sorted(deployment.schedules, key=lambda each: (each.created or EPOCH, each.id))
    numbered = dict(zip(map(str, range(1, len(schedules) + 1)), schedules, strict=True))
    called = numbered | {each.slug: each for each in schedules if each.slug}
    if which not in called:
        known = [each.slug or number for number, each in numbered.items()]
        raise BadInput(f"{name} has no schedule {which!r}; it has: {', '.join(known) or 'none'}")
    return deployment, called[which]


def _value(found: Scheduled) -> JsonValue:
    schedule, whether = found.schedule, {"active": found.active}
    if isinstance(schedule, IntervalSchedule):
        when: _When = _Interval(
            interval_seconds=schedule.interval.total_seconds(),
            # Prefect's own kind of time is no datetime everywhere
            anchor=datetime.fromisoformat(schedule.anchor_date.isoformat()),
            timezone=schedule.timezone,
            **whether,
        )
    elif isinstance(schedule, CronSchedule):
        when = _Cron(
            cron=schedule.cron, day_or=schedule.day_or, timezone=schedule.timezone, **whether
        )
    elif isinstance(schedule, RRuleSchedule):
        when = _RRule(rrule=schedule.rrule, timezone=schedule.timezone, **whether)
    else:
        raise BadInput(f"a schedule of the kind {type(schedule).__name__} cannot be turned")
    value: JsonValue = when.model_dump(mode="json")
    return value


def _merged(present: JsonValue, value: JsonValue) -> _Interval | _Cron | _RRule:
    """A value with what it leaves out as it is now; a rhythm's own keys go with the rhythm."""
    if not (isinstance(present, dict) and isinstance(value, dict)):
        raise _no_schedule(value)
    rhythm = [key for key in KINDS if key in value]
    stays = not rhythm or rhythm[0] in present
    kept = {key: each for key, each in present.items() if stays or key in ALWAYS}
    return _whole({**kept, **value})


def _whole(value: JsonValue) -> _Interval | _Cron | _RRule:
    """Raises BadInput in one line where Prefect would not take it."""
    rhythm = [key for key in KINDS if isinstance(value, dict) and key in value]
    if len(rhythm) != 1:
        raise _no_schedule(value)
    try:
        whole = KINDS[rhythm[0]].model_validate(value)
        _ = whole.schedule
    except ValidationError as problem:
        error = problem.errors()[0]
        where = ".".join(str(part) for part in error["loc"]) or rhythm[0]
        said = " ".join(error["msg"].removeprefix("Value error, ").split())
        raise BadInput(f"that is no schedule: {where}: {said}") from None
    return whole


def _no_schedule(value: JsonValue) -> BadInput:
    return BadInput(
        'a schedule is one of {"interval_seconds": 600}, {"cron": "0 6 * * *"} and {"rrule": …}, '
        f"with timezone and active where they change, not {value!r}"
    )

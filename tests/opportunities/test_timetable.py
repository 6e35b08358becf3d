"""Another time for a schedule: moved by a while, or denser, in the terms of its own rhythm."""

import pytest

from grace.opportunities.timetable import denser, shifted

EVERY_TEN = {
    "interval_seconds": 600,
    "anchor": "2026-03-01T00:00:00Z",
    "timezone": "UTC",
    "active": True,
}


def cron(rule: str) -> dict[str, object]:
    return {"cron": rule, "day_or": True, "timezone": "UTC", "active": True}


def test_an_interval_moves_by_its_anchor_and_keeps_all_else() -> None:
    assert shifted(EVERY_TEN, 90) == EVERY_TEN | {"anchor": "2026-03-01T00:01:30Z"}


@pytest.mark.parametrize(
    ("rule", "moved"),
    [
        ("0 * * * *", "7 * * * *"),
        ("55 * * * 1-5", "2 * * * 1-5"),
        ("*/10 * * * *", "7-59/10 * * * *"),
        ("*/7 6 * * *", None),
        ("0 6 * * *", None),
        ("0,30 * * * *", None),
    ],
)
def test_a_cron_rule_moves_by_whole_minutes_where_every_hour_is_alike(
    rule: str, moved: str | None
) -> None:
    """At six in the morning is at six for a reason that nobody told."""
    assert shifted(cron(rule), 420) == (cron(moved) if moved else None)


def test_a_recurrence_is_not_moved() -> None:
    value = {"rrule": "DTSTART:20260101T000000\nRRULE:FREQ=HOURLY", "active": True}
    assert shifted(value, 60) is None
    assert denser(value, 2) is None


@pytest.mark.parametrize(
    ("value", "factor", "after"),
    [
        (EVERY_TEN, 4, EVERY_TEN | {"interval_seconds": 150}),
        (EVERY_TEN, 100, EVERY_TEN | {"interval_seconds": 60}),
        (EVERY_TEN | {"interval_seconds": 60}, 2, None),
        (EVERY_TEN | {"active": False}, 2, None),
        (cron("0 * * * *"), 4, cron("*/15 * * * *")),
        (cron("*/30 * * * *"), 4, cron("*/6 * * * *")),
        (cron("* * * * *"), 2, None),
        (cron("0 6 * * *"), 2, None),
    ],
)
def test_denser_is_at_most_once_a_minute(value, factor: float, after) -> None:
    assert denser(value, factor) == after

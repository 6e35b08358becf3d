"""Daily figures: what the rows say, whenever they came, and computed once."""

from datetime import timedelta

import pytest

import grace.goals.daily
from grace.goals.metrics import PATTERNS, metric_named
from tests.goals.conftest import COVERAGE, DAY, Log

HEALING = "healing_success_rate"


def test_each_day_has_the_rate_of_its_rows(log: Log) -> None:
    log.healing([(9, 10), (5, 10)], last=2)
    seen = log.seen(HEALING)
    assert seen.daily.round(3).tolist()[:2] == [0.9, 0.5]
    assert [str(day.date()) for day in seen.daily.index] == [
        "2026-02-26",
        "2026-02-27",
        "2026-02-28",
    ]
    assert seen.daily.isna().tolist() == [False, False, True]
    assert (seen.value, seen.n) == (0.7, 20)


def test_a_row_that_comes_late_changes_its_day(log: Log) -> None:
    log.healing([(10, 10)], last=3)
    assert log.seen(HEALING).daily.iloc[0] == 1.0
    log.healing([(0, 10)], last=3)
    assert log.seen(HEALING).daily.iloc[0] == 0.5


def test_days_that_have_passed_are_computed_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at again is only the day in which a row came."""
    computed = []
    figures_of_day = grace.goals.daily._day

    def counted(reader, day: int) -> dict[str, float]:
        computed.append(day)
        return figures_of_day(reader, day)

    monkeypatch.setattr(grace.goals.daily, "_day", counted)
    log.healing([(9, 10)] * 20)
    first = log.seen(HEALING).daily
    assert len(computed) == 20
    computed.clear()
    assert log.seen(HEALING).daily.equals(first)
    assert computed == []
    log.healing([(0, 10)], last=5)
    assert log.seen(HEALING).daily.iloc[-5] == 0.45
    assert len(computed) == 1


def test_what_is_older_than_seven_days_is_no_value(log: Log) -> None:
    log.healing([(9, 10)], last=9)
    assert (log.seen(HEALING).value, log.seen(HEALING).n) == (None, 0)


def test_of_a_kpi_the_newest_value_counts_and_the_last_of_each_day(log: Log) -> None:
    log.kpi([70.0, 71.0])
    log.days(0.1)
    log.kpi([72.5])
    seen = log.seen(COVERAGE)
    assert (seen.value, seen.daily.tolist()) == (72.5, [70.0, 72.5])


def test_learned_patterns_are_counted_up(log: Log) -> None:
    rows = [
        {
            "learning_type": "pattern_update",
            "pattern_name": f"p-{ago}",
            "timestamp": log.now - ago * DAY,
        }
        for ago in (3, 2, 0)
    ]
    with log.store.writing(log.now) as writer:
        writer.append("ml_learning_logs", rows, source="governed")
    seen = log.seen(PATTERNS)
    assert (seen.value, seen.daily.tolist()) == (3.0, [1.0, 2.0, 2.0])


def test_events_an_hour_leave_out_the_day_that_is_not_over(log: Log) -> None:
    log.healing([(24, 24)] * 7)
    log.days(timedelta(hours=11) / DAY)
    assert log.seen("events_per_hour").value == pytest.approx(24 * 7 / 156)


@pytest.mark.parametrize(
    ("metric", "text", "value"),
    [(HEALING, "90%", 0.9), (HEALING, "0.9", 0.9), ("response_seconds", "2s", 2.0)],
)
def test_a_target_is_read_as_people_write_it(metric: str, text: str, value: float) -> None:
    assert metric_named(metric).read(text) == pytest.approx(value)

"""Every figure of a window is what a plain computation over all rows gives."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given

from grace.analysis.window import Analysis, analyse
from grace.errors import BadInput
from grace.store import Store
from grace.store.schema import LOGS
from tests.analysis.conftest import NOW, write
from tests.analysis.expected import check
from tests.analysis.logs import MOMENTS, Entry, logs, near
from tests.analysis.naive import Naive
from tests.analysis.properties import property_of_logs

Log = tuple[list[Entry], datetime, datetime]

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TIMES = {
    "healing_attempts": ("attempt_id", "attempted_at"),
    "agentic_spine_logs": ("log_id", "timestamp"),
    "ml_learning_logs": ("learning_id", "timestamp"),
    "parallel_process_logs": ("process_id", "timestamp"),
}


def entry(table: str, key: object, at: datetime | None, **columns: object) -> Entry:
    name, time = TIMES[table]
    return table, {name: str(key), time: at, "source": "logger", **columns}, NOON


def one_of_each(key: object, at: datetime | None, **columns: object) -> list[Entry]:
    return [entry(table, key, at, **columns) for table in TIMES]


@property_of_logs
@given(log=logs())
def test_every_figure_equals_the_plain_computation(
    new_store: Callable[[], Store], log: Log
) -> None:
    """Over midnight, month end and changes of daylight saving, with nulls, late rows, revisions."""
    rows, since, until = log
    store = new_store()
    write(store, rows)
    check(analyse(store, since, until, now=NOW), Naive(rows), since, until)
    store.engine.dispose()


CASES: dict[str, list[Entry]] = {
    "empty": [],
    "one row": [entry("healing_attempts", 1, NOON, success=True, severity="low")],
    "all null": one_of_each(1, None),
    "all pending": [
        entry("healing_attempts", 1, NOON, status="pending"),
        entry("agentic_spine_logs", 1, NOON, status="started"),
        entry("ml_learning_logs", 1, NOON, learning_type="prediction", predicted_likelihood=0.5),
        entry("parallel_process_logs", 1, NOON, status="Running", wait_time_seconds=1.0),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_where_there_is_little(store: Store, case: str) -> None:
    """No figure is made up; the counts are there."""
    rows, since, until = CASES[case], NOON - HOUR, NOON + HOUR
    write(store, rows)
    found = analyse(store, since, until, now=NOW)
    check(found, Naive(rows), since, until)
    rates = [found.healing.success, found.autonomy.execution, found.response.overall.success]
    assert [rate.interval for rate in rates] == [None, None, None]
    assert found.activity.events == len(rows)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("hours", [1, 24])
def test_awkward_moments(store: Store, moment: str, hours: int) -> None:
    """A row each ten minutes around it; local times count as the moments that they are."""
    middle = MOMENTS[moment]
    rows = [
        row
        for minutes in range(-300, 300, 10)
        for row in one_of_each(
            minutes, near(middle, minutes * MINUTE), success=None if minutes % 3 else True
        )
        if row[0] in ("healing_attempts", "parallel_process_logs")
    ]
    write(store, rows)
    since = near(middle, -hours * HOUR / 2)
    until = near(middle, hours * HOUR / 2)
    found = analyse(store, since, until, now=NOW)
    check(found, Naive(rows), since, until)
    assert found.activity.events == 2 * (6 if hours == 1 else 60)


def test_a_unit_is_one_however_many_hours_it_takes(store: Store) -> None:
    """A flow run that fails from hour to hour says one thing, not ten."""
    about = {"flow_run": "run-1"}
    rows = [
        entry("healing_attempts", n, NOON + n * HOUR, success=False, metadata=about)
        for n in range(10)
    ]
    write(store, rows)
    found = analyse(store, NOON, NOON + 12 * HOUR, now=NOW)
    assert (found.healing.success.n, found.healing.success.units) == (10, 1)
    assert found.healing.success.interval is None


def test_what_grace_does_itself_does_not_count(store: Store) -> None:
    """By source, by actor, by the tag of a run; but the patterns that it learned do."""
    tagged = {"tags": ["x", "grace"]}
    rows = [
        *one_of_each("own", NOON, source="grace"),
        entry("agentic_spine_logs", "decision", NOON, actor="grace", status="completed"),
        entry("parallel_process_logs", "run", NOON, task_payload=tagged, success=True),
        entry(
            "ml_learning_logs",
            "pattern:1",
            NOON,
            source="grace",
            learning_type="pattern_update",
            pattern_name="<n> pages",
            pattern_confidence=0.9,
        ),
    ]
    write(store, rows)
    found = analyse(store, NOON, NOON + HOUR, now=NOW)
    assert (found.activity.events, found.autonomy.decisions) == (0, 0)
    assert found.health.standing == "insufficient_data"
    assert (found.learning.patterns, found.learning.confidence.n) == (1, 0)


def test_an_erased_row_is_in_no_figure(store: Store) -> None:
    """Though its key and the time at which it was recorded are still there."""
    write(store, [entry("healing_attempts", n, NOON, success=True) for n in range(3)])
    log = LOGS["healing_attempts"]
    kept = {"id", "revision", "recorded_at", "source", *log.key}
    gone = dict.fromkeys([name for name in (*log.kinds, "salt") if name not in kept])
    with store.writing(NOON) as writer:
        erased = log.table.c.attempt_id == "1"
        row_id = writer.connection.execute(sa.select(log.table.c.id).where(erased)).scalar_one()
        writer.append("erasures", [{"table_name": log.name, "row_id": row_id}])
        writer.connection.execute(log.table.update().where(erased).values(gone))
    found = analyse(store, NOON - HOUR, NOON + HOUR, now=NOW)
    assert (found.healing.attempts, found.activity.events) == (2, 2)


def test_deciding_by_its_own_register_is_left_out(store: Store) -> None:
    """The line that governance writes with each of its decisions."""
    from grace.governance.decisions import Decision, record_decision

    with store.writing(NOON) as writer:
        record_decision(writer, Decision("pause", "pause", "maintenance"))
    found = analyse(store, NOON, NOON + HOUR, now=NOW)
    assert (found.ledger_size, found.autonomy.decisions) == (3, 0)


class TestPreceding:
    """The windows before, and trends against them."""

    def test_each_says_what_it_says_alone(self, store: Store) -> None:
        """Four windows of whole hours, newest first, none from before the log began."""
        write(store, self._days(5))
        found = analyse(store, NOON - 24 * HOUR, NOON, now=NOW)
        assert len(found.preceding) == 4
        for place, before in enumerate(found.preceding, 1):
            begin = NOON - (place + 1) * 24 * HOUR
            assert (before.since, before.until) == (begin, begin + 24 * HOUR)
            alone = analyse(store, before.since, before.until, now=NOW)
            assert before.figures == alone.figures

    def test_none_where_the_log_has_only_begun(self, store: Store) -> None:
        """A window that the log covers in part is not compared with."""
        write(store, self._days(2))
        found = analyse(store, NOON - 25 * HOUR, NOON, now=NOW)
        assert found.preceding == ()
        assert {trend.direction for trend in found.trends} == {"insufficient_data"}

    def test_a_fall_is_seen(self, store: Store) -> None:
        """Four days at 90 %, one at 40 %, by enough flow runs."""
        write(store, self._days(5))
        found = analyse(store, NOON - 24 * HOUR, NOON, now=NOW)
        healing = next(each for each in found.trends if each.name == "healing_success_rate")
        assert (healing.value, healing.before) == (pytest.approx(0.4), pytest.approx(0.9))
        assert healing.direction == "worsening"
        (told,) = (one for one in found.areas_to_improve if one.figure == "healing_success_rate")
        assert told.sure

    @staticmethod
    def _days(days: int) -> list[Entry]:
        """Up to NOON, an attempt each 29 minutes, 50 a day."""
        return [
            entry(
                "healing_attempts",
                f"{day}-{n}",
                NOON - (days - day) * 24 * HOUR + n * 28 * MINUTE,
                success=n % 10 < (9 if day < days - 1 else 4),
                metadata={"flow_run": f"{day}-{n}"},
            )
            for day in range(days)
            for n in range(50)
        ]


def test_an_analysis_is_json_and_comes_back_whole(store: Store) -> None:
    """Equal to itself; no number that JSON does not know."""
    write(store, [row for n in range(30) for row in one_of_each(n, NOON + n * MINUTE)])
    found = analyse(store, NOON, NOON + HOUR, now=NOW)
    assert Analysis.model_validate_json(found.model_dump_json()) == found
    assert "NaN" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (NOON, NOON, "must end after it begins"),
        (NOON, NOON - HOUR, "must end after it begins"),
        (NOON, NOW + MINUTE, "but it is only"),
    ],
)
def test_a_window_that_is_none(store: Store, since: datetime, until: datetime, words: str) -> None:
    """Is refused in one line."""
    with pytest.raises(BadInput, match=words):
        analyse(store, since, until, now=NOW)


def test_a_window_within_the_hour_that_comes_twice(store: Store) -> None:
    """By the wall clock it ends before it begins."""
    berlin = ZoneInfo("Europe/Berlin")
    since = datetime(2026, 10, 25, 2, 50, tzinfo=berlin, fold=0)
    until = datetime(2026, 10, 25, 2, 10, tzinfo=berlin, fold=1)
    write(store, one_of_each(1, near(since, 5 * MINUTE)))
    assert analyse(store, since, until, now=NOW).activity.events == 4

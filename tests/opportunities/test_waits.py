"""What a limit cost, from logs whose queue is known."""

import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.opportunities.waits import LimitPressure, floors, pressures, unit_values
from grace.statistics.evidence import Gate, weigh
from grace.store import open_store
from grace.store.read import newest

WORKS = [2.0] * 6


def only(frame: pd.DataFrame, now: datetime | None = None, **cut: datetime) -> LimitPressure:
    (pressure,) = pressures(frame, now, **cut)
    return pressure


def test_excess_is_the_wait_above_what_unhindered_runs_wait(log) -> None:
    """Six tasks of 2 s behind 2 slots wait 0, 0, 2, 2, 4, 4 s; the half second before is floor."""
    end = log.burst("a", 100, WORKS, slots=2, overhead=0.5)
    pressure = only(log.frame())
    assert (pressure.key, pressure.level, pressure.limit) == ("tag:pages", "task_run", 2)
    assert pressure.floor_seconds == pytest.approx(0.5)
    assert pressure.values == (pytest.approx(2.0),)
    assert pressure.mean == pytest.approx(2.0)
    assert (pressure.runs, pressure.met) == (6, 4)
    assert pressure.times[0].timestamp() == pytest.approx(
        log.frame()["completed_at"].max().timestamp()
    )
    assert end == 106


def test_units_come_in_the_order_of_their_ends(log, start: datetime) -> None:
    """A long flow run that began first may end last."""
    log.burst("long", 0, [30.0, 30.0], slots=2)
    log.burst("short", 10, [1.0], slots=2)
    log.burst("late", 60, [1.0], slots=2)
    pressure = only(log.frame())
    assert pressure.unit_ids == ("short", "long", "late")
    assert list(pressure.times) == sorted(pressure.times)
    assert pressure.gap_seconds == pytest.approx((61 - 11) / 2)


def test_a_flow_run_under_way_is_no_unit_yet(log, start: datetime) -> None:
    """Its other tasks are still to come, and the longest wait is among them."""
    log.burst("a", 0, WORKS, slots=2)
    log.task("b", 20, 20, 21, pages=2)
    assert only(log.frame()).unit_ids == ("a",)
    log.flow("b", 19, 20, 40)
    assert only(log.frame()).unit_ids == ("a", "b")
    assert only(log.frame(), now=start + timedelta(seconds=30)).unit_ids == ("a",)


def test_a_flow_run_cut_by_the_window_is_no_unit(log, start: datetime) -> None:
    log.burst("cut", 0, WORKS, slots=2)
    log.burst("whole", 50, WORKS, slots=2)
    since = start + timedelta(seconds=3)
    frame = log.frame()
    assert only(frame[frame["completed_at"] >= since], since=since).unit_ids == ("whole",)


def test_only_what_was_queued_since_the_last_change_counts(log, start: datetime) -> None:
    """The limit was 4, then 8, and 4 again: what 4 did before belongs to another time."""
    for flow_run, begin, slots in [("a", 0, 4), ("b", 50, 8), ("c", 100, 4), ("d", 150, 4)]:
        log.burst(flow_run, begin, WORKS, slots=slots)
    pressure = only(log.frame())
    assert pressure.limit == 4
    assert pressure.unit_ids == ("c", "d")
    assert pressure.changed_at == start + timedelta(seconds=50)
    assert pressure.runs == 12


def test_a_flow_run_that_saw_two_limits_is_no_unit(log) -> None:
    log.burst("a", 0, WORKS, slots=2)
    log.task("b", 20, 20, 21, pages=2)
    log.task("b", 22, 22, 23, pages=3)
    log.flow("b", 19, 20, 24)
    log.burst("c", 30, WORKS, slots=3)
    assert only(log.frame()).unit_ids == ("c",)


def test_waiting_for_another_task_is_no_wait_for_a_slot(log) -> None:
    """Queued at 0 for the result of a task that ended at 9, it started at 9.5."""
    log.task("a", 0, 9.5, 10, ready=9, pages=1)
    log.flow("a", 0, 0, 11)
    (unit,) = unit_values(log.frame(), "tag:pages", floor_seconds=0.1)
    assert unit.value == pytest.approx(0.4)
    assert unit.queued == log.frame()["started_at"].iloc[0] - timedelta(seconds=0.5)


def test_a_run_that_never_started_waited_for_nothing(log) -> None:
    log.burst("a", 0, WORKS, slots=2)
    log.task("a", 0, None, 5, pages=2)
    assert only(log.frame()).runs == 6


def test_of_two_limits_on_one_run_only_the_full_one_is_met(log) -> None:
    for begin in (0, 1, 2):
        log.task("a", 0, begin, begin + 1, narrow=1, wide=50)
    log.flow("a", 0, 0, 3)
    met = {pressure.key: pressure.met for pressure in pressures(log.frame())}
    assert met == {"tag:narrow": 2, "tag:wide": 0}


def test_the_floor_of_flow_runs_is_their_worker_s(log) -> None:
    """Flow runs wait for the worker's poll, task runs do not, and a subflow waits for nobody."""
    for number in range(5):
        log.flow(f"f{number}", 100 * number, 100 * number + 7, 100 * number + 20)
        log.task(f"f{number}", 100 * number + 8, 100 * number + 8.1, 100 * number + 9)
        log.flow(f"s{number}", 100 * number, 100 * number, 100 * number + 1, parent="f0")
    assert floors(log.frame()) == {
        "pool/default": pytest.approx(7.0),
        "task runs": pytest.approx(0.1),
    }


def test_a_deployment_s_limit_is_weighed_by_its_flow_runs(log) -> None:
    """Three runs scheduled together behind a limit of 1: 6 s of poll are floor, the rest excess."""
    for number, started in enumerate((6, 16, 26)):
        log.flow(f"f{number}", 0, started, started + 10, x=1)
    pressure = only(log.frame())
    assert (pressure.key, pressure.level) == ("deployment:x", "flow_run")
    assert pressure.floor_seconds == 6
    assert pressure.values == (0.0, 10.0, 20.0)


def test_where_every_run_met_a_limit_the_floor_is_the_shortest_wait(log) -> None:
    """A run of another pool holds the one slot: of the wait in this pool, 4 s are not excess."""
    log.flow("holder", 0, 1, 14, executor="other/default", x=1)
    log.flow("f1", 10, 14, 20, x=1)
    log.flow("f2", 10, 20, 30, x=1)
    assert floors(log.frame()) == {"other/default": 1.0, "pool/default": 4.0}
    assert only(log.frame()).met == 2


def test_nothing_logged_is_no_pressure(log) -> None:
    log.burst("a", 0, WORKS, slots=2)
    nothing = log.frame().iloc[:0]
    assert (pressures(nothing), floors(nothing)) == ([], {})
    assert unit_values(nothing, "tag:pages", 0.0) == []


def test_a_limit_seen_only_in_flow_runs_under_way_has_no_mean(log) -> None:
    log.task("a", 0, 0, 1, pages=2)
    pressure = only(log.frame())
    assert (pressure.units, pressure.mean, pressure.gap_seconds) == (0, None, None)


def test_units_under_way_are_listed_without_an_end(log, start: datetime) -> None:
    """Those of the same flow whose first task still waits, too: their backlog lies in the way."""
    log.burst("a", 0, WORKS, slots=2)
    log.flow("b", 49, 50, None)
    log.task("c", 60, 60, 61, pages=2)
    log.flow("c", 59, 60, None)
    log.flow("other", 70, 71, None, name="another/flow")
    units = unit_values(log.frame(), "tag:pages", 0.0)
    assert [(unit.unit, unit.completed is None) for unit in units] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert units[1].queued == start + timedelta(seconds=49)
    assert all(math.isnan(unit.value) for unit in units[1:])
    assert [unit.limit for unit in units] == [2, None, 2]


task_runs = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 50),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=20,
)


@given(task_runs, st.floats(0, 5))
@settings(max_examples=40)
def test_unit_values_are_what_a_loop_over_the_runs_gives(log, made, floor: float) -> None:
    log.rows.clear()
    for flow_run, queued, wait, work, limit in made:
        log.task(flow_run, queued, queued + wait, queued + wait + work, pages=limit)
    for flow_run in "abc":
        log.flow(flow_run, 0, 0, 80)
    by_hand = {}
    for flow_run in {one[0] for one in made}:
        mine = [one for one in made if one[0] == flow_run]
        excess = [max(0.0, wait - floor) for _, _, wait, _, _ in mine]
        limits = {one[4] for one in mine}
        first = min(queued for _, queued, *_ in mine)
        last = max(queued + wait + work for _, queued, wait, work, _ in mine)
        limit = limits.pop() if len(limits) == 1 else None
        by_hand[flow_run] = (first, last, sum(excess) / len(excess), limit)
    units = unit_values(log.frame(), "tag:pages", floor)
    assert [unit.queued for unit in units] == sorted(unit.queued for unit in units)
    assert {unit.unit for unit in units} == set(by_hand)
    for unit in units:
        first, last, value, limit = by_hand[unit.unit]
        assert (unit.completed - unit.queued).total_seconds() == last - first
        assert unit.value == pytest.approx(value)
        assert unit.limit == limit


def test_the_numbers_are_what_the_gate_weighs(log, start: datetime) -> None:
    """60 units of 6 s excess cross a threshold of 2 s; the same runs unhindered never do."""
    for number in range(60):
        log.burst(f"bound-{number}", 60 * number, [4.0] * 8, slots=2)
    bound = only(log.frame())
    gate = Gate(threshold=2.0, kind="mean_above")
    now = start + timedelta(hours=2)
    shown = weigh(bound.times, bound.values, gate, now, origin=start)
    assert shown.crossed
    assert shown.mean == pytest.approx(bound.mean) == pytest.approx(6.0)
    log.rows.clear()
    for number in range(60):
        log.burst(f"free-{number}", 60 * number, [4.0] * 8, slots=8)
    free = only(log.frame())
    assert not weigh(free.times, free.values, gate, now, origin=start).crossed


def test_a_frame_from_the_store_is_read_as_it_is(log, tmp_path: Path, start: datetime) -> None:
    """Types of the database, columns of the database, newest revisions."""
    log.burst("a", 0, WORKS, slots=2, overhead=0.5)
    store = open_store(f"sqlite:///{tmp_path / 'grace.db'}")
    rows = [
        row | {"task_payload": json.loads(row["task_payload"]), "timestamp": start}
        for row in log.rows
    ]
    with store.writing(start) as writer:
        writer.append("parallel_process_logs", rows)
    frame = newest(store, "parallel_process_logs")
    assert pressures(frame) == pressures(log.frame())
    assert unit_values(frame, "tag:pages", 0.5) == unit_values(log.frame(), "tag:pages", 0.5)

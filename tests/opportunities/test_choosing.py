"""The limit that is chosen, against what the queue really does under it."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.opportunities import choosing
from grace.opportunities.choosing import choose_limit, predict, ruled_out
from grace.opportunities.queueing import Floats, replay
from grace.opportunities.waits import pressures

KEY = "tag:pages"
WORKS = [2.0] * 12


def excess(log) -> float:
    (pressure,) = (one for one in pressures(log.frame()) if one.key == KEY)
    return pressure.mean


def bursts(log, slots: int, works: list[float] = WORKS, flow_runs: int = 5) -> None:
    for number in range(flow_runs):
        log.burst(f"f{number}", 100 * number, works, slots=slots)


@given(
    st.lists(st.floats(0.5, 8), min_size=4, max_size=15),
    st.integers(1, 3),
    st.integers(1, 8),
)
@settings(max_examples=25)
def test_a_prediction_comes_true_where_execution_times_stay(log, works, now, then) -> None:
    """The same bursts are run behind another limit: the wait is the one that was predicted."""
    log.rows.clear()
    bursts(log, now, works)
    forecast = predict(log.frame(), KEY, then)
    assert forecast.limit_now == now
    assert forecast.now == pytest.approx(excess(log))
    log.rows.clear()
    bursts(log, then, works)
    assert forecast.then == pytest.approx(excess(log), abs=1e-4)


def test_a_queue_slower_than_the_ideal_is_predicted_by_its_own_measure(log) -> None:
    """Who finds Prefect's limit full asks again later: all waits are half as long again."""
    bursts(log, 2)
    ideal = excess(log)
    frame = log.frame()
    waited = frame["started_at"] - frame["queued_at"]
    is_task = frame["process_type"] == "task_run"
    for name in ("started_at", "completed_at"):
        frame[name] = frame[name].where(~is_task, frame[name] + 0.5 * waited)
    frame["completed_at"] = frame["completed_at"].where(
        is_task, frame["completed_at"] + timedelta(seconds=5)
    )
    forecast = predict(frame, KEY, 4)
    assert forecast.now == pytest.approx(1.5 * ideal)
    log.rows.clear()
    bursts(log, 4)
    assert forecast.then == pytest.approx(1.5 * excess(log))


def test_the_assumption_is_told(log) -> None:
    bursts(log, 2)
    how = predict(log.frame(), KEY, 8).how
    assert "Execution times are assumed to stay as they are" in how
    assert "60 runs" in how
    assert "8 slots instead of 2" in how


def test_the_smallest_limit_that_reaches_the_target_is_chosen(log) -> None:
    """Twelve tasks of 2 s wait 5 s behind 2 slots, 1 s behind 6, and more behind 5."""
    bursts(log, 2)
    choice = choose_limit(log.frame(), KEY, target_seconds=1.0)
    assert choice.limit == 6
    assert choice.forecast.now == pytest.approx(5.0)
    assert choice.predicted == pytest.approx(1.0)
    assert predict(log.frame(), KEY, 5).then > 1.0
    assert choice.reason == "6 is the smallest limit predicted to reach 1 s"


def test_no_limit_is_chosen_that_the_policy_forbids(log) -> None:
    """Behind 4 slots the mean wait is 2 s: nearer to the target nothing allowed comes."""
    bursts(log, 2)
    choice = choose_limit(log.frame(), KEY, 1.0, lambda slots: "not now" if slots > 4 else None)
    assert choice.limit == 4
    assert choice.predicted == pytest.approx(2.0)
    assert choice.reason == (
        "no limit up to 4 is predicted to reach 1 s; 4 is the smallest of those that come "
        "nearest, and the policy forbids more: not now"
    )


def test_where_the_policy_forbids_every_higher_limit_it_stays(log) -> None:
    bursts(log, 2)
    choice = choose_limit(log.frame(), KEY, 1.0, lambda _: "not theirs")
    assert (choice.limit, choice.predicted) == (2, pytest.approx(5.0))
    assert choice.reason == "the policy forbids any higher tag:pages: not theirs"


def test_no_step_is_larger_than_four_times(log) -> None:
    """Forty tasks behind one slot: the target is far, and the policy asked about few values."""
    bursts(log, 1, works=[2.0] * 40)
    tried: list[int] = []
    choice = choose_limit(log.frame(), KEY, 1.0, tried.append)
    assert choice.limit == max(tried) == 4
    assert choice.reason.startswith("no limit up to 4 is predicted to reach 1 s; 4 is")


def test_of_limits_that_do_as_well_the_smallest_is_chosen(log) -> None:
    """Three tasks need three slots, however many are allowed and however low the target."""
    bursts(log, 1, works=[2.0] * 3)
    assert choose_limit(log.frame(), KEY, target_seconds=0.0).limit == 3


def test_where_the_limit_does_not_explain_the_wait_it_stays(log) -> None:
    """One task after the other, each late for another reason: no queue, nothing to raise."""
    for number in range(20):
        begin = 100 * number
        late = 5 if number % 2 else 0
        log.task(f"f{number}", begin, begin + late, begin + late + 1, pages=2)
        log.flow(f"f{number}", begin, begin, begin + 10)
    choice = choose_limit(log.frame(), KEY)
    assert choice.limit == 2
    assert "the limit does not explain the wait" in choice.forecast.how
    assert choice.forecast.then == choice.forecast.now


def test_only_what_ran_since_the_last_change_is_played_again(log) -> None:
    log.burst("old", 0, WORKS, slots=1)
    for number in (1, 2):
        log.burst(f"new-{number}", 100 * number, WORKS, slots=3)
    forecast = predict(log.frame(), KEY, 12)
    assert forecast.limit_now == 3
    assert "24 runs" in forecast.how


def test_a_limit_nothing_ran_under_cannot_be_chosen(log) -> None:
    bursts(log, 2)
    with pytest.raises(BadInput, match="no run under tag:else"):
        choose_limit(log.frame(), "tag:else")


def test_a_limit_whose_units_have_not_ended_promises_nothing(log) -> None:
    log.task("a", 0, 0, 1, pages=2)
    choice = choose_limit(log.frame(), KEY)
    assert (choice.limit, choice.predicted) == (2, None)


def test_each_other_cause_is_ruled_out_by_its_own_figures(log) -> None:
    """A wide tag that nobody filled, the deployment's own limit, and the worker's poll of 7 s."""
    for number in range(5):
        begin = 100 * number
        log.burst(f"f{number}", begin, WORKS, slots=2, x=9)
        log.task(f"f{number}", begin + 1, begin + 1, begin + 2, wide=50)
        log.flow(f"other-{number}", begin, begin + 3, begin + 5, executor="else/where", y=1)
    assert ruled_out(log.frame(), KEY) == [
        "deployment:x (limit 9) does not bind: 0 of 5 flow runs met it.",
        "tag:wide (limit 50) does not bind: 0 of 5 task runs met it.",
        "Worker poll and start-up: flow runs of pool/default that met no limit waited "
        "7.0 s at the median, and no limit lowers that.",
    ]


def test_a_second_limit_that_binds_is_said_to_cost_less(log) -> None:
    bursts(log, 2)
    for started in (20, 21, 22):
        log.task("f0", 20, started, started + 1, side=1)
    side, none, _ = ruled_out(log.frame(), KEY)
    assert side == (
        "tag:side (limit 1): 2 of 3 task runs met it, at a mean excess wait of 1.00 s, "
        "against 5.00 s."
    )
    assert none == "No limit of a deployment, work queue or pool governs these flow runs."


@pytest.mark.slow
def test_a_limit_for_twenty_thousand_runs_is_chosen_by_few_replays(
    log, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So long a history is played again for each limit that is tried: of twelve higher ones the
    largest, then by halves; and once the present one."""
    replayed: list[int] = []

    def noted(queued: Floats, held: Floats, slots: int) -> Floats:
        replayed.append(slots)
        return replay(queued, held, slots)

    monkeypatch.setattr(choosing, "replay", noted)
    rng = np.random.default_rng(1)
    for number in range(1000):
        log.burst(f"f{number}", 200 * number, rng.uniform(1, 3, 20).tolist(), slots=4)
    choice = choose_limit(log.frame(), KEY)
    assert 4 < choice.limit <= 16
    assert choice.predicted <= 1.0
    assert len(replayed) == len(set(replayed)) <= 6
    assert choose_limit(log.frame(), KEY, now=start + timedelta(seconds=10_000)).limit > 4

"""What is said of figures: strengths, areas to improve, trends."""

import pytest

from grace.analysis.calibration import Calibration, report_calibration
from grace.analysis.headlines import Figure, FigureName
from grace.analysis.merging import Merged
from grace.analysis.rates import Interval
from grace.analysis.remarks import EXPECTED, areas_to_improve, strengths
from grace.analysis.trend import trends

NOTHING = report_calibration(Merged({}))


def figure(
    name: FigureName, value: float | None, interval: Interval | None = None, n: int = 100
) -> Figure:
    return Figure(name=name, value=value, interval=interval, n=n)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_threshold_that_is_just_met_is_a_strength(name: FigureName) -> None:
    """And what just misses it an area to improve, never both."""
    threshold = EXPECTED[name].threshold
    lower_is_better = name == "task_execution_seconds"
    met = (figure(name, threshold),)
    missed = (figure(name, threshold * (1.001 if lower_is_better else 0.999)),)
    assert [one.figure for one in strengths(met)] == [name]
    assert areas_to_improve(met, NOTHING) == ()
    assert strengths(missed) == ()
    assert [one.figure for one in areas_to_improve(missed, NOTHING)] == [name]


def test_sure_is_what_the_whole_interval_says() -> None:
    """An interval on both sides of the threshold is not sure, nor is none."""
    told = areas_to_improve(
        (
            figure("healing_success_rate", 0.7, (0.6, 0.8)),
            figure("task_success_rate", 0.9, (0.8, 0.97)),
            figure("task_execution_seconds", 9.0),
        ),
        NOTHING,
    )
    assert [one.sure for one in told] == [True, False, False]
    assert "70.0 %, expected at least 85.0 % (95 % 60.0 % to 80.0 %, n 100)" in told[0].text
    assert "9 s, expected at most 5 s (too few units for an interval" in told[2].text


def test_what_has_no_data_is_not_mentioned() -> None:
    """Nor is an execution rate of ten decisions, nor silence."""
    silent = (
        figure("healing_success_rate", None, n=0),
        figure("execution_rate", 0.1, n=10),
        figure("events_per_hour", 0.0, n=24),
    )
    assert (strengths(silent), areas_to_improve(silent, NOTHING)) == ((), ())
    assert areas_to_improve((figure("execution_rate", 0.1, n=11),), NOTHING)[0].n == 11


def test_confidence_that_is_not_earned_is_an_area() -> None:
    """With the calibration error, its interval and n; one that is earned is not mentioned."""
    unearned = Calibration.model_validate(
        NOTHING.model_dump()
        | {"standing": "overconfident", "error": 0.3, "error_interval": (0.1, 0.5), "n": 80}
    )
    (told,) = areas_to_improve((), unearned)
    assert "not earned" in told.text
    assert (told.value, told.interval, told.n) == (0.3, (0.1, 0.5), 80)


@pytest.mark.parametrize(
    ("name", "new", "old", "direction"),
    [
        ("healing_success_rate", (0.9, 0.88, 0.92), (0.8, 0.78, 0.82), "improving"),
        ("healing_success_rate", (0.7, 0.68, 0.72), (0.8, 0.78, 0.82), "worsening"),
        ("response_seconds", (9, 8.5, 9.5), (5, 4.5, 5.5), "worsening"),
        ("response_seconds", (3, 2.5, 3.5), (5, 4.5, 5.5), "improving"),
        ("ml_confidence", (0.8, 0.7, 0.9), (0.7, 0.6, 0.8), "no_clear_change"),
    ],
)
def test_a_trend_needs_a_difference_beyond_chance(
    name: FigureName,
    new: tuple[float, float, float],
    old: tuple[float, float, float],
    direction: str,
) -> None:
    """Its interval must exclude 0; which way is good depends on the figure."""
    ((told),) = trends((figure(name, new[0], new[1:]),), (figure(name, old[0], old[1:]),))
    assert told.difference == pytest.approx(new[0] - old[0])
    assert told.direction == direction


def test_without_intervals_there_is_no_direction() -> None:
    """The difference is told all the same, where there is one."""
    before = figure("ml_confidence", 0.5, (0.4, 0.6)), figure("execution_rate", None, n=0)
    now = figure("ml_confidence", 0.9), figure("execution_rate", 0.5, (0.4, 0.6))
    told = trends(now, before)
    assert [each.difference for each in told] == [pytest.approx(0.4), None]
    assert {each.direction for each in told} == {"insufficient_data"}

"""The promises of change points at small size; `python -m benchmarks.change_points` has them whole.

Null: the mean of a week of hours does not change. Error: a change is found; at most 1 % of series
with independent hours, 5 % with an AR(1) of 0.5 or a daily cycle. Of n = 300 series at a true rate
of 1 % more than 10, and of 5 % more than 28, have one less than once in a thousand seeds. The naive
method (the same penalty without the long-run variance, no cycle taken out) must fail at least
thrice the bar where hours are alike, or the series would prove nothing.
"""

import pytest
from scipy.stats import binom

from benchmarks.change_points import COURSES, LOCATED, false_changes, located

N = 300
BOUNDS = {bar: int(binom.ppf(0.999, N, bar)) for bar in (0.01, 0.05)}
PROMISED = [course for course in COURSES if course.false is not None]


def test_the_bounds_are_the_ones_stated():
    assert BOUNDS == {0.01: 10, 0.05: 28}


@pytest.mark.parametrize("course", PROMISED, ids=lambda course: course.name)
def test_without_a_change_none_is_found(course):
    found, naive = false_changes(course, N)
    assert found <= BOUNDS[course.false]
    if course.false == 0.05:
        assert naive > 3 * 0.05 * N


@pytest.mark.parametrize(
    "course", [each for each in COURSES if each.located], ids=lambda course: course.name
)
def test_a_shift_of_two_standard_deviations_is_located(course):
    """Within ten hours in 95 % of series; fewer than 274 of 300 come once in a thousand seeds."""
    hit, _ = located(course, N)
    assert hit >= binom.ppf(0.001, N, LOCATED)

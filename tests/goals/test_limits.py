"""What no test can tell of three noisy days, so that nobody looks for a detector that does."""

import numpy as np

from benchmarks.goal_limits import found_within_three_days

MONTHS = 4000


def test_two_hundred_attempts_a_day_cannot_show_a_drop_surely_and_four_hundred_can() -> None:
    """With 5 % of months alarmed in vain; the level known exactly helps less than more attempts."""
    rng = np.random.default_rng(7)

    def found(attempts: int, *, exact: bool) -> float:
        return found_within_three_days(rng, attempts, -1, exact=exact, months=MONTHS)

    assert found(200, exact=False) < found(200, exact=True) < 0.9
    assert found(400, exact=False) > 0.95

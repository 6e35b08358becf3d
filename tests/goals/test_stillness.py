"""Noise does not flip a status, and a true shift shows within three days.

Null: the true value of a share measured on 400 attempts a day lies on the target for a month.
Error: more than one change of status in it. The naive rule, which tells each day what the last
seven days say, fails. Full size: `python -m benchmarks.goals`.
"""

import numpy as np
import pytest

from benchmarks.goals import SEED, hovering, shift_shows

MONTHS, SHIFTS = 10, 7


def test_a_goal_that_hovers_at_its_threshold_hardly_ever_changes() -> None:
    """Of 10 months at most 1 with two changes (at 5 %, 2 or more come in 9 % of such tests)."""
    rng = np.random.default_rng(SEED)
    changes = [hovering(rng, 400, keeps=True).changes for _ in range(MONTHS)]
    assert sum(told > 1 for told, _ in changes) <= 1
    assert sum(naive > 1 for _, naive in changes) >= 0.8 * MONTHS


@pytest.mark.parametrize("way", [-1, 1])
def test_a_shift_by_five_points_shows_within_three_days(way: int) -> None:
    rng = np.random.default_rng(SEED)
    tried = [shift_shows(rng, 400, way, keeps=way < 0) for _ in range(SHIFTS)]
    moved = [shown for one in tried if one is not None for shown in one[:1]]
    assert len(moved) >= 3
    assert np.mean(moved) >= 0.8

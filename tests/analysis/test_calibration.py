"""Whether stated confidence is earned, and that it is not denied where it is."""

import numpy as np
import pandas as pd
import pytest

from grace.analysis.calibration import Calibration, report_calibration
from grace.analysis.learning import LEARNING
from grace.analysis.merging import merge_hours
from grace.analysis.rules import Rules

RULES = Rules()


def calibration(stated: list[float | None], came: list[bool], units: list[int]) -> Calibration:
    frame = pd.DataFrame(
        {
            "hour": 0,
            "unit": units,
            "about": [{}] * len(units),
            "source": "logger",
            "learning_type": "prediction",
            "prediction_correct": came,
            "recommendation_confidence": None,
            "pattern_confidence": None,
            "predicted_likelihood": stated,
        }
    )
    return report_calibration(merge_hours(LEARNING.observe(frame, RULES)))


def drawn(rng: np.random.Generator, shift: float, stretch: float) -> Calibration:
    """200 predictions in 40 units that go together (ICC 0.2) around what is really likely."""
    likely = np.clip(rng.beta(2, 2, (40, 1)), 0.02, 0.98)
    came = rng.random((40, 5)) < rng.beta(4 * likely, 4 * (1 - likely))
    stated = np.clip(0.5 + (likely - 0.5) * stretch + shift, 0, 1).repeat(5, axis=1)
    units = np.repeat(np.arange(40), 5).tolist()
    return calibration(stated.ravel().tolist(), came.ravel().tolist(), units)


def test_what_is_earned_is_seldom_denied() -> None:
    """Null: what is stated is what is likely. At most 5 % of 300 windows say otherwise."""
    rng = np.random.default_rng(11)
    found = [drawn(rng, 0.0, 1.0) for _ in range(300)]
    wrong = sum(each.standing != "no_error_shown" for each in found)
    assert wrong / 300 <= 0.05
    limits = [each.error_interval for each in found if each.error_interval is not None]
    assert len(limits) == 300
    assert sum(low > 0 for low, _ in limits) / 300 <= 0.05


@pytest.mark.parametrize(
    ("shift", "stretch", "standing"),
    [(0.25, 1.0, "overconfident"), (-0.25, 1.0, "underconfident"), (0.0, 3.0, "miscalibrated")],
)
def test_what_is_not_earned_is_told(shift: float, stretch: float, standing: str) -> None:
    """Too much, too little, or too certain both ways: in at least 90 % of 50 windows."""
    rng = np.random.default_rng(12)
    found = [drawn(rng, shift, stretch) for _ in range(50)]
    assert sum(each.standing == standing for each in found) >= 45


def test_the_figures_of_a_small_case() -> None:
    """Four predictions at 0.9 of which one came true, in two units."""
    found = calibration([0.9] * 4, [True, False, False, False], [1, 1, 2, 2])
    assert found.brier.value == pytest.approx((0.01 + 3 * 0.81) / 4)
    assert found.error == pytest.approx(0.65)
    assert found.gap.value == pytest.approx(0.65)
    assert [(one.low, one.high, one.stated) for one in found.bins] == [(0.9, 1.0, 0.9)]


def test_confidence_that_is_wrong_everywhere_alike() -> None:
    """Units that do not differ have no spread, but how often it came true has a limit."""
    found = calibration([0.95] * 30, [False] * 30, [n // 3 for n in range(30)])
    assert found.gap.interval is None
    assert found.standing == "overconfident"


def test_one_unit_tells_nothing() -> None:
    """Ten predictions of one flow run."""
    found = calibration([0.95] * 10, [False] * 10, [1] * 10)
    assert (found.standing, found.error_interval) == ("insufficient_data", None)
    assert found.error == pytest.approx(0.95)


def test_numbers_that_are_no_probability_are_counted_apart() -> None:
    """And so are predictions that state none."""
    found = calibration([0.5, 1.5, None, 0.5], [True] * 4, [1, 2, 3, 4])
    assert (found.n, found.unusable, found.unstated) == (2, 1, 1)

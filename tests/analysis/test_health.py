"""The health score and what it is made of."""

import pytest

from grace.analysis.health import health
from grace.analysis.rates import Interval, Mean, Rate

NO_RATE = Rate(value=None, interval=None, n=0, hits=0, units=0)
NO_MEAN = Mean(value=None, interval=None, n=0, units=0)


def rate(value: float, interval: Interval | None = None) -> Rate:
    return Rate(value=value, interval=interval, n=100, hits=round(100 * value), units=10)


def mean(value: float, interval: Interval | None = None) -> Mean:
    return Mean(value=value, interval=interval, n=100, units=10)


def test_the_weights() -> None:
    """40 healing, 30 confidence, 30 activity of ten decisions."""
    assert health(rate(0.5), mean(0.8), 5).score == pytest.approx(20 + 24 + 15)
    assert health(rate(1.0), mean(1.0), 400).score == pytest.approx(100)


@pytest.mark.parametrize(
    ("healing", "confidence", "decisions", "score"),
    [
        (rate(0.5), NO_MEAN, 0, 50),
        (NO_RATE, mean(0.8), 0, 80),
        (NO_RATE, NO_MEAN, 4, 40),
        (rate(0.5), mean(0.8), 0, (20 + 24) / 0.7),
        (rate(0.0), NO_MEAN, 10, 30 / 0.7),
    ],
)
def test_a_part_without_data_is_left_out(
    healing: Rate, confidence: Mean, decisions: float, score: float
) -> None:
    """The weights of the others are renormalised, and say so."""
    found = health(healing, confidence, decisions)
    assert found.score == pytest.approx(score)
    assert sum(part.weight for part in found.parts) == pytest.approx(100)
    assert all((part.weight == 0) == (part.value is None) for part in found.parts)


def test_nothing_at_all_is_no_score() -> None:
    """Neither 0 nor 100, and no grade."""
    found = health(NO_RATE, NO_MEAN, 0)
    assert (found.standing, found.score, found.grade) == ("insufficient_data", None, None)
    assert found.interval is None


@pytest.mark.parametrize(
    ("share", "grade"),
    [
        (1, "A"),
        (0.9, "A"),
        (0.899, "B"),
        (0.8, "B"),
        (0.7, "C"),
        (0.6, "D"),
        (0.599, "F"),
        (0, "F"),
    ],
)
def test_grades(share: float, grade: str) -> None:
    """A border belongs to the better grade, however the sum was rounded."""
    assert health(rate(share), mean(share), 10 * share).grade == grade


def test_the_interval() -> None:
    """All parts low, all parts high; none where a part that counts has none."""
    found = health(rate(0.8, (0.7, 0.9)), mean(0.5, (0.4, 0.7)), 10)
    assert found.interval == pytest.approx((28 + 12 + 30, 36 + 21 + 30))
    assert health(rate(0.8, (0.7, 0.9)), mean(0.5), 10).interval is None
    assert health(NO_RATE, mean(0.5, (0.4, 0.7)), 0).interval == pytest.approx((40, 70))

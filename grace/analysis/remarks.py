"""Strengths and areas to improve: the figures held against what is expected of them."""

from dataclasses import dataclass

from grace.analysis.calibration import Calibration
from grace.analysis.headlines import HIGHER, Figure, FigureName
from grace.analysis.rates import Interval, Record
from grace.analysis.wording import NAMES, amount, interval_words

__all__ = ["EXPECTED", "Remark", "areas_to_improve", "strengths"]


@dataclass(frozen=True)
class _Expected:
    """Nothing is said of a figure before it has `more_than` values."""

    threshold: float
    more_than: int = 0


EXPECTED: dict[FigureName, _Expected] = {
    "healing_success_rate": _Expected(0.85),
    "ml_confidence": _Expected(0.75),
    "execution_rate": _Expected(0.80, more_than=10),
    "task_success_rate": _Expected(0.95),
    "task_execution_seconds": _Expected(5.0),
    "events_per_hour": _Expected(10.0),
}
UNEARNED = {
    "overconfident": "stated confidence is not earned: more was stated than came true",
    "underconfident": "stated confidence is too low: more came true than was stated",
    "miscalibrated": "stated confidence does not fit what came true",
}


class Remark(Record):
    """`sure` where the whole interval lies on the value's side of the threshold."""

    figure: str
    text: str
    value: float
    threshold: float
    interval: Interval | None
    n: int
    sure: bool


def strengths(figures: tuple[Figure, ...]) -> tuple[Remark, ...]:
    """What meets its threshold; of a figure without data, or of silence, nothing is said."""
    return tuple(remark for is_met, remark in _held_against(figures) if is_met)


def areas_to_improve(figures: tuple[Figure, ...], calibration: Calibration) -> tuple[Remark, ...]:
    """What misses its threshold, and confidence that is surely not earned."""
    missed = [remark for is_met, remark in _held_against(figures) if not is_met]
    return (*missed, *_unearned(calibration))


def _held_against(figures: tuple[Figure, ...]) -> list[tuple[bool, Remark]]:
    known = [(figure, EXPECTED[figure.name]) for figure in figures if figure.name in EXPECTED]
    return [
        (
            _is_met(figure.name, figure.value, expected.threshold),
            _remark(figure, figure.value, expected),
        )
        for figure, expected in known
        if figure.value and figure.n > expected.more_than
    ]


def _is_met(name: FigureName, value: float, threshold: float) -> bool:
    return value >= threshold if name in HIGHER else value <= threshold


def _remark(figure: Figure, value: float, expected: _Expected) -> Remark:
    sides = [_is_met(figure.name, end, expected.threshold) for end in figure.interval or ()]
    side = _is_met(figure.name, value, expected.threshold)
    least = "at least" if figure.name in HIGHER else "at most"
    words = f"{NAMES[figure.name]} {amount(figure.name, value)}"
    return Remark(
        figure=figure.name,
        text=f"{words}, expected {least} {amount(figure.name, expected.threshold)} "
        f"({interval_words(figure.name, figure.interval)}, n {figure.n})",
        value=value,
        threshold=expected.threshold,
        interval=figure.interval,
        n=figure.n,
        sure=bool(sides) and all(one == side for one in sides),
    )


def _unearned(calibration: Calibration) -> list[Remark]:
    words = UNEARNED.get(calibration.standing)
    if words is None or calibration.error is None:
        return []
    limits = interval_words("ml_confidence", calibration.error_interval)
    error = amount("ml_confidence", calibration.error)
    return [
        Remark(
            figure="calibration_error",
            text=f"{words} (calibration error {error}, {limits}, n {calibration.n})",
            value=calibration.error,
            threshold=0.0,
            interval=calibration.error_interval,
            n=calibration.n,
            sure=True,
        )
    ]

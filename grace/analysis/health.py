"""The health score: 0 to 100 from healing, learning and activity, as far as there are data."""

from typing import Literal, TypeAlias

from grace.analysis.rates import Interval, Mean, Rate, Record

__all__ = ["Grade", "Health", "HealthPart", "health"]

Grade: TypeAlias = Literal["A", "B", "C", "D", "F"]

HEALING, CONFIDENCE, ACTIVITY = 40, 30, 30
FULL_ACTIVITY = 10  # decisions in the window
GRADES: tuple[tuple[float, Grade], ...] = ((0.9, "A"), (0.8, "B"), (0.7, "C"), (0.6, "D"))


class HealthPart(Record):
    """`value` from 0 to 1; `weight` in percent of the parts that have data, 0 without data."""

    name: str
    value: float | None
    interval: Interval | None
    n: int
    weight: float


class Health(Record):
    """`interval` is that of all parts at their lower and at their upper ends at once.

    So it holds whether or not the parts go together. Activity is a count and certain.
    """

    standing: Literal["scored", "insufficient_data"]
    score: float | None
    interval: Interval | None
    grade: Grade | None
    parts: tuple[HealthPart, ...]


def health(healing: Rate, confidence: Mean, decisions: float) -> Health:
    """A part without data is left out; no decision at all is no data, not an activity of 0."""
    active = min(1.0, decisions / FULL_ACTIVITY) if decisions else None
    certain = None if active is None else (active, active)
    measured = (
        ("healing success rate", HEALING, healing.value, healing.interval, healing.n),
        ("ML confidence", CONFIDENCE, confidence.value, confidence.interval, confidence.n),
        ("activity", ACTIVITY, active, certain, round(decisions)),
    )
    whole = sum(weight for _, weight, value, *_ in measured if value is not None)
    parts = tuple(
        HealthPart(
            name=name,
            value=value,
            interval=interval,
            n=n,
            weight=0.0 if value is None else 100 * weight / whole,
        )
        for name, weight, value, interval, n in measured
    )
    return _scored(parts, [part for part in parts if part.value is not None])


def _scored(parts: tuple[HealthPart, ...], known: list[HealthPart]) -> Health:
    if not known:
        return Health(
            standing="insufficient_data", score=None, interval=None, grade=None, parts=parts
        )
    score = sum(part.weight * part.value for part in known if part.value is not None)
    ends = [(part.weight, part.interval) for part in known if part.interval is not None]
    low, high = (sum(weight * interval[end] for weight, interval in ends) for end in (0, 1))
    return Health(
        standing="scored",
        score=score,
        interval=(low, high) if len(ends) == len(known) else None,
        grade=_grade(score / 100),
        parts=parts,
    )


def _grade(share: float) -> Grade:
    # a sum of weighted parts that is 0.9 on paper may be a rounding below it
    return next((grade for least, grade in GRADES if share >= least - 1e-12), "F")

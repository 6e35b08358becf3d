"""What is known of a goal in plain words: the value, what is lacking, how it will end, and why."""

from collections.abc import Iterator

from grace.goals.evaluating import Blocker, Evaluated
from grace.goals.history import WINDOW_DAYS
from grace.goals.metrics import Metric

__all__ = ["chance", "explain", "target_words", "value_words"]


def explain(found: Evaluated) -> str:
    """Sentences that are each true by themselves."""
    return " ".join(_sentences(found))


def chance(p: float | None) -> str:
    """A chance is never told as certain."""
    if p is None:
        return "-"
    return "below 1 %" if p < 0.01 else "above 99 %" if p > 0.99 else f"{100 * p:.0f} %"


def target_words(metric: Metric, target: float, direction: str) -> str:
    return f"{'at least' if direction == 'higher' else 'at most'} {metric.show(target)}"


def value_words(found: Evaluated) -> str:
    """The value with its interval and n, as one part of a sentence."""
    seen = found.seen
    show = seen.metric.show
    if seen.value is None:
        return "unknown"
    if seen.metric.counted:
        return show(seen.value)
    ends = seen.interval
    limits = "no interval" if ends is None else f"95 % {show(ends[0])} to {show(ends[1])}"
    return f"{show(seen.value)} ({limits}, n {seen.n})"


def _sentences(found: Evaluated) -> Iterator[str]:
    if found.status == "insufficient_data":
        yield _unknown(found)
    else:
        yield _value(found)
        if found.ends is None:
            yield _outlook(found)
    if found.ends is not None:
        yield _end(found)
    elif found.shift is not None and found.shifted_on is not None:
        way = "better" if found.shift.shifted * found.goal.sign > 0 else "worse"
        yield (
            f"Since {found.shifted_on} the days are surely {way}: "
            f"{found.seen.metric.show(found.shift.level)} on average."
        )
    if found.ends is None:
        yield from map(_blocked, found.blockers)


def _unknown(found: Evaluated) -> str:
    metric, known = found.seen.metric, found.seen.daily.dropna()
    if known.empty:
        return f"{_label(metric)}: nothing is known yet."
    if found.seen.value is None:
        last = known.index[-1].date()
        return (
            f"{_label(metric)}: nothing is known of the last {WINDOW_DAYS} days; the last value, "
            f"{metric.show(float(known.iloc[-1]))}, is of {last}."
        )
    return (
        f"{_label(metric)}: {metric.show(found.seen.value)} over the last {WINDOW_DAYS} days rests "
        f"on {found.seen.n} values only, too few to judge by."
    )


def _value(found: Evaluated) -> str:
    goal, seen = found.goal, found.seen
    assert seen.value is not None  # else there were insufficient data
    over = "" if seen.metric.counted else f" over the last {WINDOW_DAYS} days"
    begun = f"{_label(seen.metric)}: {value_words(found)}{over}"
    target = target_words(seen.metric, goal.target, goal.direction)
    if goal.reached(seen.value):
        return f"{begun}, within its target of {target}."
    off = seen.metric.show(abs(goal.target - seen.value))
    points = off.replace(" %", " points") if seen.metric.unit == "share" else off
    return f"{begun}, {points} short of its target of {target}."


def _outlook(found: Evaluated) -> str:
    ahead, show = found.ahead, found.seen.metric.show
    by = found.goal.deadline.date()
    if ahead is None:
        pace = (
            "" if found.due is None else f"; at an even pace it should be at {show(found.due)} now"
        )
        return f"It is too early to say how it will stand on {by}{pace}."
    said = (
        f"On {by} it will be about {show(ahead.value)} (80 % {show(ahead.low)} to "
        f"{show(ahead.high)}"
    )
    if found.p_own is None:
        return f"{said}); after 28 days with values there is a chance to tell."
    return f"{said}), and the target is met with a chance of {chance(found.p_own)}."


def _end(found: Evaluated) -> str:
    if found.ends == "met":
        how = "kept until the deadline" if found.goal.keeps else "reached"
        return f"The target is {how}: the goal is met."
    without = "" if found.seen.value is not None else " without data, which is no success"
    return f"The deadline has passed{without}: the goal is missed."


def _blocked(blocker: Blocker) -> str:
    goal = blocker.goal
    if goal.status == "missed":
        return (
            f"It is blocked by {goal.title!r}, which was missed; where that no longer matters, "
            "`grace goals depend --lift` says so."
        )
    if blocker.p_met is None:
        return f"It is blocked by {goal.title!r}, whose chance is not known yet."
    return f"It is blocked by {goal.title!r}: its chance is at most {chance(blocker.p_met)}."


def _label(metric: Metric) -> str:
    """As a sentence begins; the name of a KPI stays as it is."""
    return metric.label if metric.kpi else f"{metric.label[0].upper()}{metric.label[1:]}"

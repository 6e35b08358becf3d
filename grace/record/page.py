"""The record in words: the lines beside a proposal, and the tables of `grace record`."""

from collections.abc import Callable, Iterator, Mapping

from grace.analysis.rates import Interval
from grace.analysis.tables import Table
from grace.analysis.wording import percent
from grace.brief import duration
from grace.measurement.metrics import metric
from grace.record.figures import Average, Share
from grace.record.placebo import Placebo
from grace.record.record import Accuracy, ActionType, Record

__all__ = ["beside", "tables"]

Shown = Callable[[float], str]

BECAME = ("kind", "lever", "proposed", "approved", "applied", "kept", "undone", "measured")
COMPARED = ("metric", "lever", "n", "predicted", "measured", "bias", "absolute error", "covered")
NOTHING = ("kind", "lever", "windows", "judged", "improved", "regressed", "promised")


def beside(record: Record, metric_name: str) -> list[str]:
    """Sentences for whoever is to answer, each true by itself."""
    if record.measured == 0:
        return [_none_measured(record)]
    show = metric(metric_name).show_change
    return [_became(record), _compared(record.accuracy, show), _placebo(record.placebo)]


def tables(found: Mapping[ActionType, Record]) -> Iterator[Table]:
    """What became of the proposals; predicted against measured; and the placebo windows."""
    named = [((each.kind, each.lever), record) for each, record in found.items()]
    yield Table("What became of them", BECAME, tuple((*n, *_counts(r)) for n, r in named))
    yield Table(
        "Predicted against measured, with 95 % intervals",
        COMPARED,
        tuple((each.metric, each.lever, *_figures(each, r)) for each, r in found.items()),
    )
    yield Table(
        "Judged where nothing was changed",
        NOTHING,
        tuple((*n, *_windows(record.placebo)) for n, record in named),
    )


def _counts(record: Record) -> tuple[str, ...]:
    counted = (record.proposed, record.approved, record.applied, record.kept, record.undone)
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in record.verdicts.items())
    return (*map(str, counted), f"{record.measured}{f': {verdicts}' if verdicts else ''}")


def _figures(each: ActionType, record: Record) -> tuple[str, ...]:
    accuracy, show = record.accuracy, metric(each.metric).show_change
    averages = (accuracy.predicted, accuracy.measured)
    return (
        str(accuracy.bias.n),
        *("-" if mean.value is None else show(mean.value) for mean in averages),
        _average(accuracy.bias, show),
        _average(accuracy.absolute_error, lambda value: show(value).lstrip("+")),
        _share(accuracy.covered),
    )


def _windows(placebo: Placebo) -> tuple[str, ...]:
    return (
        str(placebo.windows),
        str(placebo.improved.n),
        _share(placebo.improved),
        _share(placebo.regressed),
        "-" if placebo.promised is None else f"{100 * placebo.promised:.0f} % together",
    )


def _none_measured(record: Record) -> str:
    if record.applied == 0:
        return "There is no record to go by: no change of this lever was applied before."
    return (
        f"There is no record to go by: of {record.applied} changes of this lever that were applied "
        "none was measured to the end."
    )


def _became(record: Record) -> str:
    improved, harmed = record.improved, record.regressed.hits
    did_harm = f", {harmed} did harm" if harmed else ""
    besides = f"; {record.unmeasured} more came to no measurement" if record.unmeasured else ""
    changes = "changes" if improved.n > 1 else "change"
    return (
        f"{improved.hits} of {improved.n} measured {changes} of this lever improved"
        f"{_interval(improved.interval, percent)}{did_harm}{besides}."
    )


def _compared(accuracy: Accuracy, show: Shown) -> str:
    predicted, measured, covered = accuracy.predicted, accuracy.measured, accuracy.covered
    if predicted.value is None or measured.value is None:
        return "None of them came with a prediction that could be compared with what was measured."
    held = (
        f" The measured interval held the prediction in {covered.hits} of {covered.n}."
        if covered.n
        else " No measured interval was closed, so none could hold the prediction or miss it."
    )
    mean = " on average" if measured.n > 1 else ""
    return (
        f"Predicted {show(predicted.value)}, measured {show(measured.value)}{mean} "
        f"(n {measured.n}; bias {_average(accuracy.bias, show)}).{held}"
    )


def _placebo(placebo: Placebo) -> str:
    if placebo.changes == 0:
        return "False verdicts: not known, as no design measured any of them."
    if placebo.designs == ("arms",):
        return _reassigned(placebo)
    if placebo.windows == 0:
        long = "" if placebo.window_seconds is None else f" of {duration(placebo.window_seconds)}"
        return f"False verdicts: not known, as the log holds no stretch{long} without a change."
    false, harmed = placebo.improved, placebo.regressed
    if false.n == 0:
        return (
            f"False verdicts: not known, as none of {placebo.windows} stretches without a change "
            "held enough runs to judge."
        )
    promised = (
        "" if placebo.promised is None else f"; at most {100 * placebo.promised:.0f} % is promised"
    )
    return (
        f"False verdicts: judged where nothing was changed, {false.hits} of {false.n} stretches "
        f"came out improved{_interval(false.interval, percent)} and {harmed.hits} "
        f"regressed{promised}."
    )


def _reassigned(placebo: Placebo) -> str:
    false, harmed = placebo.improved, placebo.regressed
    if false.n == 0:
        return "False verdicts: not known, as too few runs lie in a stretch without a change."
    long = duration(placebo.window_seconds or 0)
    return (
        f"False verdicts: the runs of {long} without a change were assigned anew {false.n} times; "
        f"{false.hits} came out improved{_interval(false.interval, percent)} and {harmed.hits} "
        f"regressed; at most {100 * (placebo.promised or 0):.0f} % is promised."
    )


def _share(found: Share) -> str:
    return f"{found.hits} of {found.n}{_interval(found.interval, percent)}" if found.n else "-"


def _average(found: Average, show: Shown) -> str:
    return "-" if found.value is None else f"{show(found.value)}{_interval(found.interval, show)}"


def _interval(interval: Interval | None, show: Shown) -> str:
    return "" if interval is None else f" (95 % {show(interval[0])} to {show(interval[1])})"

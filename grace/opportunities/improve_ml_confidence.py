"""The opportunity `improve_ml_confidence`: a model is not sure enough, or surer than it has earned.

Three streams a model, each with the flow run or else the hour as the unit of evidence:

- its mean confidence is below 75 %;
- its stated confidence is more than a margin of 5 points above what comes true (overconfidence),
- or more than 5 points below it (underconfidence).

A gap d in [-1, 1] is mapped to (1 + d) / 2 in [0, 1], or (1 - d) / 2 for the other side, so that
the same betting gate holds it against (1 + margin) / 2 (Waudby-Smith & Ramdas, Estimating means of
bounded random variables by betting, JRSS B 86:1, 2024).

What is proposed is named in `governance.toml`: to run a deployment that trains the model again; or,
where only a threshold is named, to act on surer predictions if it is overconfident, and on less
sure ones if it is underconfident.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from grace.errors import BadInput, Unreachable
from grace.governance.change import Change
from grace.governance.learning import Learning
from grace.governance.proposal import Prediction
from grace.levers import Lever
from grace.measurement.blocks import Unit
from grace.measurement.metrics import MetricName
from grace.opportunities.confidences import UNNAMED, ModelLog
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.grouping import gap_seconds, name_of
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.statistics.evidence import Gate

__all__ = [
    "CALIBRATION_GATE",
    "CONFIDENCE",
    "GATE",
    "KIND",
    "MARGIN",
    "METRICS",
    "RUN",
    "Means",
    "case_for",
    "streams_of",
    "units_of",
]

KIND: Literal["improve_ml_confidence"] = "improve_ml_confidence"
RUN, VARIABLE = "run-deployment", "prefect-variable"
CONFIDENCE: MetricName = "mean confidence"
OVER: MetricName = "overconfidence"
UNDER: MetricName = "underconfidence"
METRICS = (CONFIDENCE, OVER, UNDER)
TARGET = 0.8
MARGIN = 0.05
GATE = Gate(threshold=0.75, kind="rate_below")
CALIBRATION_GATE = Gate(threshold=(1 + MARGIN) / 2, kind="mean_above")
PLACES = 6  # decimals of a threshold: 0.7 and a step of 0.05 are 0.75


@dataclass(frozen=True)
class Means:
    """What may be turned, and how it stands.

    `lever` finds one by its name; `against` says of a target what stands against a proposal for it.
    `last_run` tells how the last retraining that Grace started stands, `is_running` that it is not
    over yet.
    """

    learning: Learning
    lever: Callable[[str], Lever]
    against: Callable[[str], tuple[Standing, str] | None]
    last_run: str | None = None
    is_running: bool = False


def units_of(model: ModelLog, metric: str) -> list[Unit]:
    """The model's units in the metric's own terms."""
    if metric == CONFIDENCE:
        return list(model.confidences)
    sign = 1 if metric == OVER else -1
    return [
        Unit(unit.queued, unit.completed, min(max((1 + sign * unit.value) / 2, 0.0), 1.0))
        for unit in model.gaps
    ]


def streams_of(model: ModelLog, origin: datetime) -> list[Stream]:
    """What is looked at: calibration only where outcomes are known."""
    return [
        Stream(
            kind=KIND,
            target=f"model:{model.name}",
            metric=metric,
            unit=name_of(units),
            gate=GATE if metric == CONFIDENCE else CALIBRATION_GATE,
            origin=origin,
            times=[each.completed for each in units if each.completed],
            values=[each.value for each in units],
        )
        for metric in METRICS
        if (units := units_of(model, metric))
    ]


def case_for(seen: Seen, model: ModelLog, means: Means, ledger_size: int) -> Case | Finding:
    """The case for training the model again or for moving the threshold, or why there is none."""
    named = means.learning
    try:
        if named.retrain is not None:
            return _retraining(seen, model, means, named.retrain, ledger_size)
        if named.threshold_variable is not None and seen.stream.metric != CONFIDENCE:
            return _threshold(seen, model, means, named.threshold_variable, ledger_size)
    except Unreachable:
        raise
    except BadInput as problem:
        return finding_for(seen, "held back", f"what governance.toml names fails: {problem}")
    return finding_for(seen, "held back", _unnamed(seen))


def _retraining(
    seen: Seen, model: ModelLog, means: Means, deployment: str, ledger_size: int
) -> Case | Finding:
    target = f"run:{deployment}"
    if against := means.against(target):
        return finding_for(seen, *against)
    if means.is_running:
        return finding_for(seen, "held back", f"the last retraining, {means.last_run}, goes on")
    named = means.learning.model_parameter
    parameters: dict[str, JsonValue] = {named: model.name} if named else {}
    assert seen.weighed.window is not None
    key = f"{seen.weighed.window[1]:%Y%m%dT%H%M%SZ}-{ledger_size}"
    value: JsonValue = {"key": key, "parameters": parameters}
    lever = means.lever(RUN)
    before = lever.read(target)
    lever.check(target, value)
    return _case(
        seen,
        model,
        means,
        ledger_size,
        title=f"Train {_told(model)} again by {deployment}",
        change=Change(lever=RUN, target=target, before=before, after=value),
        how=(
            "Nobody knows what training brings, and it cannot be taken back to compare. The "
            "evidence begins anew when the run is over, and says by itself whether this was enough."
        ),
        subject=None,
    )


def _threshold(
    seen: Seen, model: ModelLog, means: Means, variable: str, ledger_size: int
) -> Case | Finding:
    target = f"variable:{variable}"
    if against := means.against(target):
        return finding_for(seen, *against)
    now = means.lever(VARIABLE).read(target)
    if isinstance(now, bool) or not isinstance(now, int | float):
        return finding_for(
            seen, "held back", f"the threshold {target} is {now!r}; set it to a number first"
        )
    value = _moved(now, means.learning, upwards=seen.stream.metric == OVER)
    if value is None:
        return finding_for(seen, "held back", f"{target} is {now:g}, at its bound in [learning]")
    return _case(
        seen,
        model,
        means,
        ledger_size,
        title=f"{'Raise' if value > now else 'Lower'} {target} from {now:g} to {value:g}",
        change=Change(lever=VARIABLE, target=target, before=now, after=value),
        how=(
            "The measurement will tell. A threshold changes which predictions are acted on, and "
            "with them what is logged, not what the model says."
        ),
        subject=model.name,
    )


def _moved(now: float, learning: Learning, *, upwards: bool) -> float | None:
    """One step on, within the bounds; None where that is no step in this direction."""
    step = learning.threshold_step if upwards else -learning.threshold_step
    low, high = learning.threshold_lowest, learning.threshold_highest
    value = round(min(max(now + step, low), high), PLACES)
    return value if (value > now if upwards else value < now) else None


def _case(
    seen: Seen,
    model: ModelLog,
    means: Means,
    ledger_size: int,
    *,
    title: str,
    change: Change,
    how: str,
    subject: str | None,
) -> Case:
    facts = {"model": model.name, "target": _target(seen)}
    if means.last_run:
        facts["last retraining"] = means.last_run
    return Case(
        kind=KIND,
        title=title,
        why=_why(seen, model),
        proposed_by="grace",
        change=change,
        evidence=shown(seen, ledger_size=ledger_size, facts=facts),
        prediction=Prediction(metric=seen.stream.metric, now=seen.weighed.mean, then=None, how=how),
        subject=subject,
        floor_seconds=None,
        gap_seconds=gap_seconds(seen.stream.times),
    )


def _why(seen: Seen, model: ModelLog) -> str:
    mean, units = seen.weighed.mean or 0.0, f"{seen.weighed.units} {seen.stream.unit}s"
    if seen.stream.metric == CONFIDENCE:
        return f"{_told(model)} was {100 * mean:.1f} % sure on average, in {units}."
    side = "above" if seen.stream.metric == OVER else "below"
    return (
        f"The confidence that {_told(model)} stated was {200 * mean - 100:.1f} points {side} what "
        f"came true, in {units}."
    )


def _target(seen: Seen) -> str:
    return f"{100 * TARGET:.0f} %" if seen.stream.metric == CONFIDENCE else "0 points"


def _told(model: ModelLog) -> str:
    return "the model" if model.name == UNNAMED else model.name


def _unnamed(seen: Seen) -> str:
    write = 'retrain = "FLOW/DEPLOYMENT"'
    if seen.stream.metric != CONFIDENCE:
        write += ' or threshold_variable = "NAME"'
    return (
        f"nothing is named that could change it: write {write} under [learning] in governance.toml"
    )

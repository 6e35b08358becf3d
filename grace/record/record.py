"""A type of change and how it has done: what became of it, what was predicted and measured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grace.record.figures import Average, Share, average, share
from grace.record.placebo import Judged, Placebo, placebo_of
from grace.record.trials import Trial
from grace.states import State

__all__ = [
    "Accuracy",
    "ActionType",
    "Record",
    "TrialRecord",
    "action_type",
    "by_action_type",
    "record_of",
]

NONE = Judged((), ())


@dataclass(frozen=True)
class ActionType:
    """The opportunity's kind, the lever, and what its effect is measured in.

    Effects in different metrics have different units, and no average.
    """

    kind: str
    lever: str
    metric: str


@dataclass(frozen=True)
class TrialRecord:
    """One change that was measured to its end; effects are in the metric's unit."""

    proposal_id: str
    target: str
    state: State
    verdict: str
    predicted: float | None
    measured: float | None
    interval: tuple[float | None, float | None]
    placebo: Placebo


@dataclass(frozen=True)
class Accuracy:
    """Predicted against measured effects, in the metric's unit, of the changes that have both.

    `bias` is the average of measured less predicted. `covered` is of those whose measured interval
    is closed; `unbounded` counts the others.
    """

    predicted: Average
    measured: Average
    bias: Average
    absolute_error: Average
    covered: Share
    unbounded: int


@dataclass(frozen=True)
class Record:
    """`measured` came to the end of a measurement; only those can have improved.

    `unmeasured` were applied and are at rest without: nothing measures them, somebody set them
    back, or they were undone before. `verdicts` are of those that were measured, `states` of all.
    """

    proposed: int
    approved: int
    applied: int
    kept: int
    undone: int
    states: Mapping[State, int]
    verdicts: Mapping[str, int]
    measured: int
    unmeasured: int
    improved: Share
    regressed: Share
    accuracy: Accuracy
    placebo: Placebo
    changes: Sequence[TrialRecord]


def action_type(trial: Trial) -> ActionType:
    proposal = trial.proposal
    return ActionType(proposal.kind, proposal.change.lever, proposal.plan.metric)


def by_action_type(every: Iterable[Trial]) -> dict[ActionType, list[Trial]]:
    """In the order of their names; the trials of each, oldest first."""
    found: dict[ActionType, list[Trial]] = {}
    for trial in every:
        found.setdefault(action_type(trial), []).append(trial)
    return dict(
        sorted(found.items(), key=lambda pair: (pair[0].kind, pair[0].lever, pair[0].metric))
    )


def record_of(every: Sequence[Trial], judged: Mapping[str, Judged]) -> Record:
    """Of changes with one metric; `judged` holds the placebo windows, by proposal."""
    measured = [trial for trial in every if trial.measured is not None]
    verdicts = Counter(trial.measured.verdict for trial in measured if trial.measured)
    states = Counter(trial.entry.state for trial in every)
    return Record(
        proposed=len(every),
        approved=_reached(every, "approved"),
        applied=_reached(every, "applied"),
        kept=states["kept"],
        undone=states["rolled_back"],
        states=dict(sorted(states.items())),
        verdicts=dict(sorted(verdicts.items())),
        measured=len(measured),
        unmeasured=sum(trial.measured is None and _is_at_rest(trial) for trial in every),
        improved=share(verdicts["improved"], len(measured)),
        regressed=share(verdicts["regressed"], len(measured)),
        accuracy=_accuracy(measured),
        placebo=placebo_of(_of(measured, judged)),
        changes=[_told(trial, judged) for trial in measured],
    )


def _accuracy(measured: Sequence[Trial]) -> Accuracy:
    compared = [(trial.predicted, trial.error) for trial in measured if trial.error is not None]
    errors = [error for _, error in compared]
    predicted = [said for said, _ in compared if said is not None]
    covered = [trial.is_covered for trial in measured if trial.error is not None]
    return Accuracy(
        predicted=average(predicted),
        measured=average([said + error for said, error in zip(predicted, errors, strict=True)]),
        bias=average(errors),
        absolute_error=average([abs(error) for error in errors], least=0.0),
        covered=share(covered.count(True), len(covered) - covered.count(None)),
        unbounded=covered.count(None),
    )


def _told(trial: Trial, judged: Mapping[str, Judged]) -> TrialRecord:
    assert trial.measured is not None
    return TrialRecord(
        proposal_id=trial.entry.id,
        target=trial.proposal.change.target,
        state=trial.entry.state,
        verdict=trial.measured.verdict,
        predicted=trial.predicted,
        measured=trial.measured.effect,
        interval=trial.measured.interval,
        placebo=placebo_of(_of([trial], judged)),
    )


def _of(measured: Sequence[Trial], judged: Mapping[str, Judged]) -> list[tuple[Trial, Judged]]:
    return [(trial, judged.get(trial.entry.id, NONE)) for trial in measured]


def _reached(every: Sequence[Trial], state: State) -> int:
    return sum(state in trial.reached for trial in every)


def _is_at_rest(trial: Trial) -> bool:
    return "applied" in trial.reached and not trial.entry.is_open

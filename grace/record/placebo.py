"""Placebo windows: the judgement of a change, passed on times in which nothing was changed.

A placebo in time (Abadie, Diamond & Hainmueller, "Synthetic control methods for comparative case
studies", JASA 105:490, 2010; Abadie, "Using synthetic controls", Journal of Economic Literature
59:2, 2021): a verdict of *improved* there is a false one, and the share of them says what such a
verdict is worth. Each window is one draw of the plan's coins over blocks of the plan's length, with
the same dropping of units and the same judge as a real measurement. To draw the order anew over
data that no arm touched is Fisher's randomisation test ("The design of experiments", 1935), here of
the whole chain from logged runs to a verdict. For arms side by side the runs of the longest quiet
stretch are assigned anew (`reassigning`); for before/after each window is split after 14 days.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import numpy as np

from grace.governance.proposal import Proposal
from grace.measurement.blocks import Block, Unit, paired
from grace.measurement.days import FIRST_VERDICT, LAST_VERDICT, compare_days
from grace.measurement.plan import Arm, Plan
from grace.record.figures import Share, share
from grace.record.quiet import (
    Span,
    busy_spans,
    evidence_span,
    is_alike,
    length_of,
    longest_of,
    quiet_spans,
    stretches,
    windows,
)
from grace.record.reassigning import reassigned, timeline
from grace.record.trials import Deeds, Trial
from grace.states import Verdict
from grace.statistics.switchback import Judgement, draw_order, fewest_pairs, judge

__all__ = [
    "MOST",
    "Judged",
    "Placebo",
    "UnitsOf",
    "judge_split",
    "judge_window",
    "judge_windows",
    "lay_windows",
    "placebo_of",
]

MOST = 20

# the units of a proposal's metric between two moments, with a margin for what was under way then
UnitsOf = Callable[[Proposal, datetime, datetime], Sequence[Unit]]


@dataclass(frozen=True)
class Judged:
    """The windows of one proposal, and the verdicts of those that held enough to be judged."""

    windows: tuple[Span, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Placebo:
    """Of `changes` that were measured by a design; the shares are of what was judged.

    `windows` are stretches of time, for arms assignments of the same runs. `window_seconds` is the
    length of the shortest, None without a change. `promised` is the most that *improved* and
    *regressed* may come to together.
    """

    designs: tuple[str, ...]
    changes: int
    windows: int
    window_seconds: float | None
    improved: Share
    regressed: Share
    promised: float | None


def lay_windows(
    measured: Sequence[Trial],
    every: Sequence[Trial],
    deeds: Sequence[Deeds],
    span_of: Callable[[Proposal], Span | None],
) -> dict[str, list[Span]]:
    """By proposal, for the measured in their order; no window overlaps another of the same target,
    or what moved it. `span_of` says from when to when the log could tell of a metric, if ever.
    """
    taken: list[tuple[Proposal, Span]] = []
    laid: dict[str, list[Span]] = {}
    for trial in measured:
        proposal, log = trial.proposal, span_of(trial.proposal)
        if proposal.plan.design == "unmeasured" or log is None:
            continue
        busy = busy_spans(every, deeds, proposal, log[1])
        if proposal.plan.experiment:
            longest = length_of(proposal.plan)
            laid[trial.entry.id] = longest_of(quiet_spans(*log, busy), longest) * MOST
            continue
        taken_too = (span for other, span in taken if is_alike(other, proposal))
        quiet = quiet_spans(*log, chain(busy, taken_too))
        around, length = evidence_span(proposal)[0], length_of(proposal.plan)
        laid[trial.entry.id] = windows(quiet, around, length, MOST)
        taken += [(proposal, span) for span in laid[trial.entry.id]]
    return laid


def judge_windows(proposal: Proposal, spans: Sequence[Span], units_of: UnitsOf) -> Judged:
    """One that held too little for any verdict could not have shown anything, and has none."""
    if proposal.plan.experiment:
        return _judge_assignments(proposal, spans, units_of)
    verdicts: list[Verdict | None] = []
    for stretch in stretches(spans):
        units = units_of(proposal, stretch[0][0], stretch[-1][1])
        verdicts += [_verdict(proposal, begin, units) for begin, _ in stretch]
    return Judged(tuple(spans), tuple(each for each in verdicts if each is not None))


def _verdict(proposal: Proposal, begin: datetime, units: Sequence[Unit]) -> Verdict | None:
    if proposal.plan.days:
        return judge_split(proposal.plan, begin, units)
    judged = judge_window(proposal, begin, units)
    return judged.verdict if judged.pairs >= fewest_pairs(proposal.plan.level) else None


def _judge_assignments(proposal: Proposal, spans: Sequence[Span], units_of: UnitsOf) -> Judged:
    """All spans are one: its runs are loaded once, and assigned anew for each."""
    if not spans:
        return Judged((), ())
    plan, span = proposal.plan, spans[0]
    line = timeline(plan, units_of(proposal, *span), *span)
    names = (f"{proposal.proposal_id} {span[0].isoformat()} {n}" for n in range(len(spans)))
    verdicts = [reassigned(plan, line, name) for name in names]
    return Judged(tuple(spans), tuple(each for each in verdicts if each is not None))


def judge_split(plan: Plan, begin: datetime, units: Sequence[Unit]) -> Verdict | None:
    """What before/after says of a window, had something been changed 14 days after its begin.

    None where too few days on either side have data.
    """
    days = plan.by_days.model_copy(update={"baseline_from": begin})
    plan, split = plan.model_copy(update={"days": days}), days.baseline_to
    first = compare_days(plan, units, split, split + FIRST_VERDICT)
    seen = first if first.verdict else compare_days(plan, units, split, split + LAST_VERDICT, first)
    return seen.verdict if seen.judgement.interval or seen.is_guarded else None


def judge_window(proposal: Proposal, begin: datetime, units: Sequence[Unit]) -> Judgement:
    """What the plan's judge says of a window, in an order drawn for it alone, always the same."""
    plan = proposal.plan
    seed = hashlib.sha256(f"{proposal.proposal_id} {begin.isoformat()}".encode()).digest()
    order = draw_order(len(plan.order), np.random.default_rng(list(seed)))
    return judge(
        _differences(plan, order, begin, units),
        smallest_effect=plan.smallest_effect,
        better=plan.better,
        max_pairs=len(plan.order),
        level=plan.level,
    )


def placebo_of(tested: Iterable[tuple[Trial, Judged]]) -> Placebo:
    every = [pair for pair in tested if pair[0].proposal.plan.design != "unmeasured"]
    verdicts = [verdict for _, each in every for verdict in each.verdicts]
    return Placebo(
        designs=tuple(sorted({trial.proposal.plan.design for trial, _ in every})),
        changes=len(every),
        windows=sum(len(each.windows) for _, each in every),
        window_seconds=min((_seconds(trial, each) for trial, each in every), default=None),
        improved=share(verdicts.count("improved"), len(verdicts)),
        regressed=share(verdicts.count("regressed"), len(verdicts)),
        promised=max((trial.proposal.plan.level for trial, _ in every), default=None),
    )


def _seconds(trial: Trial, judged: Judged) -> float:
    """What there was of them, or else how long one has to be."""
    lengths = [(end - begin).total_seconds() for begin, end in judged.windows]
    return min(lengths, default=length_of(trial.proposal.plan).total_seconds())


def _differences(
    plan: Plan, order: Sequence[tuple[Arm, Arm]], begin: datetime, units: Sequence[Unit]
) -> list[float | None]:
    """One number a pair, as in a measurement that began then.

    What was over before a pair began, or came after it, says nothing of it and is not looked at.
    """
    queued = np.array([unit.queued.timestamp() for unit in units])
    completed = np.array([_end(unit) for unit in units])
    length, found = timedelta(seconds=plan.block_seconds), []
    for number, (first, second) in enumerate(order):
        start = begin + 2 * number * length
        end = start + 2 * length
        near = (queued <= end.timestamp()) & (completed >= start.timestamp())
        pair = (
            Block(2 * number, first, start, start + length),
            Block(2 * number + 1, second, start + length, end),
        )
        found.append(paired(*pair, [units[at] for at in np.flatnonzero(near).tolist()]))
    return found


def _end(unit: Unit) -> float:
    return math.inf if unit.completed is None else unit.completed.timestamp()

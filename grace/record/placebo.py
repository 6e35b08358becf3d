"""Placebo windows: the judgement of a change, passed on times in which nothing was changed.

A placebo in time (Abadie, Diamond & Hainmueller, "Synthetic control methods for comparative case
studies", JASA 105:490, 2010; Abadie, "Using synthetic controls", Journal of Economic Literature
59:2, 2021): a verdict of *improved* there is a false one, and the share of them says what such a
verdict is worth. Each window is one draw of the plan's coins over blocks of the plan's length, with
the same dropping of units and the same judge as a real measurement. To draw the order anew over
data that no arm touched is Fisher's randomisation test ("The design of experiments", 1935), here of
the whole chain from logged runs to a verdict.
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
from grace.measurement.plan import Arm, Plan
from grace.record.figures import Share, share
from grace.record.quiet import (
    Span,
    busy_spans,
    evidence_span,
    is_alike,
    length_of,
    quiet_spans,
    stretches,
    windows,
)
from grace.record.trials import Deeds, Trial
from grace.statistics.switchback import Judgement, Verdict, draw_order, fewest_pairs, judge

__all__ = [
    "MOST",
    "Judged",
    "Placebo",
    "UnitsOf",
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
    """Of `changes` by switchback, the only design it is for; the shares are of what was judged.

    `window_seconds` is the length of the shortest, None without a change. `promised` is the most
    that *improved* and *regressed* may come to together.
    """

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
        if proposal.plan.design != "switchback" or log is None:
            continue
        busy = chain(
            busy_spans(every, deeds, proposal, log[1]),
            (span for other, span in taken if is_alike(other, proposal)),
        )
        around, length = evidence_span(proposal)[0], length_of(proposal.plan)
        laid[trial.entry.id] = windows(quiet_spans(*log, busy), around, length, MOST)
        taken += [(proposal, span) for span in laid[trial.entry.id]]
    return laid


def judge_windows(proposal: Proposal, spans: Sequence[Span], units_of: UnitsOf) -> Judged:
    """One with fewer pairs than a verdict needs could not have shown anything, and has none."""
    verdicts: list[Verdict] = []
    needed = fewest_pairs(proposal.plan.level)
    for stretch in stretches(spans):
        units = units_of(proposal, stretch[0][0], stretch[-1][1])
        judgements = [judge_window(proposal, begin, units) for begin, _ in stretch]
        verdicts += [
            each.verdict for each in judgements if each.verdict is not None and each.pairs >= needed
        ]
    return Judged(tuple(spans), tuple(verdicts))


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
    every = [pair for pair in tested if pair[0].proposal.plan.design == "switchback"]
    verdicts = [verdict for _, each in every for verdict in each.verdicts]
    return Placebo(
        changes=len(every),
        windows=sum(len(each.windows) for _, each in every),
        window_seconds=min(
            (length_of(t.proposal.plan).total_seconds() for t, _ in every), default=None
        ),
        improved=share(verdicts.count("improved"), len(verdicts)),
        regressed=share(verdicts.count("regressed"), len(verdicts)),
        promised=max((trial.proposal.plan.level for trial, _ in every), default=None),
    )


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

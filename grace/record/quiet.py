"""Stretches of the log in which nothing was changed on a target, cut into disjoint windows."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TypeAlias

from grace.governance.proposal import Proposal
from grace.measurement.days import LAST_VERDICT
from grace.measurement.plan import Plan
from grace.record.trials import Deeds, Trial

__all__ = [
    "Span",
    "busy_near",
    "busy_spans",
    "evidence_span",
    "is_alike",
    "length_of",
    "longest_of",
    "quiet_spans",
    "stretches",
    "windows",
]

Span: TypeAlias = tuple[datetime, datetime]


def busy_spans(
    trials: Iterable[Trial], deeds: Iterable[Deeds], of: Proposal, now: datetime
) -> Iterator[Span]:
    """Where the target, or what the metric is taken of, was moved, or raised a proposal.

    What raised a proposal was chosen for being bad, and is no sample of the usual.
    """
    return busy_near(trials, deeds, of.change.target, of.plan.subject, now)


def busy_near(
    trials: Iterable[Trial], deeds: Iterable[Deeds], target: str, subject: str, now: datetime
) -> Iterator[Span]:
    alike = [
        trial.proposal
        for trial in trials
        if trial.proposal.change.target == target or trial.proposal.plan.subject == subject
    ]
    yield from map(evidence_span, alike)
    acting = {proposal.proposal_id for proposal in alike}
    for each in deeds:
        if each.target == target or each.proposal_id in acting:
            yield each.begin, each.end or now


def is_alike(one: Proposal, other: Proposal) -> bool:
    """Whether moving the target of one may move what the other is measured by."""
    return one.change.target == other.change.target or one.plan.subject == other.plan.subject


def evidence_span(proposal: Proposal) -> Span:
    """When what raised it was seen; a proposal without evidence parts the time at its making."""
    return proposal.evidence.span or (proposal.created_at, proposal.created_at)


def quiet_spans(begin: datetime, end: datetime, busy: Iterable[Span]) -> list[Span]:
    """What is left of [begin, end] without the busy spans, oldest first."""
    found, free_from = [], begin
    for start, stop in sorted(busy):
        if free_from < min(start, end):
            found.append((free_from, min(start, end)))
        free_from = max(free_from, stop)
    return [*found, (free_from, end)] if free_from < end else found


def length_of(plan: Plan) -> timedelta:
    """So long that a window may come to any verdict: all blocks, all days, or an experiment's most.

    Nothing for a plan that measures nothing.
    """
    if plan.days:
        return plan.days.baseline_to - plan.days.baseline_from + LAST_VERDICT
    if plan.experiment:
        return timedelta(seconds=plan.experiment.longest_seconds)
    return timedelta(seconds=len(plan.arms) * plan.block_seconds)


def longest_of(spans: Sequence[Span], most: timedelta) -> list[Span]:
    """The longest of them, cut to its newest part where it is longer; none of none."""
    if not spans:
        return []
    begin, end = max(spans, key=lambda span: span[1] - span[0])
    return [(max(begin, end - most), end)]


def windows(spans: Sequence[Span], around: datetime, length: timedelta, most: int) -> list[Span]:
    """At most so many: those before a moment, the nearest first, then those after it.

    They are laid from the end of a span that lies towards that moment, so that a log that grows
    moves none of them.
    """
    before = (each for span in reversed(spans) if span[1] <= around for each in _back(span, length))
    after = (each for span in spans if span[1] > around for each in _on(span, length))
    return list(islice(chain(before, after), most))


def stretches(spans: Iterable[Span]) -> list[list[Span]]:
    """Those that follow each other without a gap together, oldest first."""
    found: list[list[Span]] = []
    for span in sorted(spans):
        if found and found[-1][-1][1] == span[0]:
            found[-1].append(span)
        else:
            found.append([span])
    return found


def _back(span: Span, length: timedelta) -> Iterator[Span]:
    begin, end = span
    while end - begin >= length > timedelta(0):
        yield end - length, end
        end -= length


def _on(span: Span, length: timedelta) -> Iterator[Span]:
    begin, end = span
    while end - begin >= length > timedelta(0):
        yield begin, begin + length
        begin += length

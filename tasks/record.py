"""The engine's own record of a log, with what its judge sees where nothing was changed."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import get_args

from grace.errors import BadInput
from grace.governance.policy import Policy
from grace.governance.register import Entry
from grace.levers import lever_names
from grace.opportunities.drawing import Kind
from grace.record.page import beside
from grace.record.placebo import Judged, judge_windows, lay_windows
from grace.record.record import ActionType, Record, by_action_type, record_of
from grace.record.trials import Trial, deeds, trials
from grace.store import Store
from tasks.units import LoggedUnits, span_of

__all__ = ["LAST", "Told", "engine_record", "lines_beside"]

# a page that somebody waits for looks at so many of the newest changes
LAST = 20
WITH_PLACEBO = 5
DAYS = timedelta(days=30)

# hears how many of how many changes have been looked at
Told = Callable[[int, int], None]


def engine_record(
    store: Store,
    policy: Policy,
    now: datetime,
    *,
    kind: str | None = None,
    days: timedelta = DAYS,
    told: Told = lambda done, of: None,
) -> dict[ActionType, Record]:
    """By type of change; `kind` is that of the opportunity or a lever, None for all.

    Placebo windows lie within `days` before now. Raises BadInput for a kind that is none.
    """
    every = trials(store)
    chosen = {
        each: found
        for each, found in by_action_type(every).items()
        if kind in (None, each.kind, each.lever)
    }
    if not chosen and kind is not None:
        _check_is_kind(kind, every)
    measured = [trial for found in chosen.values() for trial in found if trial.measured]
    judged = _judged(store, policy, measured, every, (now - days, now), told)
    return {each: record_of(found, judged) for each, found in chosen.items()}


def lines_beside(store: Store, policy: Policy, entry: Entry, now: datetime) -> list[str]:
    """How the changes went that were proposed before by the same lever, for the same metric."""
    every, proposal = trials(store), entry.proposal
    alike = [
        trial
        for trial in every
        if "applied" in trial.reached
        and trial.proposal.created_at < proposal.created_at
        and trial.proposal.change.lever == proposal.change.lever
        and trial.proposal.plan.metric == proposal.plan.metric
    ][-LAST:]
    measured = [trial for trial in alike if trial.measured][-WITH_PLACEBO:]
    judged = _judged(store, policy, measured, every, (now - DAYS, now))
    return beside(record_of(alike, judged), proposal.plan.metric)


def _judged(
    store: Store,
    policy: Policy,
    measured: Sequence[Trial],
    every: Sequence[Trial],
    log: tuple[datetime, datetime],
    told: Told = lambda done, of: None,
) -> dict[str, Judged]:
    """The placebo windows of each change that was measured, by proposal."""
    ordered = sorted(measured, key=lambda trial: trial.proposal.created_at)
    laid = lay_windows(
        ordered, every, deeds(store), lambda proposal: span_of(store, proposal, *log)
    )
    ends = [end for spans in laid.values() for span in spans for end in span]
    if not ends:
        return {}
    logged = LoggedUnits(store, policy, min(ends), max(ends))
    proposals = {trial.entry.id: trial.proposal for trial in ordered}
    judged = {}
    for done, (proposal_id, spans) in enumerate(laid.items(), 1):
        judged[proposal_id] = judge_windows(proposals[proposal_id], spans, logged.units)
        told(done, len(laid))
    return judged


def _check_is_kind(kind: str, every: Sequence[Trial]) -> None:
    levers = {*lever_names(), *(trial.proposal.change.lever for trial in every)}
    if kind not in levers and kind not in get_args(Kind):
        raise BadInput(
            f"{kind!r} is no kind of opportunity and no lever; there are the kinds "
            f"{', '.join(sorted(get_args(Kind)))}, and the levers {', '.join(sorted(levers))}"
        )

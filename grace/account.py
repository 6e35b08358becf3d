"""What became of a proposal, from the log: as a page to read and as a record to print."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from grace.actions.action import Done, done_actions
from grace.governance.register import Entry
from grace.markdown import facts, plain
from grace.measurement.arms import arms_rows
from grace.measurement.days import days_rows
from grace.measurement.looks import AnyLook, ArmsLook, DaysLook, last_look
from grace.measurement.metrics import metric
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["Account", "Answered", "account", "look_page"]

DECISIONS = LOGS["decisions"].table


@dataclass(frozen=True)
class Answered:
    question: str
    answer: str
    reason: str
    reviewer: str | None
    assurance: str | None
    decided_at: datetime


@dataclass(frozen=True)
class Account:
    """A proposal's whole story, oldest first in each part."""

    entry: Entry
    decisions: Sequence[Answered]
    actions: Sequence[Done]
    look: AnyLook | None


def account(store: Store, entry: Entry) -> Account:
    query = (
        sa.select(*(DECISIONS.c[name] for name in Answered.__dataclass_fields__))
        .where(DECISIONS.c.proposal_id == entry.id)
        .order_by(DECISIONS.c.ledger_index)
    )
    with store.reading() as connection:
        decisions = [Answered(*row) for row in connection.execute(query)]
    seen = last_look(store, entry.id, entry.proposal.plan)
    return Account(entry, decisions, done_actions(store, entry.id), seen)


def look_page(entry: Entry, seen: AnyLook | None) -> str:
    """Where a measurement stands, in markdown."""
    plan = entry.proposal.plan
    heading = f"## {plain(entry.proposal.title)}\n\nState **{entry.state}**"
    verdict = f", verdict **{entry.verdict}**" if entry.verdict else ""
    why = f". {plain(entry.reason)}" if entry.reason else ""
    if isinstance(seen, ArmsLook | DaysLook):
        told = arms_rows(plan, seen) if isinstance(seen, ArmsLook) else days_rows(plan, seen)
        return f"{heading}{verdict}{why}.\n\n{facts(told)}"
    if seen is None and plan.design == "arms":
        return f"{heading}{verdict}{why}. The arms were not looked at yet.\n"
    if seen is None and plan.design == "before_after":
        return f"{heading}{verdict}{why}. The days were not looked at yet.\n"
    if seen is None:
        return f"{heading}{verdict}{why}. No pair of blocks is complete yet.\n"
    judged = seen.judgement
    low, high = judged.interval
    measured = metric(plan.metric)
    effect = "-" if judged.effect is None else measured.show_change(judged.effect)
    rows = "".join(
        f"| {number} | {'void' if value is None else measured.show_change(value)} |\n"
        for number, value in enumerate(seen.differences, 1)
    )
    counted = f"{judged.pairs} with data, {judged.void_pairs} void, at most {len(plan.order)}"
    interval = f"{measured.show_change(low)} to {measured.show_change(high)}"
    told = [
        ("metric", f"{plan.metric}, *after* less *before*"),
        *([("ended", plain(seen.stop))] if seen.stop else []),
        ("pairs", counted),
        ("effect", f"{effect} (median of the pairs)"),
        (f"{100 * (1 - plan.level):.0f} % confidence sequence", interval),
        ("e-value", f"{judged.e_value:.2f}, needed {1 / plan.level:.0f}"),
    ]
    pairs = f"| pair | difference |\n|---|---|\n{rows}"
    return f"{heading}{verdict}{why}.\n\n{facts(told)}\n{pairs}"

"""`grace proposals`, `show`, `undo`, `pause`, `resume`."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import CheckFailed

if TYPE_CHECKING:
    from grace.governance.register import Entry

__all__ = ["As", "Id", "Reason", "register", "row"]

Id = Annotated[str, typer.Argument(help="The proposal's id, or its beginning or end.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it goes into the record.")]
As = Annotated[
    str, typer.Option("--as", help="Your name as a reviewer.", default_factory=getpass.getuser)
]


def register(app: typer.Typer) -> None:
    for command in (proposals, show, undo, pause, resume):
        app.command()(command)


def proposals(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those asked about.")] = False,
) -> None:
    """List the proposals, newest last.

    Example: grace proposals --waiting
    """
    from rich.table import Table

    from grace.governance.register import list_entries
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    entries = [e for e in list_entries(store) if not waiting or e.state == "awaiting_approval"]

    def table() -> Table | str:
        if not entries:
            return "No proposals. `grace status --why TARGET` says why."
        drawn = Table("id", "state", "risk", "title", "until", box=None)
        drawn.columns[0].no_wrap = True  # what is copied: whole, in any width
        for column, least in zip(drawn.columns[1:], (12, 6, 24, 10), strict=True):
            column.overflow, column.min_width = "fold", least
        for entry in entries:
            proposal = entry.proposal
            risk = f"{proposal.risk.score:.2f} {proposal.risk.tier}"
            state = "\n".join(filter(None, (entry.state.replace("_", " "), entry.verdict)))
            until = f"{proposal.deadline:%Y-%m-%d %H:%M}" if entry.is_open else "-"
            drawn.add_row(entry.id[-12:], state, risk, proposal.title, until)
        return drawn

    emit([row(entry) for entry in entries], table)


def show(proposal: Id) -> None:
    """Show one proposal: what is proposed, who answered, what was done, what was measured.

    Example: grace show 5f0c1d2e
    """
    from rich.markdown import Markdown

    from grace.account import account, look_page
    from grace.brief import brief
    from grace.governance.policy import load_policy
    from grace.governance.register import find
    from grace.store import open_store
    from tasks.record import lines_beside

    store, policy = open_store(settings().url, create=False), load_policy(settings())
    told = account(store, find(store, proposal))
    entry = told.entry
    beside = lines_beside(store, policy, entry, datetime.now(UTC))
    trail = "".join(
        f"- {answered.decided_at:%Y-%m-%d %H:%M:%S} {answered.question}: **{answered.answer}** "
        f"{f'by {answered.reviewer} ({answered.assurance})' if answered.reviewer else ''} - "
        f"{answered.reason}\n"
        for answered in told.decisions
    )
    deeds = "".join(
        f"- {done.finished_at:%Y-%m-%d %H:%M:%S} {done.name}: {done.target} = {done.value}\n"
        for done in told.actions
    )
    emit(
        row(entry)
        | {
            "content": entry.proposal,
            "content_hash": entry.content_hash,
            "decisions": list(told.decisions),
            "actions": list(told.actions),
            "measurement": told.look,
            "record": beside,
        },
        lambda: Markdown(
            f"{brief(entry, policy, beside)}\n### Decisions\n\n{trail}\n"
            f"### Actions\n\n{deeds or 'none'}\n\n{look_page(entry, told.look)}"
        ),
    )


def undo(proposal: Id, reason: Reason, reviewer: As) -> None:
    """Put a change back at once, whether it is being measured or was kept.

    Example: grace undo 5f0c1d2e --as operator --reason "the service is slow"
    """
    from grace.governance.register import find
    from grace.installation import connect_environment
    from grace.store import open_store

    entry = find(open_store(settings().url, create=False), proposal)
    connect_environment(settings())
    from tasks.changes import undo_change

    undone = undo_change(settings(), entry.id, reviewer, reason)
    change = undone.proposal.change
    emit(row(undone), f"{undone.state}: {change.target} is {change.before} again")
    if undone.state != "rolled_back":
        raise CheckFailed(f"the undo failed: {undone.reason}")


def pause(reason: Reason, reviewer: As) -> None:
    """Stop all applying, until `grace resume`. Undoing is always possible.

    Example: grace pause --as operator --reason "release week"
    """
    _brake("pause", reviewer, reason)


def resume(reason: Reason, reviewer: As) -> None:
    """Let approved changes be applied again.

    Example: grace resume --as operator --reason "release is out"
    """
    _brake("resume", reviewer, reason)


def _brake(answer: str, reviewer: str, reason: str) -> None:
    from grace.governance.consent import check_is_reviewer
    from grace.governance.decisions import Decision, record_decision
    from grace.governance.policy import load_policy
    from grace.store import open_store

    policy = load_policy(settings())
    check_is_reviewer(reviewer, policy)
    decision = Decision(
        question="pause",
        answer=answer,
        reason=reason,
        reviewer=reviewer,
        assurance="declared",
        policy_digest=policy.digest,
    )
    with open_store(settings().url).writing(datetime.now(UTC)) as writer:
        record_decision(writer, decision)
    emit({"paused": answer == "pause"}, f"{answer}d" if answer == "pause" else "resumed")


def row(entry: "Entry") -> dict[str, object]:
    """What programs read of a proposal; only ever extended."""
    proposal = entry.proposal
    return {
        "id": entry.id,
        "state": entry.state,
        "kind": proposal.kind,
        "target": proposal.change.target,
        "title": proposal.title,
        "before": proposal.change.before,
        "after": proposal.change.after,
        "risk": proposal.risk.score,
        "tier": proposal.risk.tier,
        "proposed_by": proposal.proposed_by,
        "created_at": proposal.created_at,
        "deadline": proposal.deadline,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "run_id": entry.run_id,
    }

"""The register of proposals: every change of state is a new row, a decision's trace and an event.

The rows are the record; `proposal_heads` holds each proposal's present state, so that the database
itself refuses a second open proposal for one opportunity and a second move from one state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection, Row

from grace.errors import BadInput, LedgerBroken
from grace.governance.proposal import Proposal, content_hash, content_text
from grace.states import OPEN, State, Verdict, check_can_move
from grace.store import Store, Writer
from grace.store.schema import LOGS, proposal_heads

__all__ = ["Entry", "attach_run", "find", "list_entries", "move", "raise_proposal"]

PROPOSALS = LOGS["proposals"].table

EVENTS: dict[State, str] = {
    "forbidden": "improvement.forbidden",
    "awaiting_approval": "improvement.proposed",
    "approved": "improvement.approved",
    "rejected": "improvement.rejected",
    "expired": "improvement.expired",
    "superseded": "improvement.superseded",
    "applying": "action.started",
    "applied": "action.applied",
    "failed": "action.failed",
    "measuring": "measurement.started",
    "kept": "improvement.kept",
    "rolling_back": "action.rolling_back",
    "rolled_back": "action.rolled_back",
    "rollback_failed": "action.rollback_failed",
}


@dataclass(frozen=True)
class Entry:
    """A proposal as it stands: its content, what that content now hashes to, and its state.

    An edited content has another hash than the one that was shown and answered, and is refused
    wherever the two are compared: when it is answered and when it is applied.
    """

    proposal: Proposal
    content_hash: str
    state: State
    changed_at: datetime
    verdict: Verdict | None = None
    reason: str | None = None
    run_id: str | None = None

    @property
    def id(self) -> str:
        return self.proposal.proposal_id

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def raise_proposal(writer: Writer, proposal: Proposal) -> Entry:
    """Enter a new proposal as *proposed*.

    Raises BadInput where the same opportunity (kind, target, fingerprint) is open already.
    """
    text = content_text(proposal)
    entry = Entry(proposal, content_hash(text), "proposed", writer.now)
    head = {
        "proposal_id": entry.id,
        "kind": proposal.kind,
        "target": proposal.change.target,
        "fingerprint": proposal.fingerprint,
        "state": entry.state,
        "changed_at": writer.now,
    }
    try:
        writer.connection.execute(proposal_heads.insert().values(head))
    except sa.exc.IntegrityError:
        raise BadInput(f"the same proposal for {proposal.change.target} is open already") from None
    _record(writer, entry)
    return entry


def move(
    writer: Writer,
    entry: Entry,
    state: State,
    *,
    reason: str | None = None,
    verdict: Verdict | None = None,
    run_id: str | None = None,
) -> Entry:
    """Move a proposal on, once: of two that try the same move, the second gets NotAllowed."""
    check_can_move(_present_state(writer.connection, entry.id), state)
    moved = replace(
        entry,
        state=state,
        changed_at=writer.now,
        reason=reason,
        verdict=verdict or entry.verdict,
        run_id=run_id or entry.run_id,
    )
    head = proposal_heads.update().where(proposal_heads.c.proposal_id == entry.id)
    writer.connection.execute(head.values(state=state, changed_at=writer.now))
    _record(writer, moved)
    writer.event(EVENTS[state], f"proposal/{entry.id}", _event(moved))
    return moved


def attach_run(writer: Writer, entry: Entry, run_id: str) -> Entry:
    """Note the Prefect run in which a person is asked."""
    attached = replace(entry, run_id=run_id, changed_at=writer.now)
    _record(writer, attached)
    return attached


def find(store: Store, prefix: str) -> Entry:
    """The one proposal whose id begins or ends so; BadInput when none or several do.

    Raises LedgerBroken where the content can no longer be read.
    """
    proposal_id = full_id(store, prefix)
    with store.reading() as connection:
        query = _newest().where(PROPOSALS.c.proposal_id == proposal_id)
        return _entry(connection.execute(query).one())


def full_id(store: Store, prefix: str) -> str:
    """The one id that begins or ends so, also where the content was erased. Raises BadInput."""
    id_ = PROPOSALS.c.proposal_id
    matches = sa.or_(id_.startswith(prefix, autoescape=True), id_.endswith(prefix, autoescape=True))
    with store.reading() as connection:
        ids = connection.execute(sa.select(id_).where(matches).distinct()).scalars().all()
    if len(ids) != 1:
        found = "no proposal" if not ids else f"{len(ids)} proposals"
        raise BadInput(f"{found} with id {prefix!r}; see `grace proposals`")
    return str(ids[0])


def list_entries(store: Store) -> list[Entry]:
    """All proposals, oldest first."""
    with store.reading() as connection:
        return [_entry(row) for row in connection.execute(_newest())]


def _newest() -> sa.Select[tuple[object, ...]]:
    last = (
        sa.select(PROPOSALS.c.proposal_id, sa.func.max(PROPOSALS.c.revision).label("revision"))
        .group_by(PROPOSALS.c.proposal_id)
        .subquery()
    )
    same = sa.and_(
        PROPOSALS.c.proposal_id == last.c.proposal_id, PROPOSALS.c.revision == last.c.revision
    )
    return (
        sa.select(PROPOSALS)
        .join(last, same)
        .order_by(PROPOSALS.c.created_at, PROPOSALS.c.proposal_id)
    )


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    try:
        proposal = Proposal.model_validate_json(row.content)
    except ValidationError:
        raise LedgerBroken(
            f"the content of proposal {row.proposal_id} is no proposal: run `grace ledger verify`"
        ) from None
    return Entry(
        proposal=proposal,
        content_hash=content_hash(row.content),
        state=row.state,
        changed_at=row.changed_at,
        verdict=row.verdict,
        reason=row.reason,
        run_id=row.run_id,
    )


def _present_state(connection: Connection, proposal_id: str) -> State:
    query = sa.select(proposal_heads.c.state).where(proposal_heads.c.proposal_id == proposal_id)
    state: State = connection.execute(query).scalar_one()
    return state


def _record(writer: Writer, entry: Entry) -> None:
    proposal = entry.proposal
    row = {
        "proposal_id": entry.id,
        "state": entry.state,
        "kind": proposal.kind,
        "target": proposal.change.target,
        "fingerprint": proposal.fingerprint,
        "title": proposal.title,
        "content": proposal.model_dump(mode="json"),
        "content_hash": entry.content_hash,
        "risk": proposal.risk.score,
        "tier": proposal.risk.tier,
        "proposed_by": proposal.proposed_by,
        "created_at": proposal.created_at,
        "deadline": proposal.deadline,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "run_id": entry.run_id,
        "changed_at": entry.changed_at,
    }
    writer.append("proposals", [row])


def _event(entry: Entry) -> Mapping[str, object]:
    return {
        "proposal_id": entry.id,
        "state": entry.state,
        "target": entry.proposal.change.target,
        "title": entry.proposal.title,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "run_id": entry.run_id,
    }

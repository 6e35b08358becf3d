"""Changing who may answer: the list beside the log, and each change of it in the ledger.

Answers are taken only while the list is as the ledger last recorded it, so an edited, exchanged or
deleted list lets nobody in.
"""

import json
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from grace.errors import NotAllowed
from grace.files import locked
from grace.governance.decisions import Decision, record_decision
from grace.governance.policy import check_names_no_reviewers
from grace.identity.roster import Roster, read_roster, write_roster
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["change_reviewers", "check_as_recorded"]

DECISIONS = LOGS["decisions"].table
UNRECORDED = (
    "the list of reviewers is not the one that the ledger recorded last: put reviewers.json back, "
    "or answer for it as it is with `grace reviewers adopt`"
)


def change_reviewers(
    settings: Settings,
    store: Store,
    what: str,
    edit: Callable[[Roster], Roster],
    *,
    name: str | None = None,
    by: str,
    now: datetime,
) -> Roster:
    """Change the list and record that; `what` is *add*, *remove*, *password* and so on.

    Raises BadInput where governance.toml still names reviewers, or where `edit` refuses.
    """
    check_names_no_reviewers(settings)
    with locked(settings.reviewers_file.with_suffix(".lock")):
        before = read_roster(settings)
        if what != "adopt":
            check_as_recorded(store, before)
        after = edit(before or Roster())
        with store.writing(now) as writer:
            record_decision(
                writer,
                Decision(
                    question="reviewers",
                    answer=what,
                    reason=f"{what} {name or 'the list as it is'}",
                    reviewer=by,
                    assurance="declared",
                    detail=_told(after, name),
                ),
            )
            write_roster(settings, after)
    return after


def check_as_recorded(store: Store, roster: Roster | None) -> None:
    """Raises NotAllowed where the list is not what the newest record of it says."""
    query = (
        sa.select(DECISIONS.c.detail)
        .where(DECISIONS.c.question == "reviewers")
        .order_by(DECISIONS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        last = connection.execute(query).scalar_one_or_none()
    recorded = json.loads(last)["digest"] if last else None
    if recorded != (roster.digest if roster else None):
        raise NotAllowed(UNRECORDED)


def _told(roster: Roster, name: str | None) -> dict[str, object]:
    """What an auditor asks, and nothing that has to stay secret."""
    told: dict[str, object] = {"digest": roster.digest, "reviewers": list(roster.names)}
    if name is None:
        return told
    reviewer = roster.active(name)
    return told | {
        "name": name,
        "active": reviewer is not None,
        "password": bool(reviewer and reviewer.password),
        "keys": list(reviewer.keys if reviewer else ()),
    }

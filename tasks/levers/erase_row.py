"""Erasing what a row of the log says, for good. Target: `row:TABLE/KEY`, the key its natural one.

The only value it can be given is *erased*. All revisions of the row lose their payload; their
places in the ledger stay, with their digests, so that everything else can still be proven.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

import sqlalchemy as sa
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.register import Entry, list_entries
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.erasing import OF_A_PROPOSAL, Erased, check_erasable, erase, left_to_erase
from grace.store.schema import LOGS

__all__ = ["EraseRow"]

ERASED = "erased"
AT_WORK = ("approved", "applying")
COUNTED = timedelta(days=1)  # how long the policy's limit of changes a day counts a deed


class EraseRow:
    name = "erase-row"
    reach: Literal["unit", "shared"] = "shared"
    reversible = False

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._clock = settings, clock

    @cached_property
    def _store(self) -> Store:
        return open_store(self._settings.url, create=False)

    def read(self, target: str) -> JsonValue:
        """*kept* while any revision has its payload, else *erased*."""
        table, key = _place(target)
        with self._store.reading() as connection:
            check_erasable(connection, table, key)
            return "kept" if left_to_erase(connection, table, key) else ERASED

    def check(self, target: str, value: JsonValue) -> None:
        if value != ERASED:
            raise BadInput(f"a row can only be {ERASED}, not {value!r}: nothing brings it back")
        table, key = _place(target)
        with self._store.reading() as connection:
            check_erasable(connection, table, key)
            if table in OF_A_PROPOSAL:
                about = _ended(connection, list_entries(self._store), table, key)
                if table == "actions":
                    _check_no_brake(about, self._clock())

    def apply(self, target: str, value: JsonValue) -> None:
        self.check(target, value)
        table, key = _place(target)
        entry = self._asked_for(target)
        with self._store.writing(self._clock()) as writer:
            told = Erased(entry.proposal.why, entry.proposal.proposed_by, self._approver(entry))
            erase(writer, table, key, told, erasure=entry.id)

    def _asked_for(self, target: str) -> Entry:
        """The proposal that is being applied: a row is never erased without one."""
        for entry in list_entries(self._store):
            change = entry.proposal.change
            asked = (change.lever, change.target, change.after) == (self.name, target, ERASED)
            if asked and entry.state in AT_WORK:
                return entry
        raise BadInput(f"nobody approved that {target} is erased: propose it")

    def _approver(self, entry: Entry) -> str | None:
        decisions = LOGS["decisions"].table
        query = (
            sa.select(decisions.c.reviewer)
            .where(decisions.c.proposal_id == entry.id, decisions.c.answer == "approve")
            .order_by(decisions.c.ledger_index.desc())
            .limit(1)
        )
        with self._store.reading() as connection:
            reviewer: str | None = connection.execute(query).scalar_one_or_none()
        return reviewer


def _place(target: str) -> tuple[str, str]:
    kind, _, place = target.partition(":")
    table, _, key = place.partition("/")
    if kind != "row" or not table or not key:
        raise BadInput(f"{target!r} is no row; write row:TABLE/KEY")
    return table, key


def _ended(connection: sa.Connection, entries: list[Entry], table: str, key: str) -> list[Entry]:
    """What was said and done about a proposal is needed until it is at its end: that proposal."""
    log = LOGS[table]
    query = sa.select(log.table.c.proposal_id).where(log.table.c[log.key[0]] == key)
    about = set(connection.execute(query).scalars()) - {None}
    ended = [entry for entry in entries if entry.id in about and not entry.is_open]
    if not about or len(ended) < len(about):
        raise BadInput(f"{table} {key} is of no proposal that is at its end; it is still needed")
    return ended


def _check_no_brake(about: list[Entry], now: datetime) -> None:
    """Erasing is no way to have a deed forgotten that Grace goes by."""
    for entry in about:
        if entry.state == "kept":
            raise BadInput(f"{entry.id} is kept: by its deeds it is seen if somebody sets it back")
        if now - entry.changed_at < COUNTED:
            raise BadInput(f"{entry.id} ended less than a day ago: it counts for the daily limit")

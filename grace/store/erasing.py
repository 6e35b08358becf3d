"""Erasing what a row says, and leaving its place: the digest stays, so every proof still holds."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from grace.errors import BadInput
from grace.ledger.encoding import encode_row, row_digest
from grace.store.append import OWN_SOURCES, Writer, log_table
from grace.store.schema import LogTable, cursors, recent_reader, recent_rows

__all__ = ["OF_A_PROPOSAL", "Erased", "check_erasable", "erase", "left_to_erase"]

# what Grace wrote about a proposal; by every other row of its own it goes
OF_A_PROPOSAL = frozenset({"decisions", "actions", "verdicts"})


@dataclass(frozen=True)
class Erased:
    """Who wanted it, who agreed, and why: it stays in the log for good."""

    reason: str
    requested_by: str
    approved_by: str | None


def check_erasable(connection: sa.Connection, table: str, key: str) -> None:
    """Raises BadInput where there is no such row, or where Grace itself works by it."""
    log = log_table(table)
    if len(log.key) != 1:
        raise BadInput(f"{table} has no single key to name a row by")
    query = sa.select(log.table.c.source).where(log.table.c[log.key[0]] == key)
    sources = set(connection.execute(query).scalars())
    if not sources:
        raise BadInput(f"{table} has no row with {log.key[0]} {key!r}")
    if sources & set(OWN_SOURCES) and table not in OF_A_PROPOSAL:
        raise BadInput(f"Grace works by its own rows of {table}: they cannot be erased")


def left_to_erase(connection: sa.Connection, table: str, key: str) -> int:
    """How many revisions of the row still have their payload."""
    log = log_table(table)
    query = sa.select(sa.func.count()).where(_with_payload(log, key))
    count: int = connection.execute(query).scalar_one()
    return count


def erase(writer: Writer, table: str, key: str, erased: Erased, *, erasure: str) -> int:
    """Take payload and salt from all revisions of a row; how many were taken now.

    `erasure` names this erasure: of two with one name the second only goes on with what the first
    left.
    """
    log, connection = log_table(table), writer.connection
    if connection.dialect.name == "sqlite":
        # so that the file does not keep what its pages held
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    columns = [log.table.c[name] for name in (*log.kinds, "salt")]
    rows = connection.execute(sa.select(*columns).where(_with_payload(log, key))).all()
    for *cells, salt in rows:
        about = dict(zip(log.kinds, cells, strict=True)).get("proposal_id")
        digest = row_digest(bytes(salt), encode_row(list(log.kinds.values()), cells))
        named = {
            "erasure_id": f"{erasure}:{cells[0]}",
            "table_name": log.name,
            "row_id": cells[0],
            "digest": digest.hex(),
            "erased_at": writer.now,
            # what the emptied row still says of itself is covered by no digest; this is
            "extra": {"key": key, "proposal_id": about},
            **vars(erased),
        }
        writer.append("erasures", [named])
        # taken anew: the database lets only a row go of which this one tells
        writer.connection.execute(_emptied(log).where(log.table.c.id == cells[0]))
    if rows:
        # the engines' copy in columns goes as a whole: the next of them makes it anew
        connection.execute(recent_rows.delete().where(recent_rows.c.log_table == log.name))
        connection.execute(cursors.delete().where(cursors.c.reader == recent_reader(log.name)))
    return len(rows)


def _with_payload(log: LogTable, key: str) -> sa.ColumnElement[bool]:
    return (log.table.c[log.key[0]] == key) & log.table.c.salt.is_not(None)


def _emptied(log: LogTable) -> Any:
    kept = (*log.key, "source")
    gone = [name for name in log.payload if name not in kept]
    return log.table.update().values(dict.fromkeys([*gone, "salt"]))

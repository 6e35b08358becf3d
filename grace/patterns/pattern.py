"""A pattern, and the row of `ml_learning_logs` that keeps it under the id `pattern:FINGERPRINT`.

A template that has become wider is a revision of the row; the fingerprint stays.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.patterns.fingerprint import VERSION
from grace.patterns.templates import Group, Words
from grace.store.schema import LOGS, is_own

__all__ = ["Pattern", "newest_rows", "read_patterns"]

PREFIX = "pattern:"
TABLE = LOGS["ml_learning_logs"].table


@dataclass(frozen=True)
class Pattern:
    """`issued` are the words of the template when the fingerprint was issued, `words` its own now.

    `subsystem` is the task, or other part of the governed system, where it was first seen.
    """

    fingerprint: str
    group: Group
    issued: Words
    words: Words
    first_seen: datetime
    subsystem: str | None = None

    @property
    def type(self) -> str | None:
        return self.group.type

    @property
    def frames(self) -> tuple[str, ...]:
        return self.group.frames

    @property
    def template(self) -> str:
        """As a log would say it, with <NUM>, <STR>, … and <*> for what varies."""
        text = " ".join(self.words)
        return ": ".join(part for part in (self.type, text) if part)

    @property
    def name(self) -> str:
        """The template, and where it comes from if that is known."""
        return f"{self.template} in {self.frames[-1]}" if self.frames else self.template

    def row(self, now: datetime) -> dict[str, object]:
        told = {
            "version": VERSION,
            "type": self.type,
            "frames": self.frames,
            "codes": self.group.codes,
            "issued": " ".join(self.issued),
            "template": " ".join(self.words),
            "first_seen": self.first_seen.isoformat(),
        }
        return {
            "learning_id": f"{PREFIX}{self.fingerprint}",
            "learning_type": "pattern_update",
            "subsystem": self.subsystem,
            "pattern_name": self.name,
            "data_sources": told,
            "timestamp": now,
        }


def read_patterns(connection: Connection) -> list[Pattern]:
    """All of this version and form, in the order in which they were issued."""
    rows = newest_rows(connection, PREFIX, TABLE.c.subsystem, TABLE.c.data_sources)
    told = [(name, subsystem, json.loads(text or "{}")) for name, subsystem, text in rows]
    return [
        _pattern(name, subsystem, details)
        for name, subsystem, details in told
        if details.get("version") == VERSION and "issued" in details
    ]


def newest_rows(connection: Connection, prefix: str, *columns: sa.Column[Any]) -> list[Any]:
    """Grace's own rows under ids with the prefix, in the order of their first revisions.

    Of each the rest of the id, and the columns of the newest revision.
    """
    of_one = TABLE.c.learning_id
    rows = (
        sa.select(
            sa.func.substr(TABLE.c.learning_id, len(prefix) + 1).label("name"),
            TABLE.c.revision,
            sa.func.max(TABLE.c.revision).over(partition_by=of_one).label("newest"),
            sa.func.min(TABLE.c.ledger_index).over(partition_by=of_one).label("first"),
            *columns,
        )
        .where(TABLE.c.learning_id.startswith(prefix, autoescape=True))
        .where(is_own(TABLE))
        .subquery()
    )
    query = (
        sa.select(rows.c.name, *(rows.c[column.name] for column in columns))
        .where(rows.c.revision == rows.c.newest)
        .order_by(rows.c.first)
    )
    return list(connection.execute(query))


def _pattern(name: str, subsystem: str | None, told: Mapping[str, object]) -> Pattern:
    return Pattern(
        fingerprint=name,
        group=Group(_text(told["type"]), _texts(told["frames"]), _texts(told["codes"])),
        issued=tuple(str(told["issued"]).split()),
        words=tuple(str(told["template"]).split()),
        first_seen=datetime.fromisoformat(str(told["first_seen"])),
        subsystem=subsystem,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()

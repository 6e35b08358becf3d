"""Rows that their table can hold and this database cannot: U+0000 in text, on PostgreSQL.

They go to the quarantine whole, as JSON, where it is an escape; in a SQLite log they would land.
"""

from collections.abc import Iterable, Mapping

from grace.ingestion.loose import Manner
from grace.ingestion.outside import content_digest, kept_text
from grace.ingestion.reasons import Reason
from grace.store import Writer, quarantine
from grace.store.append import log_table
from grace.store.quarantine import Refusal

__all__ = ["fitting", "refusal"]

TYPED = Manner("call", None)

Row = Mapping[str, object]


def refusal(table: str, row: Row, source: str, position: str, reason: str) -> Refusal:
    """`reason` is what `Writer.unfit` said."""
    said = str(Reason("text", reason))
    kept = kept_text(row, TYPED, source, None)
    return Refusal(table, source, position, content_digest(row), said, kept)


def fitting(writer: Writer, table: str, rows: Iterable[Row], source: str) -> list[Row]:
    """The rows that fit; each of the others is in the quarantine when the writer commits."""
    key = log_table(table).key[0]
    judged = [(row, writer.unfit(table, row)) for row in rows]
    refused = [
        refusal(table, row, source, f"{key} {row.get(key)!a}", reason)
        for row, reason in judged
        if reason is not None
    ]
    quarantine.add(writer.connection, refused, writer.now)
    return [row for row, reason in judged if reason is None]

"""Rows of logging calls: judged once, then landed, quarantined or spooled as they were judged."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from grace.errors import BadInput
from grace.ingestion.counts import Ingested, SourceCounts
from grace.ingestion.loose import Manner, lacks_key, read_row
from grace.ingestion.outside import content_digest, kept_text
from grace.ingestion.reasons import Reason, shown
from grace.ingestion.unfit import refusal
from grace.store import Writer, quarantine
from grace.store.append import CHUNK, Expected, log_table
from grace.store.ids import uuid7
from grace.store.payloads import zero_in
from grace.store.quarantine import Refusal
from grace.store.schema import LogTable

__all__ = ["SOURCE", "Call", "judge", "land", "read_call", "write_call"]

SOURCE = "logger"
CALL = Manner("call", None)
SPOOLED = Manner("json", None)


@dataclass(frozen=True)
class Call:
    """A row with its natural key, or why it is none."""

    table: str
    row: Mapping[str, object] | None = None
    refusal: Refusal | None = None


def judge(log: LogTable, given: object, now: datetime, number: int) -> Call:
    """The `number`th row of one call, made at `now` in this process."""
    position = f"{now.isoformat()} process {os.getpid()} row {number}"
    if not isinstance(given, Mapping):
        reason = Reason("shape", f"expected columns by name, got {shown(given)}")
        return _refused(log, position, {"row": given}, reason, None)
    key = uuid7(now) if lacks_key(log, given) else None
    found = read_row(log, given, CALL)
    if isinstance(found, Reason):
        return _refused(log, position, given, found, key)
    return Call(log.name, found if key is None else {log.key[0]: key} | found)


def _refused(
    log: LogTable, position: str, given: Mapping[str, object], reason: Reason, key: str | None
) -> Call:
    kept = kept_text(given, CALL, SOURCE, key)
    refusal = Refusal(log.name, SOURCE, position, content_digest(given), str(reason), kept)
    return Call(log.name, refusal=refusal)


def write_call(call: Call) -> str:
    """One line of a spool file."""
    if call.refusal is not None:
        return json.dumps({"refusal": asdict(call.refusal)})
    return json.dumps({"table": call.table, "row": call.row}, default=datetime.isoformat)


def read_call(line: bytes, position: str) -> Call:
    """What `write_call` wrote; a line that a crash cut off is a refusal with its text."""
    try:
        held = json.loads(line)
        if "refusal" in held:
            refusal = Refusal(**held["refusal"])
            return Call(refusal.log_table, refusal=refusal)
        log, given = log_table(held["table"]), held["row"]
        found = read_row(log, given, SPOOLED)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BadInput):
        return _unreadable(line, position)
    if isinstance(found, Reason):
        return _refused(log, position, given, found, None)
    return Call(log.name, found)


def _unreadable(line: bytes, position: str) -> Call:
    text = line.decode(errors="backslashreplace")
    reason = str(Reason("shape", "the line of the spool file was cut off"))
    kept = kept_text(text, SPOOLED, SOURCE)
    refusal = Refusal("unknown", SOURCE, position, content_digest(text), reason, kept)
    return Call("unknown", refusal=refusal)


def expected(calls: Sequence[Call]) -> Expected | None:
    """What `land` appends first, where that is not much and any database can be asked for it."""
    rows = [(call.table, call.row) for call in calls if call.row is not None]
    if not 0 < len(rows) <= CHUNK:
        return None
    log = log_table(min(table for table, _ in rows))
    keys = frozenset(row[log.key[0]] for table, row in rows if table == log.name)
    return None if zero_in(keys) else Expected(log.name, keys)


def land(writer: Writer, calls: Sequence[Call], source: str) -> Ingested:
    """All calls within the writer's transaction; what they came to, by table."""
    good: dict[str, list[Mapping[str, object]]] = {}
    refused: dict[str, list[Refusal]] = {}
    for number, call in enumerate(calls, 1):
        if call.row is not None and (reason := writer.unfit(call.table, call.row)):
            position = f"{writer.now.isoformat()} process {os.getpid()} row {number}"
            unfit = refusal(call.table, call.row, SOURCE, position, reason)
            refused.setdefault(call.table, []).append(unfit)
        elif call.row is not None:
            good.setdefault(call.table, []).append(call.row)
        elif call.refusal is not None:
            refused.setdefault(call.table, []).append(call.refusal)
    tables = sorted(good.keys() | refused.keys())
    return Ingested(
        tuple(
            _land(writer, source, name, good.get(name, []), refused.get(name, []))
            for name in tables
        )
    )


def _land(
    writer: Writer,
    source: str,
    table: str,
    good: Sequence[Mapping[str, object]],
    refused: Sequence[Refusal],
) -> SourceCounts:
    landed = len(writer.append(table, good, source=SOURCE)) if good else 0
    kinds = Counter(Reason.parse(refusal.reason).kind for refusal in refused)
    return SourceCounts(
        source,
        table,
        read=len(good) + len(refused),
        landed=landed,
        unchanged=len(good) - landed,
        quarantined=dict(sorted(kinds.items())),
        new_in_quarantine=quarantine.add(writer.connection, refused, writer.now) if refused else 0,
    )

"""The proof of one improvement: its rows, why they are in the log, and what they were read from."""

import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from grace.errors import BadInput
from grace.governance.policy import digest_of, policy_texts
from grace.governance.register import full_id
from grace.ledger.note import Checkpoint, Note
from grace.ledger.tiles import MemoryTiles, Tiles, consistency_proof, inclusion_proof, root
from grace.notary.checkpoints import newest
from grace.notary.keys import public_key
from grace.proof.spelling import base64, base64s
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import LOGS, LogTable
from grace.store.tile_table import DatabaseTiles
from grace.values import microseconds
from grace.verifier import FORMAT, NotProven, Proven, check

__all__ = ["prove"]

TOLD_BY = ("proposals", "decisions", "actions", "verdicts")
ERASURES = LOGS["erasures"]

Given = dict[str, Any]


def prove(settings: Settings, store: Store, prefix: str) -> tuple[str, Proven]:
    """The file for the proposal whose id begins or ends so, and what it proves.

    Raises BadInput where there is no such proposal or its newest row is not signed yet.
    """
    proposal_id = full_id(store, prefix)
    key = public_key(settings)
    with store.reading() as connection:
        note = newest(connection)
        if note is None or key is None:
            raise BadInput("nothing has been signed yet: `grace ledger sign` does it once")
        text = _file(connection, settings, proposal_id, note)
    try:
        return text, check(text, str(key))
    except NotProven as problem:
        raise BadInput(
            f"no proof can be made of {proposal_id}: {problem}; `grace ledger verify` looks further"
        ) from None


def _file(connection: sa.Connection, settings: Settings, proposal_id: str, note: str) -> str:
    signed = Checkpoint.parse(Note.parse(note).text)
    tiles = MemoryTiles(DatabaseTiles(connection))
    rows = _rows(connection, proposal_id)
    if rows[-1]["index"] >= signed.size:
        raise BadInput(
            f"its newest row is entry {rows[-1]['index']}, and {signed.size} are signed: "
            "`grace ledger sign` signs the rest"
        )
    content = _content(rows)
    document = {
        "format": FORMAT,
        "proposal": proposal_id,
        "checkpoint": note,
        "evidence": None if content is None else _evidence(content, tiles, signed.size),
        "policy": None if content is None else _policy(settings, content["policy_digest"]),
        "rows": [
            {**row, "path": base64s(inclusion_proof(tiles, signed.size, row["index"]))}
            for row in rows
        ],
    }
    return json.dumps(document, allow_nan=False, indent=1, sort_keys=True) + "\n"


def _rows(connection: sa.Connection, proposal_id: str) -> list[Given]:
    """Everything that was logged about it, by ledger index; what was erased with its erasure."""
    erasures = list(_erasures(connection, proposal_id))
    gone = {erasure["cells"]["row_id"] for erasure in erasures}
    rows = [row for name in TOLD_BY for row in _about(connection, LOGS[name], proposal_id, gone)]
    return sorted([*rows, *erasures], key=lambda row: row["index"])


def _about(
    connection: sa.Connection, log: LogTable, proposal_id: str, gone: Collection[str]
) -> Iterator[Given]:
    """Rows that name it, and those that did until they were erased."""
    table = log.table
    return _select(connection, log, (table.c.proposal_id == proposal_id) | table.c.id.in_(gone))


def _erasures(connection: sa.Connection, proposal_id: str) -> Iterator[Given]:
    """Of rows about it: an emptied row no longer says about which proposal it was."""
    for erasure in _select(connection, ERASURES, ERASURES.table.c.table_name.in_(TOLD_BY)):
        if json.loads(erasure["cells"]["extra"] or "{}").get("proposal_id") == proposal_id:
            yield erasure


def _select(
    connection: sa.Connection, log: LogTable, where: sa.ColumnElement[bool]
) -> Iterator[Given]:
    names = [*log.kinds, "salt", "ledger_index"]
    query = sa.select(*(log.table.c[name] for name in names)).where(where)
    for *cells, salt, index in connection.execute(query):
        named = zip(log.kinds.items(), cells, strict=True)
        yield {
            "table": log.name,
            "index": index,
            "cells": {name: _spelled(kind, cell) for (name, kind), cell in named},
            "salt": None if salt is None else bytes(salt).hex(),
        }


def _spelled(kind: str, cell: Any) -> object:
    """A cell as JSON can say it: times in microseconds, the infinities by name."""
    if cell is None:
        return None
    if kind == "time":
        return microseconds(cell)
    return str(cell) if kind == "float" and math.isinf(cell) else cell


def _content(rows: list[Given]) -> Mapping[str, Any] | None:
    first = next(row for row in rows if row["table"] == "proposals")
    text = first["cells"]["content"]
    return None if text is None else json.loads(text)


def _evidence(content: Mapping[str, Any], tiles: Tiles, size: int) -> Given:
    """That the log as it was then is the beginning of the signed one."""
    seen = content["evidence"]["ledger_size"]
    return {
        "size": seen,
        "root": base64(root(tiles, seen)),
        "path": base64s(consistency_proof(tiles, seen, size)),
    }


def _policy(settings: Settings, digest: str) -> dict[str, str] | None:
    """The text in force, where it is still the one that the proposal was weighed by."""
    texts = policy_texts(settings)
    return texts if digest_of(texts) == digest else None

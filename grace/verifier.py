"""Checks the proof of one improvement with no database, no network and no other part of Grace.

What a proof holds and how it is read stands in docs/proof.md. Everything that `grace.ledger` does
is written here a second time, so that an auditor reads one file, and one mistake is not made twice:

    python verifier.py FILE --key PUB

needs Python 3.11 and `cryptography`. Exit code 0: proven; 1: not proven; 2: no file, no key.
"""

import argparse
import hashlib
import json
import math
import struct
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["FORMAT", "NotProven", "Proven", "Row", "check", "main"]

FORMAT = "grace-proof/1"

# The columns that a row's digest covers, in order, each with its kind; text where none is given.
COLUMNS = {
    "proposals": """id revision:integer recorded_at:time proposal_id state kind target fingerprint
        title content:json content_hash risk:float tier proposed_by created_at:time deadline:time
        verdict reason run_id changed_at:time extra:json source""",
    "decisions": """id revision:integer recorded_at:time decision_id proposal_id question answer
        reviewer assurance reason policy_digest content_hash run_id detail:json decided_at:time
        extra:json source""",
    "actions": """id revision:integer recorded_at:time action_id proposal_id purpose lever target
        change:json observed:json status error run_id started_at:time finished_at:time extra:json
        source""",
    "verdicts": """id revision:integer recorded_at:time verdict_id proposal_id design metric
        verdict final:boolean e_value:float effect:float interval_low:float interval_high:float
        pairs:integer void_pairs:integer evidence:json decided_at:time extra:json source""",
    "erasures": """id revision:integer recorded_at:time erasure_id table_name row_id digest reason
        requested_by approved_by erased_at:time extra:json source""",
}
# What an erasure leaves in a row, besides what every row has.
KEYS = {"proposals": "proposal_id", "decisions": "decision_id", "actions": "action_id"}
KEYS |= {"verdicts": "verdict_id", "erasures": "erasure_id"}
BARE = ("id", "revision", "recorded_at", "source")
FOLLOWS = {
    None: {"proposed"},
    "proposed": {"forbidden", "awaiting_approval", "approved"},
    "awaiting_approval": {"approved", "rejected", "expired", "superseded"},
    "approved": {"applying", "superseded"},
    "applying": {"applied", "failed"},
    "applied": {"measuring", "rolling_back"},
    "measuring": {"kept", "rolling_back"},
    "kept": {"rolling_back"},
    "rolling_back": {"rolled_back", "rollback_failed"},
}
ANSWERED = "a person's answer"
CONSENT = ("may it be done", "permit"), (ANSWERED, "approve")
# What is signed with an answer, and the column that says the same; of an older log with another key
# the origin may differ, and the time is a claim of the signer.
STATEMENT = "grace-answer/1"
STATED = {
    "log": None,
    "proposal": "proposal_id",
    "content": "content_hash",
    "asking": "decision_id",
    "answer": "answer",
    "reviewer": "reviewer",
    "reason": "reason",
    "assurance": "assurance",
    "at": None,
}
SIGNED = ("signed in", "signature")

# what reading a file raises that is put together otherwise
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, struct.error)

Cells: TypeAlias = dict[str, Any]


class NotProven(Exception):
    """What does not hold, in one line."""


@dataclass(frozen=True)
class Row:
    """A row that was in the log: `cells` by column, times as microseconds since 1970."""

    index: int
    table: str
    cells: Cells
    erased: bool


@dataclass(frozen=True)
class Proven:
    """What the file proves; `size` and `root` (base64) are those of the signed checkpoint.

    `state` and `verdict` are the newest in the file, `last` is the index of its last row: whether
    the log says more of the proposal behind that, the file cannot say.
    """

    proposal_id: str
    origin: str
    size: int
    root: str
    state: str | None
    verdict: str | None
    rows: int
    last: int
    erased: tuple[str, ...]
    story: tuple[str, ...]


def check(text: str, key: str, reviewer: str | None = None) -> Proven:
    """Raises NotProven where anything in the file is not as the log of this public key had it.

    With the public key of a reviewer, also where that key did not sign the answer.
    """
    try:
        return _check(_document(text), key, reviewer)
    except NotProven as problem:
        raise NotProven(_plain(str(problem))) from None
    except MALFORMED as problem:
        raise NotProven(f"the file is no proof as Grace writes it: {problem!r}") from None
    except RecursionError:
        raise NotProven("the file is no proof as Grace writes it: it is nested too deep") from None


def _check(document: dict[str, Any], key: str, reviewer: str | None) -> Proven:
    _insist(set(document) == {"checkpoint", "evidence", "format", "policy", "proposal", "rows"})
    _insist(document["format"] == FORMAT, f"its format is not {FORMAT}")
    origin, size, root = _signed(document["checkpoint"], key)
    rows = _rows(document["rows"], size, root)
    case = _Case(document["proposal"], rows)
    case.check()
    case.check_evidence(document["evidence"], size, root)
    case.check_policy(document["policy"])
    case.check_signed_by(reviewer)
    newest = case.history[-1].cells
    return Proven(
        proposal_id=case.proposal,
        origin=origin,
        size=size,
        root=b64encode(root).decode(),
        state=newest["state"],
        verdict=newest["verdict"],
        rows=len(rows),
        last=rows[-1].index,
        erased=tuple(_plain(line) for line in case.erased()),
        story=tuple(_plain(line) for line in _story(case, document["policy"] is not None)),
    )


def _document(text: str) -> dict[str, Any]:
    """One spelling only, so that every byte counts."""
    document = json.loads(text)
    written = json.dumps(document, allow_nan=False, indent=1, sort_keys=True) + "\n"
    _insist(written == text, "it is not spelled as Grace spells it")
    _insist(isinstance(document, dict))
    return document  # type: ignore[no-any-return]


def _insist(holds: bool, otherwise: str = "a part of it is missing or too much") -> None:
    if not holds:
        raise NotProven(otherwise)


def _base64(text: str) -> bytes:
    content = b64decode(text, validate=True)
    _insist(b64encode(content).decode() == text, "base64 is not spelled canonically")
    return content


# --- hashes, trees and signatures: RFC 9162 section 2.1, c2sp.org/signed-note, RFC 8032 ----------


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right)


def _path(texts: Sequence[str]) -> list[bytes]:
    hashes = [_base64(text) for text in texts]
    _insist(all(len(each) == 32 for each in hashes), "a hash does not have 32 bytes")
    return hashes


def _root_above(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """RFC 9162 section 2.1.3.2; None where the path has the wrong length."""
    position, last, climbed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if position % 2 == 1 or position == last:
            climbed = _node(sibling, climbed)
            while position % 2 == 0 and position != 0:
                position, last = position // 2, last // 2
        else:
            climbed = _node(climbed, sibling)
        position, last = position // 2, last // 2
    return climbed if last == 0 else None


def _extends(old: int, new: int, path: Sequence[bytes], before: bytes, after: bytes) -> bool:
    """RFC 9162 section 2.1.4.2: whether the tree of `new` entries begins with that of `old`."""
    if old == new:
        return not path and before == after
    if old == 0:
        return not path and before == _sha256(b"")
    hashes = list(path) if old & (old - 1) else [before, *path]
    if not path or not 0 < old < new:
        return False
    position, last = old - 1, new - 1
    while position % 2 == 1:
        position, last = position // 2, last // 2
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position % 2 == 1 or position == last:
            first, second = _node(sibling, first), _node(sibling, second)
            while position % 2 == 0 and position != 0:
                position, last = position // 2, last // 2
        else:
            second = _node(second, sibling)
        position, last = position // 2, last // 2
    return last == 0 and first == before and second == after


def _signed(note: str, key: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that this key, and no other, signed."""
    text = _noted(note, key, "checkpoint")
    origin, size, encoded_root = text.split("\n")
    name = _key(key)[0]
    if origin != name:
        raise NotProven(f"the checkpoint is of another log or key: {origin}, not {name}")
    _insist(size.isascii() and size.isdigit() and str(int(size)) == size)
    (root,) = _path([encoded_root])
    return origin, int(size), root


def _key(key: str) -> tuple[str, bytes, bytes]:
    """Name, id and the 32 bytes of a public key."""
    try:
        name, key_id, encoded = key.strip().split("+", 2)
        public = _base64(encoded)
    except ValueError:
        raise NotProven("the key is no public key of a log") from None
    wanted = _sha256(name.encode() + b"\n" + public)[:4]
    _insist(len(public) == 33 and public[0] == 1, "the key is no Ed25519 key")
    _insist(wanted.hex() == key_id, "the key is not the one its id says")
    return name, wanted, public[1:]


def _noted(note: str, key: str, what: str) -> str:
    """The text of a signed note with the one signature of this key."""
    name, wanted, public = _key(key)
    text, blank, line = note.rpartition("\n\n")
    dash, signer, encoded = line.removesuffix("\n").split(" ")
    _insist(bool(blank) and dash == "—" and line.endswith("\n"), f"the {what} is no signed note")
    signature = _base64(encoded)
    if (signer, signature[:4]) != (name, wanted):
        raise NotProven(f"the {what} is of another log or key: {signer}, not {name}")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], f"{text}\n".encode())
    except InvalidSignature:
        raise NotProven(f"the {what}'s signature is wrong") from None
    return text


# --- rows: docs/ledger.md, row encoding 1 ---------------------------------------------------------


def _cell(tag: int, content: bytes) -> bytes:
    return struct.pack(">BQ", tag, len(content)) + content


def _number(value: object) -> int:
    _insist(isinstance(value, int) and not isinstance(value, bool), f"{value!r} is no whole number")
    return value  # type: ignore[return-value]


def _float(value: object) -> float:
    if value in ("inf", "-inf"):
        return float(str(value))
    _insist(isinstance(value, float), f"{value!r} is no number with a point")
    return value  # type: ignore[return-value]


def _text(value: object) -> bytes:
    _insist(isinstance(value, str), f"{value!r} is no text")
    return value.encode()  # type: ignore[attr-defined, no-any-return]


def _truth(value: object) -> bytes:
    _insist(isinstance(value, bool), f"{value!r} is neither true nor false")
    return b"\x01" if value else b"\x00"


ENCODERS: dict[str, Callable[[object], bytes]] = {
    "": lambda value: _cell(1, _text(value)),
    "integer": lambda value: _cell(2, struct.pack(">q", _number(value))),
    "float": lambda value: _cell(3, struct.pack(">d", _float(value))),
    "boolean": lambda value: _cell(4, _truth(value)),
    "time": lambda value: _cell(5, struct.pack(">q", _number(value))),
    "json": lambda value: _cell(6, _text(value)),
}


def _kinds(table: str) -> dict[str, str]:
    words = (word.partition(":") for word in COLUMNS[table].split())
    return {name: kind for name, _, kind in words}


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _leaf(table: str, cells: Cells, digest: bytes) -> bytes:
    recorded = _moment(cells["recorded_at"]).isoformat(timespec="microseconds")
    entry = {
        "digest": digest.hex(),
        "id": cells["id"],
        "recorded_at": recorded.replace("+00:00", "Z"),
        "revision": cells["revision"],
        "table": table,
        "version": 1,
    }
    written = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _sha256(b"\x00" + written.encode())


def _rows(given: Sequence[dict[str, Any]], size: int, root: bytes) -> list[Row]:
    """The rows, each found in the tree of that root at its index."""
    erasures = {
        (row["cells"]["table_name"], row["cells"]["row_id"]): row["cells"]
        for row in given
        if row["table"] == "erasures"
    }
    rows = [_row(row, size, root, erasures) for row in given]
    indices = [row.index for row in rows]
    _insist(indices == sorted(set(indices)), "its rows are not in the order of the log")
    return rows


def _row(
    given: dict[str, Any], size: int, root: bytes, erasures: dict[tuple[str, str], Cells]
) -> Row:
    _insist(set(given) == {"cells", "index", "path", "salt", "table"})
    index, table, cells = _number(given["index"]), given["table"], given["cells"]
    kinds = _kinds(table)
    _insist(set(cells) == set(kinds), f"a row of {table} has not the columns of that table")
    if given["salt"] is None:
        left = {*BARE, KEYS[table]}
        bare = all(value is None for name, value in cells.items() if name not in left)
        erasure = erasures.get((table, cells["id"]), {})
        digest = bytes.fromhex(erasure.get("digest", ""))
        lost = f"entry {index} lost its payload and no erasure says so"
        _insist(bare and len(digest) == 32, lost)
        # the digest is of what is gone: whose row it was, only the erasure still vouches for
        told = json.loads(erasure["extra"] or "{}").get("key")
        _insist(told == cells[KEYS[table]], f"entry {index} is not the row that was erased")
    else:
        salt = bytes.fromhex(given["salt"])
        _insist(len(salt) == 16 and salt.hex() == given["salt"], "a salt does not have 16 bytes")
        encoded = (
            _cell(0, b"") if cells[name] is None else ENCODERS[kind](cells[name])
            for name, kind in kinds.items()
        )
        digest = _sha256(salt + b"".join(encoded))
    found = _root_above(_leaf(table, cells, digest), index, size, _path(given["path"]))
    _insist(0 <= index < size and found == root, f"entry {index} is not what the log has there")
    return Row(index, table, cells, given["salt"] is None)


# --- one improvement ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """The rows of one proposal, and whether they tell one story."""

    proposal: str
    rows: Sequence[Row]

    def of(self, table: str) -> list[Row]:
        return [row for row in self.rows if row.table == table]

    @property
    def history(self) -> list[Row]:
        return self.of("proposals")

    @property
    def reached(self) -> dict[str, int]:
        """Each state with the index of the row that first says so."""
        return {row.cells["state"]: row.index for row in reversed(self.history)}

    @property
    def content(self) -> dict[str, Any] | None:
        """What was proposed; None where it was erased."""
        first = self.history[0]
        return None if first.erased else json.loads(first.cells["content"])

    def erased(self) -> Iterator[str]:
        told = {(row.cells["table_name"], row.cells["row_id"]): row for row in self.of("erasures")}
        for row in self.rows:
            if row.erased:
                by = told[row.table, row.cells["id"]].cells
                when, who = _when(by["erased_at"]), by["approved_by"] or "the policy"
                yield f"entry {row.index} of {row.table}, on {when} for {who}: {by['reason']}"

    def check(self) -> None:
        self._check_one()
        self._check_revisions()
        self._check_states()
        self._check_agreed()
        self._check_answers()
        self._check_applied()
        self._check_verdict()
        self._check_looks()

    def _check_one(self) -> None:
        """That nothing of another proposal is in it, and that its beginning is."""
        gone = {(row.table, row.cells["id"]): row for row in self.rows if row.erased}
        for row in self.rows:
            name = row.cells
            if row.table == "erasures":
                of = gone.get((name["table_name"], name["row_id"]))
                _insist(of is not None, "an erasure is of a row that is not here, or not erased")
                assert of is not None
                _insist(of.index < row.index, f"entry {of.index} was erased before it was written")
                name = json.loads(name["extra"])
            if not row.erased or row.table == "proposals":
                mine = name["proposal_id"] == self.proposal
                _insist(mine, f"entry {row.index} is of another proposal")
        revisions = [row.cells["revision"] for row in self.history]
        complete = bool(revisions) and revisions == list(range(1, len(revisions) + 1))
        _insist(complete, "a state of the proposal is missing")

    def _check_revisions(self) -> None:
        """That of every decision, action and verdict in it nothing earlier is missing."""
        seen: dict[tuple[str, str], int] = {}
        for row in self.rows:
            key = row.table, row.cells[KEYS[row.table]]
            seen[key] = seen.get(key, 0) + 1
            complete = row.cells["revision"] == seen[key]
            _insist(complete, f"a row before entry {row.index} is missing")

    def _check_states(self) -> None:
        for before, row in zip([None, *self.history], self.history, strict=False):
            if row.erased or (before is not None and before.erased):
                continue
            state = None if before is None else before.cells["state"]
            # the run in which a person is asked is noted without a move
            fits = row.cells["state"] in FOLLOWS.get(state, set()) | {state}
            _insist(fits, f"a proposal that is {state} cannot become {row.cells['state']}")

    def _check_agreed(self) -> None:
        """That everybody was asked about this very content."""
        first = self.history[0]
        if first.erased:
            return
        agreed = _sha256(first.cells["content"].encode()).hex()
        for row in (*self.history, *self.of("decisions")):
            stated = row.cells["content_hash"]
            if row.table == "decisions" and row.cells["answer"] == "refused":
                continue  # perhaps because it was an answer to something else
            _insist(stated in (None, agreed), f"entry {row.index} is about another content")
        _insist(first.cells["content_hash"] == agreed, "the proposal's hash is not its content's")
        contents = {row.cells["content"] for row in self.history if not row.erased}
        _insist(len(contents) == 1, "what was proposed was changed on the way")

    def consent(self) -> Row | None:
        """Who let it be done: a person, or the policy."""
        given = (
            row
            for row in self.of("decisions")
            if (row.cells["question"], row.cells["answer"]) in CONSENT
            and (self.content is None or row.cells["content_hash"] is not None)
        )
        return next(given, None)

    def _check_answers(self) -> None:
        """That what is called signed is: each answer, by the key that stands beside it."""
        for row in self.of("decisions"):
            if _is_answer(row):
                _check_answer(row)

    def check_signed_by(self, reviewer: str | None) -> None:
        """That this key of a reviewer, and no other, signed the answer."""
        if reviewer is None:
            return
        answers = (row for row in self.of("decisions") if _is_answer(row))
        answer = next(answers, None)
        if answer is None or answer.cells["assurance"] != "signature":
            raise NotProven("no answer in it was signed by a reviewer")
        used = json.loads(answer.cells["detail"])["key"]
        _insist(_key(used) == _key(reviewer), f"the answer was signed by another key: {used}")

    def _check_applied(self) -> None:
        """That somebody agreed first, and that what the states say was done is there as a deed."""
        applied = [row for row in self.of("actions") if row.cells["purpose"] == "apply"]
        reached = self.reached
        if "approved" in reached or applied:
            consent = self.consent()
            unknown = any(row.erased for row in self.of("decisions"))
            _insist(consent is not None or unknown, "it was applied, and nobody had agreed")
            begun = [reached.get("approved"), *(row.index for row in applied[:1])]
            first = min(index for index in begun if index is not None)
            early = consent is not None and consent.index > first
            _insist(not early, "it was applied before anybody had agreed")
        self._check_done("apply", "applied")
        self._check_done("undo", "rolled_back")
        if self.content is not None:
            change = self.content["change"]
            back = change | {"before": change["after"], "after": change["before"]}
            self._check_meant("apply", change, "what was applied is not what was proposed")
            self._check_meant("undo", back, "what was undone is not what was proposed")

    def _check_done(self, purpose: str, state: str) -> None:
        actions, at = self.of("actions"), self.reached.get(state)
        if at is None or any(row.erased for row in actions):
            return
        done = (
            row.index < at
            for row in actions
            if (row.cells["purpose"], row.cells["status"]) == (purpose, "done")
        )
        _insist(any(done), f"it is called {state}, and no deed in it says so")

    def _check_meant(self, purpose: str, change: dict[str, Any], otherwise: str) -> None:
        for row in self.of("actions"):
            if row.cells["purpose"] == purpose:
                _insist(_same(json.loads(row.cells["change"]), change), otherwise)

    def verdict(self) -> Row | None:
        return self.verdicts()[-1] if self.verdicts() else None

    def verdicts(self) -> list[Row]:
        """One; or two, where a guardrail ended it before the first had an effect."""
        return [row for row in self.of("verdicts") if row.cells["final"]]

    def _check_verdict(self) -> None:
        measured, stated = self.verdict(), self.history[-1].cells["verdict"]
        if measured is None:
            if stated in ("improved", "no_effect", "regressed"):
                gone = any(row.erased for row in self.of("verdicts"))
                _insist(gone, f"it is called {stated}, and nothing was measured")
            return
        # what somebody else moved in between is called so, whatever had been measured
        same = stated in (None, "insufficient_data", measured.cells["verdict"])
        _insist(same, f"it is called {stated}, and was measured as {measured.cells['verdict']}")
        if self.content is not None:
            plan = self.content["plan"]
            if plan["design"] == "switchback":
                self._check_blocks(plan, measured.cells)
            for row in self.verdicts():
                for name in ("design", "metric"):
                    planned = row.cells[name] == plan[name]
                    _insist(planned, f"its {name} is not the one that was fixed before the start")
                (_check_signs if plan["design"] == "switchback" else _check_side)(row.cells, plan)

    def _check_looks(self) -> None:
        """That of the looks before the newest in it none is missing."""
        looks = self._numbers("look", self.of("verdicts"))
        _insist(looks == set(range(1, len(looks) + 1)), "a look at the measurement is missing")

    def _numbers(self, what: str, rows: Sequence[Row]) -> set[int]:
        """The numbers of those that are named so, as in block-3."""
        names = ((row.cells[KEYS[row.table]] or "").rpartition("-") for row in rows)
        return {int(number) for name, _, number in names if name == f"{self.proposal}:{what}"}

    def _check_blocks(self, plan: dict[str, Any], measured: Cells) -> None:
        """That the target was moved in the order that was drawn before the start."""
        drawn = [arm for pair in plan["order"] for arm in pair]
        done = [row for row in self.of("actions") if row.erased or row.cells["status"] == "done"]
        blocks = self._numbers("block", done)
        pairs = len(json.loads(measured["evidence"])["differences"])
        complete = blocks == set(range(len(blocks))) and len(blocks) >= 2 * pairs
        _insist(complete, "a block of the measurement is missing")
        for row in self.of("actions"):
            name, _, number = (row.cells["action_id"] or "").rpartition("-")
            if name != f"{self.proposal}:block" or row.erased:
                continue
            change = json.loads(row.cells["change"])
            meant = self.content["change"][drawn[int(number)]]  # type: ignore[index]
            as_drawn = _same(change["after"], meant)
            _insist(as_drawn, f"block {number} is not as it was drawn before the start")

    def check_evidence(self, given: dict[str, Any] | None, size: int, root: bytes) -> None:
        """That the log as it was when the evidence was read is the beginning of the signed one."""
        if self.content is None:
            return _insist(given is None)
        if given is None:
            raise NotProven("it does not say of which log the evidence was read")
        _insist(set(given) == {"path", "root", "size"})
        seen = self.content["evidence"]["ledger_size"]
        _insist(_number(given["size"]) == seen <= self.history[0].index, "the evidence came later")
        (before,) = _path([given["root"]])
        extends = _extends(seen, size, _path(given["path"]), before, root)
        return _insist(extends, "the log that the evidence was read from is not part of this one")

    def check_policy(self, texts: dict[str, str] | None) -> None:
        """That the policy is the one whose digest the proposal carries."""
        if texts is None:
            return
        _insist(all("\n" not in name for name in texts), "a file's name has two lines")
        lines = (
            f"{_sha256(text.encode()).hex()}  {name}\n" for name, text in sorted(texts.items())
        )
        digest = _sha256("".join(lines).encode()).hex()
        agreed = self.content is not None and digest == self.content["policy_digest"]
        _insist(agreed, "the policy is not the one that the proposal was weighed by")


def _is_answer(row: Row) -> bool:
    return row.cells["question"] == ANSWERED and row.cells["answer"] in ("approve", "reject")


def _check_answer(row: Row) -> None:
    """That the key beside it signed a statement of this very answer (docs/identity.md)."""
    cells, at = row.cells, f"the answer of entry {row.index}"
    detail = json.loads(cells["detail"]) if cells["detail"] else {}
    if cells["assurance"] not in SIGNED:
        _insist("proof" not in detail, f"{at} is called {cells['assurance']}, and is signed")
        return
    _insist("proof" in detail, f"{at} is called {cells['assurance']}, and nothing is signed")
    heading, *lines = _noted(detail["proof"], detail["key"], f"statement of {at}").split("\n")
    pairs = [line.partition(" ")[::2] for line in lines]
    stated = {name: json.loads(value) for name, value in pairs}
    _insist(heading == STATEMENT and [name for name, _ in pairs] == list(STATED))
    for name, column in STATED.items():
        _insist(column is None or stated[name] == cells[column], f"{at}: another {name} was signed")
    signer = _key(detail["key"])[0]
    if cells["assurance"] == "signature":
        _insist(signer == cells["reviewer"], f"{at} was signed by {signer}")
    else:
        _insist("/" in signer, f"{at} was vouched for by {signer}, which is no server")


def _check_signs(measured: Cells, plan: dict[str, Any]) -> None:
    """That the verdict follows from the differences of the pairs (docs/performance.md).

    Krichevsky and Trofimov's bet on their signs, IEEE Trans. Inf. Theory 27:2, 1981.
    """
    seen = json.loads(measured["evidence"])
    differences = [each for each in seen["differences"] if each]
    signs = len(differences)
    plus = sum(each > 0 for each in differences)
    log = math.lgamma(plus + 0.5) + math.lgamma(signs - plus + 0.5) - math.lgamma(signs + 1)
    evidence = math.exp(min(signs * math.log(2) + log - math.log(math.pi), 700.0))
    same = math.isclose(evidence, measured["e_value"], rel_tol=1e-9)
    _insist(same, f"its pairs have an e-value of {evidence:.4g}, not {measured['e_value']:.4g}")
    if measured["verdict"] == "regressed" and seen.get("stop"):
        return  # a guardrail ended it, whatever the pairs said by then
    if measured["verdict"] in ("improved", "regressed"):
        good = (2 * plus > signs) == (plan["better"] == "higher")
        proven = evidence >= 1 / plan["level"] and good == (measured["verdict"] == "improved")
        _insist(proven, f"its pairs do not say {measured['verdict']}")


def _check_side(measured: Cells, plan: dict[str, Any]) -> None:
    """That an interval on the right side of 0 stands behind a verdict; or a guardrail."""
    verdict, stop = measured["verdict"], json.loads(measured["evidence"]).get("stop")
    if verdict not in ("improved", "regressed") or (verdict == "regressed" and stop):
        return
    lower = (plan["better"] == "lower") == (verdict == "improved")
    low, high = (_float(measured[f"interval_{end}"]) for end in ("low", "high"))
    _insist(high < 0 if lower else low > 0, f"its interval does not say {verdict}")


def _same(one: object, other: object) -> bool:
    """Whether JSON says the same of both; to Python 1 and true are equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# --- the story, in plain words --------------------------------------------------------------------


def _when(microseconds: int | None) -> str:
    if microseconds is None:
        return "undated"
    return _moment(microseconds).strftime("%Y-%m-%d %H:%M:%S UTC")


def _figure(value: object) -> str:
    number = float(value) if isinstance(value, int) else value
    return "?" if number is None else f"{_float(number):.4g}"


def _plain(text: str) -> str:
    """In one line; what moves or hides text on a terminal is spelled out.

    The words are those of whoever proposed, answered, or failed: no story may be told by them.
    """
    shown = (c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return "".join(shown)


def _story(case: _Case, has_policy: bool) -> Iterator[str]:
    yield from _proposed(case, has_policy)
    rows = [row for row in case.rows if not row.erased]
    blocks = [row for row in rows if row.cells.get("purpose") == "block"]
    for row in rows:
        if row in blocks:
            yield from _told_blocks(blocks) if row is blocks[-1] else ()
        elif row.table == "verdicts":
            yield from _told_verdict(row, case.content["plan"] if case.content else {})
        else:
            yield from TOLD[row.table](row) if row.table in TOLD else ()
    newest = case.history[-1].cells
    why = f": {newest['reason']}" if newest["reason"] else ""
    yield f"At entry {case.history[-1].index} it stands as {newest['state']}{why}."
    for one in case.erased():
        yield f"Erased: {one}."


def _proposed(case: _Case, has_policy: bool) -> Iterator[str]:
    first, content = case.history[0].cells, case.content
    if content is None:
        yield "What was proposed was erased."
        return
    yield f"{_when(first['created_at'])}: {first['proposed_by']} proposed: {content['title']}."
    yield f"Why: {content['why']}"
    seen, change = content["evidence"], content["change"]
    if seen["mean"] is not None:
        shown = f"{seen['metric']} {_figure(seen['mean'])} over {seen['n']} {seen['unit']}s"
        bet = f"; e-value {_figure(seen['e_value'])}, needed {_figure(seen['needed'])}"
        bet = bet if seen["needed"] is not None else ""
        yield f"Seen in the first {seen['ledger_size']} entries of the log: {shown}{bet}."
    wanted = f"{change['target']} from {json.dumps(change['before'])} to"
    yield f"The change: {wanted} {json.dumps(change['after'])}."
    risk = content["risk"]
    text = "its text is in this file" if has_policy else "its text is not in this file"
    policy = f"policy {content['policy_digest'][:12]} ({text})"
    yield f"Risk {risk['score']:.2f} ({risk['tier']}), weighed by {policy}."


def _told_decision(row: Row) -> Iterator[str]:
    cells = row.cells
    who = f" by {cells['reviewer']} ({_how_known(cells)})" if cells["reviewer"] else ""
    answered = f"asked “{cells['question']}”, answered “{cells['answer']}”{who}"
    yield f"{_when(cells['decided_at'])}: {answered}: {cells['reason']}."


def _how_known(cells: Cells) -> str:
    """As in *signed by ann, key 1a2b3c4d*."""
    detail = json.loads(cells["detail"]) if cells["detail"] else {}
    if cells["assurance"] not in SIGNED or "key" not in detail:
        return str(cells["assurance"])
    name, key_id, _ = _key(detail["key"])
    if cells["assurance"] == "signature":
        return f"signed by {name}, key {key_id.hex()}"
    return f"signed in, says the server, key {name} {key_id.hex()}"


def _told_action(row: Row) -> Iterator[str]:
    cells = row.cells
    if cells["status"] == "started":
        return
    value = json.dumps(json.loads(cells["change"])["after"])
    done = f"{cells['purpose']}: {cells['target']} set to {value}, {cells['status']}"
    found = f", found as {cells['observed']}" if cells["observed"] else ""
    wrong = f": {cells['error']}" if cells["error"] else ""
    yield f"{_when(cells['finished_at'] or cells['started_at'])}: {done}{found}{wrong}."


def _told_blocks(blocks: Sequence[Row]) -> Iterator[str]:
    """Of a switchback: to and fro is told once."""
    done = [row for row in blocks if row.cells["status"] == "done"]
    if done:
        begin, end = (_when(row.cells["finished_at"]) for row in (done[0], done[-1]))
        drawn = "in the order drawn before the start"
        yield f"{begin} to {end}: set to and fro for {len(done)} blocks, {drawn}."


def _told_verdict(row: Row, plan: dict[str, Any]) -> Iterator[str]:
    cells = row.cells
    if not cells["final"]:
        return
    weak = cells["design"] == "before_after"
    kind = "interval over both looks" if weak else "confidence sequence"
    interval_name = f"{(1 - plan.get('level', 0.05)) * 100:g} % {kind}"
    low, high = (cells[f"interval_{end}"] for end in ("low", "high"))
    closed = all(end is not None and not math.isinf(_float(end)) for end in (low, high))
    interval = f" ({interval_name} {_figure(low)} to {_figure(high)})" if closed else ""
    pairs = f" over {cells['pairs']} pairs" if cells["pairs"] else ""
    bet = f", e-value {_figure(cells['e_value'])}" if cells["e_value"] is not None else ""
    effect = f"{cells['metric']} changed by {_figure(cells['effect'])}{interval}{pairs}{bet}"
    design = f"{cells['design']}, which is weak evidence" if weak else cells["design"]
    yield f"{_when(cells['decided_at'])}: measured by {design}: {effect}."
    if stop := json.loads(cells["evidence"]).get("stop"):
        yield f"It ended early: {stop}."
    yield f"The verdict: {cells['verdict']}."


TOLD: dict[str, Callable[[Row], Iterable[str]]] = {
    "decisions": _told_decision,
    "actions": _told_action,
}


def told(proven: Proven) -> str:
    """What a person reads who was handed the file."""
    lines = [*proven.story, ""]
    lines.append(f"Proven: all {proven.rows} rows are in the log {proven.origin}, as they were")
    lines.append(f"written, under the signed root {proven.root} of {proven.size} entries.")
    lines.append(f"Whether the log says more of it behind entry {proven.last}, and whether a row")
    lines.append("was true, no proof can say.")
    return "\n".join(lines)


def _key_text(given: str) -> str:
    return Path(given).read_text() if Path(given).is_file() else given


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="grace-verify", description="Check the proof of one improvement."
    )
    parser.add_argument("file", type=Path, help="what `grace prove` wrote")
    parser.add_argument("--key", required=True, help="the log's public key, or a file of it")
    parser.add_argument("--reviewer", help="insist that this public key signed the answer")
    asked = parser.parse_args(arguments)
    try:
        key, reviewer = _key_text(asked.key), asked.reviewer and _key_text(asked.reviewer)
        content = asked.file.read_bytes()
    except (OSError, UnicodeDecodeError) as problem:
        print(f"grace-verify: {problem}", file=sys.stderr)
        sys.exit(2)
    try:
        text = content.decode()
    except UnicodeDecodeError as problem:
        print(f"grace-verify: NOT proven: {problem}", file=sys.stderr)
        sys.exit(1)
    try:
        print(told(check(text, key, reviewer)))
    except NotProven as problem:
        print(f"grace-verify: NOT proven: {problem}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()

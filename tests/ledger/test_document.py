"""docs/ledger.md is the format: a stranger with nothing but that page can verify a log.

The stranger below uses no module of Grace's; it takes the columns from the page.
"""

import hashlib
import json
import re
import sqlite3
import struct
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grace.ledger.encoding import encode_row, row_digest
from grace.ledger.entry import encode_entry
from grace.ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    span,
    verify_consistency,
    verify_inclusion,
)
from grace.ledger.note import Checkpoint, Note, SigningKey, VerifierKey, sign_note
from grace.settings import PROJECT, Settings
from grace.store.schema import LOGS
from grace.values import from_microseconds
from tests.tampering import Log

PAGE = (PROJECT / "docs" / "ledger.md").read_text()


def _block(name: str) -> str:
    (found,) = re.findall(rf"^```{name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def _vector(name: str) -> Any:
    return json.loads(_block(f"json {name}"))


def _columns() -> dict[str, dict[str, str]]:
    """Table to column to kind, as the page lists them."""
    tables = re.findall(r"^(\w+)\n((?: .*\n)+)", _block("columns"), re.MULTILINE)
    return {name: dict(pair.split(":") for pair in columns.split()) for name, columns in tables}


def test_the_page_lists_every_column_in_hashing_order() -> None:
    """A column added to the schema fails here until the page has it."""
    listed = {name: list(columns.items()) for name, columns in _columns().items()}
    assert listed == {name: list(log.kinds.items()) for name, log in LOGS.items()}


@pytest.mark.parametrize("cell", _vector("cells"))
def test_cell_vectors(cell: dict[str, Any]) -> None:
    """Grace and the stranger encode them as the page says."""
    value = cell["value"]
    if cell["kind"] == "time":
        value = from_microseconds(value)
    assert encode_row([cell["kind"]], [value]).hex() == cell["bytes"]
    assert _cell(cell["kind"], cell["value"]).hex() == cell["bytes"]


def test_the_row_vector() -> None:
    """From the cells to the leaf."""
    told = _vector("row")
    log, row = LOGS[told["table"]], told["row"]
    values = [
        from_microseconds(row[name]) if kind == "time" and row[name] is not None else row[name]
        for name, kind in log.kinds.items()
    ]
    encoded = encode_row(list(log.kinds.values()), values)
    digest = row_digest(bytes.fromhex(told["salt"]), encoded)
    at = from_microseconds(row["recorded_at"])
    entry = encode_entry(log.name, row["id"], row["revision"], at, digest)
    assert encoded.hex() == told["encoding"]
    assert digest.hex() == told["digest"]
    assert entry.decode() == told["entry"]
    assert leaf_hash(entry).hex() == told["leaf"]
    assert _leaf(told["table"], row, bytes.fromhex(told["salt"])).hex() == told["leaf"]


def test_the_tree_vector() -> None:
    """Roots and both kinds of proof."""
    told = _vector("tree")
    leaves = [bytes.fromhex(leaf) for leaf in told["leaves"]]
    for size, expected in told["roots"].items():
        assert root(leaves[: int(size)]).hex() == expected
        assert _root(leaves[: int(size)]).hex() == expected
    whole = bytes.fromhex(told["roots"]["7"])
    one, two = told["inclusion"], told["consistency"]
    proof = inclusion_proof(span(leaves), one["size"], one["index"])
    assert [hash.hex() for hash in proof] == one["proof"]
    assert verify_inclusion(leaves[one["index"]], one["index"], one["size"], proof, whole)
    proof = consistency_proof(span(leaves), two["old"], two["new"])
    assert [hash.hex() for hash in proof] == two["proof"]
    old = bytes.fromhex(told["roots"]["3"])
    assert verify_consistency(two["old"], two["new"], proof, old, whole)


def test_the_key_vector() -> None:
    """A key, and a checkpoint it signed; Ed25519 is deterministic, so the bytes are these."""
    told = _vector("key")
    key = SigningKey.parse(told["signing_key"])
    assert (key.seed.hex(), key.text) == (told["seed"], told["signing_key"])
    assert (str(key.verifier), key.verifier.key_id) == (told["verifier_key"], told["key_id"])
    checkpoint = Checkpoint(key.name, told["size"], bytes.fromhex(told["root"]))
    assert sign_note(checkpoint.text, key) == told["note"]
    assert Note.parse(told["note"]).standing(VerifierKey.parse(told["verifier_key"])) == "valid"
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(told["seed"])).public_key()
    assert _open(told["note"], told["verifier_key"]) == (told["size"], bytes.fromhex(told["root"]))
    assert b64decode(told["verifier_key"].split("+", 2)[2])[1:] == public.public_bytes_raw()


def test_a_stranger_verifies_a_real_log_from_the_page_alone(settings: Settings) -> None:
    """And notices the smallest edit."""
    log = Log(settings)
    log.write(3)
    log.sign()
    key = settings.key_file.with_name("signing.key.pub").read_text().strip()
    note = settings.checkpoint_file.read_text()
    size, signed = _open(note, key)
    assert size == 48
    assert _root(_leaves(log.path, size)) == signed
    with log.attack() as connection:
        connection.execute("UPDATE data_cube SET metric_value = 7.5 WHERE ledger_index < 16")
    assert _root(_leaves(log.path, size)) != signed


# The stranger: written from the page, with the standard library and Ed25519.


def _cell(kind: str, value: object) -> bytes:
    if value is None:
        return bytes(9)
    tag, payload = {
        "text": lambda: (1, str(value).encode()),
        "integer": lambda: (2, struct.pack(">q", value)),
        "float": lambda: (3, struct.pack(">d", value)),
        "boolean": lambda: (4, bytes([bool(value)])),
        "time": lambda: (5, struct.pack(">q", value)),
        "json": lambda: (6, str(value).encode()),
    }[kind]()
    return bytes([tag]) + len(payload).to_bytes(8, "big") + payload


def _leaf(table: str, row: dict[str, Any], salt: bytes) -> bytes:
    encoding = b"".join(_cell(kind, row[name]) for name, kind in _columns()[table].items())
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["recorded_at"])
    entry = {
        "digest": hashlib.sha256(salt + encoding).hexdigest(),
        "id": row["id"],
        "recorded_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "revision": row["revision"],
        "table": table,
        "version": 1,
    }
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"\x00" + canonical.encode()).digest()


def _leaves(path: Path, size: int) -> list[bytes]:
    found: dict[int, bytes] = {}
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        for table in _columns():
            query = f"SELECT * FROM {table} WHERE ledger_index < {size}"
            for row in connection.execute(query):
                assert row["ledger_index"] not in found
                found[row["ledger_index"]] = _leaf(table, dict(row), row["salt"])
    connection.close()
    return [found[index] for index in range(size)]


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()


def _open(note: str, key: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint; InvalidSignature where the key did not sign it."""
    name, key_id, encoded = key.split("+", 2)
    public = b64decode(encoded)
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    text, _, line = note.rpartition("\n\n")
    dash, signer, signature = line.rstrip("\n").split(" ")
    assert (dash, signer) == ("—", name)
    assert b64decode(signature)[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(
        b64decode(signature)[4:], f"{text}\n".encode()
    )
    origin, size, encoded_root = text.split("\n")
    assert origin == name
    assert b64encode(b64decode(encoded_root)).decode() == encoded_root
    return int(size), b64decode(encoded_root)

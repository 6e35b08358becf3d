"""One row, and the whole log, in the formats that other tools of transparency logs read."""

import hashlib
import json
import struct
from base64 import b64decode
from pathlib import Path

import pytest

from grace.cli import main
from grace.errors import BadInput, LedgerBroken
from grace.ledger.merkle import leaf_hash, root, verify_inclusion
from grace.ledger.note import Checkpoint, Note
from grace.proof.tlog import _path, index_of, tlog_proof, write_static
from grace.store import open_store
from tests.tampering import Log


def parsed(text: str) -> tuple[int, bytes, list[bytes], Checkpoint]:
    """As c2sp.org/tlog-proof says: header, extra, index, hashes, an empty line, the checkpoint."""
    head, _, note = text.partition("\n\n")
    header, extra, index, *path = head.split("\n")
    assert header == "c2sp.org/tlog-proof@v1"
    entry = b64decode(extra.removeprefix("extra "))
    hashes = [b64decode(line) for line in path]
    return int(index.removeprefix("index ")), entry, hashes, Checkpoint.parse(Note.parse(note).text)


def test_every_row_has_a_proof_that_holds_for_it_alone(tall: Log) -> None:
    """Of 700 rows every seventh: its entry is under the root at its index, and at no other."""
    store = open_store(tall.settings.url)
    for wanted in range(0, 700, 7):
        index, entry, path, signed = parsed(tlog_proof(store, wanted))
        assert index == wanted
        leaf = leaf_hash(entry)
        assert verify_inclusion(leaf, index, signed.size, path, signed.root)
        assert not verify_inclusion(leaf, index + 1, signed.size, path, signed.root)


def test_a_row_is_found_by_its_name(signed: Log) -> None:
    """An index, an id, or table and key; the newest revision of it."""
    store = open_store(signed.settings.url)
    index = index_of(store, "decisions/decisions-decision_id-1")
    entry = json.loads(parsed(tlog_proof(store, index))[1])
    assert entry["table"] == "decisions"
    assert index_of(store, entry["id"]) == index == index_of(store, str(index))
    with pytest.raises(BadInput, match="no row is 'decisions/nix'"):
        index_of(store, "decisions/nix")


def test_what_is_not_signed_has_no_proof(signed: Log) -> None:
    """Neither the row after the last nor one from before the first."""
    store = open_store(signed.settings.url)
    with pytest.raises(BadInput, match="64 entries are signed"):
        tlog_proof(store, 64)


def test_a_row_that_was_edited_gets_no_proof(signed: Log) -> None:
    """The proof would be of another row than the one that stands there."""
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'other' WHERE ledger_index = 8")
    with pytest.raises(LedgerBroken, match="entry 8 is not what the log has there"):
        tlog_proof(open_store(signed.settings.url), 8)


def read_static(folder: Path) -> tuple[Checkpoint, list[bytes]]:
    """The entries as a foreign monitor reads them, from the files alone."""
    signed = Checkpoint.parse(Note.parse((folder / "checkpoint").read_text()).text)
    entries: list[bytes] = []
    for number in range(-(-signed.size // 256)):
        width = min(256, signed.size - number * 256)
        name = f"{number:03d}" if width == 256 else f"{number:03d}.p/{width}"
        bundle = (folder / "tile" / "entries" / name).read_bytes()
        hashes = (folder / "tile" / "0" / name).read_bytes()
        before = len(entries)
        while bundle:
            (length,) = struct.unpack(">H", bundle[:2])
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries[before:]]
        assert b"".join(leaves) == hashes
        assert len(leaves) == width
    return signed, entries


def test_the_tiles_are_the_log(tall: Log, tmp_path: Path) -> None:
    """Entries, level 0 and the upper levels give the root that is signed."""
    write_static(open_store(tall.settings.url), tmp_path / "tiles")
    signed, entries = read_static(tmp_path / "tiles")
    leaves = [leaf_hash(entry) for entry in entries]
    assert root(leaves) == signed.root
    upper = (tmp_path / "tiles/tile/1/000.p/2").read_bytes()
    assert upper == root(leaves[:256]) + root(leaves[256:512])


def test_what_was_written_is_not_written_again(tall: Log, tmp_path: Path) -> None:
    """A full tile never changes, so a web server may cache it for ever; new entries are added."""
    folder = tmp_path / "tiles"
    write_static(open_store(tall.settings.url), folder)
    full = folder / "tile/entries/001"
    before = full.stat()
    tall.write_goals(80, start=700)
    tall.sign()
    write_static(open_store(tall.settings.url), folder)
    assert (full.stat().st_mtime_ns, full.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert read_static(folder)[0].size == 780
    assert (folder / "tile/entries/003.p/12").exists()


def test_tiles_beyond_a_thousand_are_named_in_threes() -> None:
    """The example of the specification: 1234067 is x001/x234/067."""
    assert str(_path(Path("t"), 1234067, 256)) == "t/x001/x234/067"
    assert str(_path(Path("t"), 67, 5)) == "t/067.p/5"


def test_the_commands_write_them(signed: Log, tmp_path: Path, monkeypatch, capsys) -> None:
    """`grace ledger prove` and `grace ledger export`, as an auditor's tools are fed."""
    monkeypatch.setenv("GRACE_DATA_DIR", str(signed.settings.data_dir))
    monkeypatch.chdir(tmp_path)
    run("ledger", "prove", "7")
    assert parsed((tmp_path / "entry-7.tlog-proof").read_text())[0] == 7
    capsys.readouterr()
    run("--json", "ledger", "export", "www")
    assert json.loads(capsys.readouterr().out)["size"] == 64
    assert read_static(tmp_path / "www")[0].size == 64


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    assert end.value.code == 0

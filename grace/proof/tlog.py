"""Proofs and tiles in the formats that foreign tools of transparency logs read.

`tlog_proof` is c2sp.org/tlog-proof: that one entry is in the log. `write_static` lays the whole log
out as c2sp.org/tlog-tiles does, so that a plain web server can serve it.
"""

import os
import struct
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa

from grace.errors import BadInput, LedgerBroken
from grace.files import write_whole
from grace.ledger.merkle import leaf_hash
from grace.ledger.note import Checkpoint, Note
from grace.ledger.tiles import HASH, HEIGHT, WIDTH, MemoryTiles, Tiles, inclusion_proof, leaf
from grace.notary.checkpoints import newest
from grace.proof.entries import entries, entry_at
from grace.proof.spelling import base64, base64s
from grace.store import Store
from grace.store.schema import LOGS
from grace.store.tile_table import DatabaseTiles

__all__ = ["Written", "index_of", "tlog_proof", "write_static"]

HEADER = "c2sp.org/tlog-proof@v1"
Written = Callable[[int, int], None]


def index_of(store: Store, name: str) -> int:
    """The ledger index that this is, or that of the newest revision of a row: TABLE/KEY, or an id.

    Raises BadInput where there is none.
    """
    if name.isascii() and name.isdigit() and len(name) < 19:
        return int(name)
    table, slash, key = name.partition("/")
    table, key = (table, key) if slash else ("", name)
    logs = [LOGS[table]] if table in LOGS else list(LOGS.values()) if not table else []
    with store.reading() as connection:
        for log in logs:
            where = log.table.c.id == key
            if table:
                where |= log.table.c[log.key[0]] == key
            query = sa.select(sa.func.max(log.table.c.ledger_index)).where(where)
            if (found := connection.execute(query).scalar_one()) is not None:
                return int(found)
    raise BadInput(f"no row is {name!r}; name an index, the id of a row, or TABLE/KEY")


def tlog_proof(store: Store, index: int) -> str:
    """That the entry at this index is in the signed log; the entry itself is the extra line.

    Raises BadInput where the index is not signed, LedgerBroken where the row is another.
    """
    with store.reading() as connection:
        note, size = _signed(connection)
        if not 0 <= index < size:
            raise BadInput(f"{size} entries are signed: there is no entry {index} among them")
        tiles = MemoryTiles(DatabaseTiles(connection))
        entry = entry_at(connection, index, leaf(tiles, index))
        path = base64s(inclusion_proof(tiles, size, index))
    return "\n".join([HEADER, f"extra {base64(entry)}", f"index {index}", *path, "", note])


def write_static(store: Store, folder: Path, tell: Written = lambda done, size: None) -> Checkpoint:
    """Write what is signed into the folder; again: what is new. The checkpoint comes last.

    Full tiles are never written twice. Raises LedgerBroken where a row is not its leaf.
    """
    with store.reading() as connection:
        note, size = _signed(connection)
        tiles = MemoryTiles(DatabaseTiles(connection))
        for bundle, hashes in _bundles(connection, tiles, size):
            file = _path(folder / "tile" / "entries", bundle.number, bundle.width)
            _put(file, bundle.content)
            _put(_path(folder / "tile" / "0", bundle.number, bundle.width), hashes)
            tell(min((bundle.number + 1) * WIDTH, size), size)
        for level, number, width in _upper_tiles(size):
            content = tiles.get(level, number) or b""
            _put(_path(folder / "tile" / str(level), number, width), content[: width * HASH])
    write_whole(folder / "checkpoint", note)
    return Checkpoint.parse(Note.parse(note).text)


class _Bundle:
    """Up to 256 entries, each behind its length as two bytes, big-endian."""

    def __init__(self, number: int, entries: list[bytes]) -> None:
        self.number, self.width = number, len(entries)
        self.content = b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def _bundles(connection: sa.Connection, tiles: Tiles, size: int) -> Iterator[tuple[_Bundle, bytes]]:
    rows = entries(connection, size)
    for number, group in groupby(rows, key=lambda pair: pair[0] // WIDTH):
        bundled = [entry for _, entry in group]
        hashes = (tiles.get(0, number) or b"")[: len(bundled) * HASH]
        if b"".join(map(leaf_hash, bundled)) != hashes:
            raise LedgerBroken(f"entries {number * WIDTH} on are not what the log has there")
        yield _Bundle(number, bundled), hashes


def _upper_tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, number and width of the tiles above level 0."""
    level, count = 1, size >> HEIGHT
    while count:
        full, rest = divmod(count, WIDTH)
        yield from ((level, number, WIDTH) for number in range(full))
        if rest:
            yield level, full, rest
        level, count = level + 1, count >> HEIGHT


def _path(folder: Path, number: int, width: int) -> Path:
    """As c2sp.org/tlog-tiles names it: 1234067 is x001/x234/067, of 5 hashes with .p/5 behind."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    file = folder.joinpath(*(f"x{part}" for part in parts[:-1]), parts[-1])
    return file if width == WIDTH else file.with_name(f"{file.name}.p") / str(width)


def _put(file: Path, content: bytes) -> None:
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content)
    os.replace(draft, file)


def _signed(connection: sa.Connection) -> tuple[str, int]:
    note = newest(connection)
    if note is None:
        raise BadInput("nothing has been signed yet: `grace ledger sign` does it once")
    return note, Checkpoint.parse(Note.parse(note).text).size

"""The hashing of a restored log, done beside the process that fills the database.

Only the standard library and the ledger are imported, because a process for it has to start fast.
"""

import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grace.ledger.merkle import fold
from grace.ledger.tiles import HASH, WIDTH, hashes_of
from grace.notary.cells import UNENCODABLE
from grace.notary.rows import CHUNK, LogRows, cell_leaves

__all__ = ["FoldJob", "LeafJob"]


@dataclass(frozen=True)
class LeafJob:
    """Some rows of a table, as bytes: pickle would take five times as long over them."""

    table: LogRows
    marshalled: bytes

    @classmethod
    def of(cls, table: LogRows, rows: list[tuple[Any, ...]]) -> "LeafJob":
        """Of each row the hashed columns, salt and ledger index, with text as bytes."""
        return cls(table, marshal.dumps(rows, 2))

    def run(self) -> list[bytes] | None:
        """None where one of the rows is not like the others, as after an erasure."""
        rows = marshal.loads(self.marshalled)
        try:
            return [leaf for at in range(0, len(rows), CHUNK) for leaf in self._leaves(rows, at)]
        except UNENCODABLE:
            return None

    def _leaves(self, rows: Sequence[tuple[Any, ...]], at: int) -> Iterator[bytes]:
        *cells, salts, _ = zip(*rows[at : at + CHUNK], strict=True)
        return cell_leaves(self.table, cells, salts)


@dataclass(frozen=True)
class FoldJob:
    """Leaf hashes from the beginning of a tile on; gives the roots of those tiles that are full."""

    hashes: bytes

    def run(self) -> list[bytes]:
        tile = WIDTH * HASH
        full = len(self.hashes) // tile * tile
        return [fold(hashes_of(self.hashes[at : at + tile])) for at in range(0, full, tile)]

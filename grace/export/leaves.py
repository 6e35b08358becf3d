"""The leaf hashes of the ledger as an archive holds them."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from grace.errors import CheckFailed
from grace.export.archive import Archive
from grace.ledger.tiles import HASH, hashes_of

__all__ = ["Leaves"]

LEAVES_FILE = re.compile(r"leaves/([0-9]{12})-([0-9]{12})\.hashes")


class Leaves:
    """The leaf hashes of an archive, some thousand in memory at a time."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.files: list[tuple[int, int, str]] = []
        self.low, self.high, self.hashes = 0, 0, b""
        place = archive.manifest.low
        for name in sorted(archive.place.sizes):
            if match := LEAVES_FILE.fullmatch(name):
                low, high = int(match[1]), int(match[2])
                if low != place or archive.place.sizes[name] != (high - low) * HASH:
                    raise CheckFailed(f"the leaves of the ledger are not whole at {place}")
                self.files.append((low, high, name))
                place = high
        if place != archive.manifest.size:
            raise CheckFailed(f"the leaves of the ledger end at {place}")

    def blocks(self) -> Iterator[list[bytes]]:
        return map(hashes_of, self._read())

    def _read(self) -> Iterator[bytes]:
        for _, _, name in self.files:
            with self.archive.open(name) as file:
                while block := file.read(4096 * HASH):
                    yield block

    def aligned(self, count: int) -> Iterator[bytes]:
        """`count` hashes at a time, whatever the files hold; the last ones may be fewer."""
        held = b""
        for block in self._read():
            held += block
            while len(held) >= count * HASH:
                yield held[: count * HASH]
                held = held[count * HASH :]
        if held:
            yield held

    def at(self, indices: Sequence[int]) -> list[bytes]:
        """Of rising indices; empty where there is none."""
        found: list[bytes] = []
        while len(found) < len(indices):
            rest = indices[len(found) :]
            if not self.low <= rest[0] < self.high:
                self._hold(rest[0])
            here = [at for at in rest if at < self.high] if rest[-1] >= self.high else rest
            if not self.hashes:
                found.append(b"")
                continue
            places = np.fromiter(here, np.int64, len(here)) - self.low
            found += np.frombuffer(self.hashes, f"V{HASH}")[places].tolist()
        return found

    def _hold(self, index: int) -> None:
        fitting = (file for file in self.files if file[0] <= index < file[1])
        self.low, self.high, name = next(fitting, (index, index + 1, ""))
        self.hashes = self.archive.read(name) if name else b""

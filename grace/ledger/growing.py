"""A tree that only grows: its root at any size from a handful of hashes, whatever lies below.

The peaks are the roots of the perfect trees that make up the first `size` leaves, largest first:
one for each 1 in the binary digits of `size` (RFC 9162 section 2.1.1).
"""

from collections.abc import Mapping, Sequence

from grace.ledger.merkle import EMPTY_ROOT, fold, node_hash

__all__ = ["Growing"]

WIDTH = 256


class Growing:
    """ValueError where there are not as many peaks as `size` has ones."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != 32 for peak in peaks):
            raise ValueError(f"these are not the peaks of {size} leaves")
        self.size = size
        self.peaks = list(peaks)

    def extend(self, leaves: Sequence[bytes], folds: Mapping[int, bytes] | None = None) -> None:
        """`folds` are roots that are known already, by the number of their WIDTH leaves."""
        taken, known = 0, folds or {}
        while taken < len(leaves):
            if self.size % WIDTH == 0 and len(leaves) - taken >= WIDTH:
                folded = known.get(self.size // WIDTH)
                self._push(folded or fold(leaves[taken : taken + WIDTH]), WIDTH)
                taken += WIDTH
            else:
                self._push(leaves[taken], 1)
                taken += 1

    def root(self) -> bytes:
        joined: bytes | None = None
        for peak in reversed(self.peaks):
            joined = peak if joined is None else node_hash(peak, joined)
        return EMPTY_ROOT if joined is None else joined

    def _push(self, peak: bytes, width: int) -> None:
        place = self.size // width
        while place & 1:
            peak, place = node_hash(self.peaks.pop(), peak), place >> 1
        self.peaks.append(peak)
        self.size += width

"""What became of the row at the first index where rows and leaves differ."""

from collections.abc import Sequence

from grace.notary.comparison import Comparison
from grace.notary.findings import Finding
from grace.notary.rows import LogRows, leaves
from grace.notary.stored import Stored
from grace.notary.tree import find_leaf, leaf_at

__all__ = ["explain"]


def explain(connection: Stored, tables: Sequence[LogRows], found: Comparison) -> Finding:
    """What became of the row at the first index where rows and leaves differ."""
    index = found.first
    if index is None:
        return Finding("inserted", None, "a row was inserted whose ledger_index is no whole number")
    if index == found.twice:
        return Finding("inserted", index, f"a second row was inserted at index {index}")
    if index == found.beyond_low:
        return Finding("inserted", index, f"the row at index {index} has no leaf in the tree")
    stands = _find_row(connection, tables, leaf_at(connection, index))
    if found.first_wrong is None or found.first_wrong[0] != index:
        return _gone(index, stands)
    leaf = found.first_wrong[1]
    return _changed(index, stands, None if leaf is None else find_leaf(connection, leaf))


def _gone(index: int, stands: int | None) -> Finding:
    if stands is None:
        return Finding("deleted", index, f"the row at index {index} was deleted")
    return Finding("reordered", index, f"the row of index {index} stands at {stands}")


def _changed(index: int, stands: int | None, belongs: int | None) -> Finding:
    """`stands`: where the row that belongs here is; `belongs`: where the row that is here does."""
    if stands is None and belongs is None:
        return Finding("edited", index, f"the row at index {index} was edited")
    if belongs is None:
        return Finding("inserted", index, f"a row was inserted at index {index}")
    if stands is None:
        reason = f"the row of index {index} was deleted and that of index {belongs} stands there"
        return Finding("deleted", index, reason)
    reason = f"rows were reordered: at index {index} stands the row of index {belongs}"
    return Finding("reordered", index, reason)


def _find_row(connection: Stored, tables: Sequence[LogRows], leaf: bytes) -> int | None:
    """The index at which a row with this leaf hash stands now."""
    for table in tables:
        for indices, hashes in leaves(connection, table):
            if leaf in hashes:
                return indices[hashes.index(leaf)]
    return None

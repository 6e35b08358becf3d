"""A cell of another storage class than its column's has no encoding.

SQLite's own SQL mostly cannot store such cells, somebody who writes the file's pages can.
"""

import pytest

from grace.ledger.encoding import encode_rows
from grace.notary.cells import UNENCODABLE, pieces
from grace.values import Kind

COLUMNS: list[tuple[Kind, list[object]]] = [
    ("text", [b"a", b"", None, b"\xc3\xa9" * 40_000]),
    ("json", [b"{}", None, b"null", b"{}"]),
    ("integer", [1, -(2**63), None, 2**63 - 1]),
    ("time", [0, -1, None, 10**15]),
    ("float", [0.5, None, float("inf"), 5e-324]),
    ("boolean", [1, 0, None, 1]),
]
WRONG: list[tuple[Kind, object]] = [
    ("text", 5),
    ("text", 0.5),
    ("integer", 1.0),
    ("integer", b"1"),
    ("integer", 2**63),
    ("time", 1.0),
    ("time", b"x"),
    ("float", 1),
    ("float", b"1"),
    ("boolean", 1.0),
    ("boolean", 2),
    ("boolean", b"1"),
]


@pytest.mark.parametrize(("kind", "column"), COLUMNS)
def test_columns_of_one_kind(kind: Kind, column: list[object]) -> None:
    """With and without nulls, all equal and all different, as the writer encodes them."""
    for cells in (column, [cell for cell in column if cell is not None], column[:1] * 3, [None]):
        values = [cell.decode() if isinstance(cell, bytes) else cell for cell in cells]
        joined = map(b"".join, zip(*pieces([kind], [cells]), strict=False))
        assert list(joined) == encode_rows([kind], [(value,) for value in values])


@pytest.mark.parametrize(("kind", "cell"), WRONG)
def test_a_cell_of_another_storage_class(kind: Kind, cell: object) -> None:
    """Alone, among its like, and beside cells it is equal to."""
    right = next(column for of, column in COLUMNS if of == kind)
    for column in ([cell], [cell, cell], [right[0], cell], [*right, cell]):
        with pytest.raises(UNENCODABLE):
            list(zip(*pieces([kind], [column]), strict=False))

"""How many rows the database says it holds."""

import sqlalchemy as sa

from grace.errors import LedgerBroken
from grace.store.schema import ledger_head

__all__ = ["head_size"]


def head_size(connection: sa.Connection) -> int:
    """LedgerBroken where the head is not one row with a number."""
    sizes = list(connection.execute(sa.select(ledger_head.c.size)).scalars())
    if len(sizes) != 1 or not isinstance(sizes[0], int):
        raise LedgerBroken("the ledger's head is damaged: run `grace ledger verify`")
    return sizes[0]

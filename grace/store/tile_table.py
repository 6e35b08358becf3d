"""The tiles of the log in the `ledger_tiles` table of its database."""

import sqlalchemy as sa

from grace.ledger.tiles import MemoryTiles
from grace.store.plain import Statement, execute

__all__ = ["DatabaseTiles", "puts"]

GET = "SELECT hashes FROM ledger_tiles WHERE level = ? AND tile = ?"
PUT = (  # the one upsert that SQLite and PostgreSQL read alike
    "INSERT INTO ledger_tiles (level, tile, hashes) VALUES (?, ?, ?) "
    "ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes"
)


class DatabaseTiles:
    """`grace.ledger.tiles.Tiles` within the transaction of `connection`."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def get(self, level: int, tile: int) -> bytes | None:
        (found,) = execute(self.connection, (GET, (level, tile)))
        return bytes(found[0][0]) if found else None

    def put(self, level: int, tile: int, hashes: bytes) -> None:
        execute(self.connection, (PUT, (level, tile, hashes)))


def puts(tiles: MemoryTiles) -> list[Statement]:
    """What writes all that is held."""
    return [(PUT, (*place, hashes)) for place, hashes in tiles.held.items()]

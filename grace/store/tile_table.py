"""The tiles of the log in the `ledger_tiles` table of its database."""

import sqlalchemy as sa

from grace.store.schema import ledger_tiles

__all__ = ["DatabaseTiles"]

GET = sa.select(ledger_tiles.c.hashes).where(
    ledger_tiles.c.level == sa.bindparam("level"), ledger_tiles.c.tile == sa.bindparam("tile")
)
PUT = sa.text(  # the one upsert that SQLite and PostgreSQL read alike
    "INSERT INTO ledger_tiles (level, tile, hashes) VALUES (:level, :tile, :hashes) "
    "ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes"
)


class DatabaseTiles:
    """`grace.ledger.tiles.Tiles` within the transaction of `connection`."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def get(self, level: int, tile: int) -> bytes | None:
        found = self.connection.execute(GET, {"level": level, "tile": tile}).scalar_one_or_none()
        return None if found is None else bytes(found)

    def put(self, level: int, tile: int, hashes: bytes) -> None:
        self.connection.execute(PUT, {"level": level, "tile": tile, "hashes": hashes})

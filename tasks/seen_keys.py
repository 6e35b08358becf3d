"""Which keys a source has shown already, on disk: its memory does not grow with the source."""

import sqlite3
from collections.abc import Sequence

__all__ = ["SeenKeys"]

CACHE_KIB = 16_000
CHUNK = 500  # keys a look-up


class SeenKeys:
    """Lives in a private file that the system forgets when it is closed, or the process ends."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, position TEXT, count INTEGER) WITHOUT ROWID"
        )

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> "SeenKeys":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def first(self, keys: Sequence[tuple[bytes, str]]) -> list[str | None]:
        """For each key and its position, where the key stood before; None where it is new."""
        known = {key: position for key, position, _ in self._known([key for key, _ in keys])}
        found: list[str | None] = []
        new: list[tuple[bytes, str]] = []
        for key, position in keys:
            found.append(known.get(key))
            if key not in known:
                known[key] = position
                new.append((key, position))
        self._write("INSERT INTO seen VALUES (?, ?, 1)", new)
        return found

    def count(self, keys: Sequence[bytes]) -> list[int]:
        """The how-manieth of its kind each key is, from 1."""
        counts = {key: count for key, _, count in self._known(keys)}
        numbers: list[int] = []
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
            numbers.append(counts[key])
        self._write("INSERT OR REPLACE INTO seen VALUES (?, NULL, ?)", list(counts.items()))
        return numbers

    def _known(self, keys: Sequence[bytes]) -> list[tuple[bytes, str, int]]:
        known: list[tuple[bytes, str, int]] = []
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            query = f"SELECT key, position, count FROM seen WHERE key IN ({marks})"
            known += self._database.execute(query, part)
        return known

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

"""Everything that was ever signed about the log and can be found here."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge

from grace.errors import BadInput
from grace.ledger.note import VerifierKey
from grace.notary.checkpoints import Signed, read_note
from grace.notary.stored import Stored, is_sqlite

__all__ = ["Claims"]

SQLITE = "SELECT size, note, typeof(note) FROM checkpoints NOT INDEXED ORDER BY size"
POSTGRESQL = "SELECT size, note, 'text' FROM checkpoints ORDER BY size"


@dataclass
class Claims:
    """The checkpoints of the database and the outside one.

    While they are read, `damaged` comes to say what is wrong with the first that is none, and
    `foreign` to be the first that another key signed.
    """

    key: VerifierKey | None
    outside: str | None
    damaged: str | None = None
    foreign: Signed | None = None

    def read(self, connection: Stored) -> Iterator[Signed]:
        """Those that the key signed, by size. BadInput where there is no key to check them with."""
        outside = self._signed(self.outside, "the outside checkpoint", True)
        last = [outside] if outside else []
        yield from merge(self._stored(connection), last, key=lambda signed: signed.checkpoint.size)

    def _stored(self, connection: Stored) -> Iterator[Signed]:
        query = SQLITE if is_sqlite(connection) else POSTGRESQL
        for size, note, storage in connection.execute(query):
            where = f"the stored checkpoint of size {size}"
            signed = self._signed(note if storage == b"text" else b"", where, False)
            if signed and signed.checkpoint.size != size:
                self._spoilt(where, f"its note says {signed.checkpoint.size}")
            elif signed:
                yield signed

    def _signed(self, note: str | bytes | None, where: str, outside: bool) -> Signed | None:
        if note is None:
            return None
        if self.key is None:
            raise BadInput("the log is signed and its public key is not here: name it by --key")
        try:
            signed = read_note(note, self.key, where, outside=outside)
        except ValueError as problem:
            self._spoilt(where, str(problem))
            return None
        if signed.valid:
            return signed
        self.foreign = self.foreign or signed
        return None

    def _spoilt(self, where: str, problem: str) -> None:
        self.damaged = self.damaged or f"{where} is damaged: {problem}"

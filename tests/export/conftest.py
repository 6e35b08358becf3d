"""A signed log with rows of every table, and its exports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from grace.export.archive import opened
from grace.export.frame import schema
from grace.export.history import Finished
from grace.export.proving import Proven, batches_of, prove
from grace.export.request import ExportRequest
from grace.export.rows import read_rows
from grace.export.sealing import Sealed, Tell
from grace.export.validated import Validate, Validated
from grace.ledger.encoding import encode_row, row_digest
from grace.ledger.note import VerifierKey
from grace.notary.keys import public_key
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.schema import LOGS
from tasks.exporting import export
from tests.tampering import Log, entropy

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def unlooked(sealed: Sealed, tables: Sequence[str], low: int, tell: Tell) -> Validated:
    """For tests of everything else: the rows of `tests.tampering` are not meant to be valid."""
    return Validated({"success": True}, [])


@dataclass
class Exporting:
    """A log, and exports of it; each call is an hour after the one before."""

    settings: Settings
    folder: Path
    hours: int = 0

    @property
    def key(self) -> VerifierKey:
        found = public_key(self.settings)
        assert found
        return found

    def store(self) -> Store:
        return open_store(self.settings.url)

    def write(self, table: str, *rows: dict[str, object]) -> None:
        with self.store().writing(NOW) as writer:
            writer.append(table, rows)

    def export(
        self, validate: Validate = unlooked, signing: bool = True, **fields: Any
    ) -> Finished:
        self.hours += 1
        store, now = self.store(), NOW + timedelta(hours=self.hours)
        if signing:
            sign(self.settings, store, now, entropy=entropy())  # type: ignore[arg-type]
        request = ExportRequest(**{"to": str(self.folder / f"{self.hours}.zip"), **fields})
        return export(
            self.settings, store, request, now, validate=validate, tell=lambda text, share: None
        )

    def prove(self, finished: Finished, identity: str | None = None) -> Proven:
        with opened(Path(finished.path), identity) as archive:
            return prove(archive, self.key)

    def erase_goal(self, key: str) -> None:
        """As an approved erasure does it."""
        with self.store().reading() as connection:
            goals = LOGS["goals"].table
            row = connection.execute(goals.select().where(goals.c.goal_id == key)).one()
        digest = _digest("goals", row)
        self.write(
            "erasures",
            {"erasure_id": "e", "table_name": "goals", "row_id": row.id, "digest": digest},
        )
        gone = [name for name in LOGS["goals"].payload if name not in ("goal_id", "source")]
        nulls = ", ".join(f'"{name}" = NULL' for name in [*gone, "salt"])
        with self.store().writing(NOW) as writer:
            writer.connection.exec_driver_sql(f"UPDATE goals SET {nulls} WHERE id = ?", (row.id,))

    def rows(self, table: str, below: int) -> pa.Table:
        """What the database holds."""
        with self.store().reading() as connection:
            found = list(read_rows(connection, LOGS[table], 0, below))
        return pa.Table.from_batches(found, schema(LOGS[table]))

    def archived(self, finished: Finished, table: str) -> pa.Table:
        """What the archive holds."""
        with opened(Path(finished.path)) as archive:
            return pa.Table.from_batches(list(batches_of(archive, table)), schema(LOGS[table]))


def _digest(table: str, row: Any) -> str:
    kinds = LOGS[table].kinds
    encoded = encode_row(list(kinds.values()), [getattr(row, name) for name in kinds])
    return row_digest(row.salt, encoded).hex()


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Log:
    made = Log(Settings(data_dir=tmp_path_factory.mktemp("filled") / "data"))
    made.write(2)
    made.sign()
    made.write(1, start=2)
    made.sign()
    return made


@pytest.fixture
def log(_filled: Log, tmp_path: Path) -> Exporting:
    """A copy of a log of 48 rows, 3 in each table, signed at 32 and at 48."""
    return Exporting(_filled.copied(tmp_path / "data").settings, tmp_path)


Copy = Callable[[], Exporting]


@pytest.fixture
def another(_filled: Log, tmp_path: Path) -> Copy:
    def copy() -> Exporting:
        return replace(Exporting(_filled.copied(tmp_path / "other").settings, tmp_path))

    return copy

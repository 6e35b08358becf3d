"""An archive into a database, from wherever it lies; the suites look before it is committed."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa

from grace.errors import CheckFailed
from grace.export.archive import Archive, opened
from grace.export.progress import silent, within
from grace.export.proving import signed_by
from grace.export.restoring import Restored, restore
from grace.export.rows import read_rows
from grace.export.sealing import Tell
from grace.ledger.note import VerifierKey
from grace.store import Store
from grace.store.schema import LOGS
from tasks.archive_source import reading
from tasks.validation import validate

__all__ = ["restored"]


def restored(
    place: str,
    target: Callable[[], Store],
    key: VerifierKey,
    now: datetime,
    *,
    identity: str | None = None,
    tables: Sequence[str] = (),
    new_origin: bool = False,
    tell: Tell = silent,
) -> Restored:
    """Fill the target from the archive at a path or URL, prove and validate what it then holds.

    The target is made once the archive is known to be whole and signed. Raises as `reading`,
    `opened` and `restore` do; it is empty then.
    """
    with (
        reading(place, within(tell, 0.0, 0.2)) as source,
        opened(source, identity, within(tell, 0.2, 0.3)) as archive,
    ):
        signed_by(archive, key)
        store = target()
        try:
            return restore(
                archive,
                store,
                key,
                now,
                tables=tables,
                new_origin=new_origin,
                check=_validated(archive, within(tell, 0.9, 1.0)),
                tell=within(tell, 0.3, 0.9),
            )
        finally:
            store.engine.dispose()


def _validated(archive: Archive, tell: Tell) -> Callable[[sa.Connection], None]:
    """A check that raises CheckFailed where rows fail their suite.

    What was exported as not valid is restored as it was.
    """

    def check(connection: sa.Connection) -> None:
        size = archive.manifest.size
        tables = list(archive.manifest.tables)
        found = validate(lambda name: read_rows(connection, LOGS[name], 0, size), tables, tell)
        if found.failures and archive.manifest.validated:
            raise CheckFailed(f"the restored rows are not valid: {'; '.join(found.failures[:3])}")

    return check

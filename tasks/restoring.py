"""The suites over a restored database, before it is committed."""

from collections.abc import Callable

import sqlalchemy as sa

from grace.errors import CheckFailed
from grace.export.archive import Archive
from grace.export.rows import read_rows
from grace.export.sealing import Tell
from grace.store.schema import LOGS
from tasks.validation import validate

__all__ = ["validated"]


def validated(archive: Archive, tell: Tell) -> Callable[[sa.Connection], None]:
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

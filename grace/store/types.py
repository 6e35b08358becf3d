"""How times and JSON are stored, alike on SQLite and PostgreSQL.

Times are whole microseconds since 1970 (UTC): what is hashed is what stands there, and no time zone
of a server or session comes between. JSON is the text that was logged, because the ledger signs
that text.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from grace.values import from_microseconds, microseconds

__all__ = ["JsonText", "UtcTime"]


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time with microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class JsonText(sa.types.TypeDecorator[str]):
    """JSON as the text that was logged; never parsed on the way in or out."""

    impl = sa.Text
    cache_ok = True

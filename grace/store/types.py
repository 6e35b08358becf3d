"""How times and JSON are stored.

Times are kept as whole microseconds since 1970 (UTC) on SQLite and as `timestamptz` on
PostgreSQL; JSON is kept as the text that was logged, because the ledger signs that text.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from grace.values import from_microseconds, microseconds

__all__ = ["JsonText", "UtcTime"]


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time with microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return from_microseconds(value)


class JsonText(sa.types.TypeDecorator[str]):
    """JSON as the text that was logged; never parsed on the way in or out."""

    impl = sa.Text
    cache_ok = True

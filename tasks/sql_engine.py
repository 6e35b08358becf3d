"""Connections to databases of others: read only where that can be had, and silent about secrets."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from grace.errors import BadInput

__all__ = ["SqlAddress", "telling", "with_password"]

UNREADABLE = (sa.exc.SQLAlchemyError, ImportError, OSError, ValueError, OverflowError)
SHORTEST_SECRET = 4  # characters of a query's value; the password is one however short
IN_ODBC = re.compile(r"(?:pwd|password)=([^;]*)", re.IGNORECASE)


class SqlAddress:
    """A SQLAlchemy URL. `name` is what may be shown of it: no user, no password, no query."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except (sa.exc.ArgumentError, ValueError):
            raise BadInput(
                "the database URL cannot be read; try sqlite:////path/to/file.db or "
                "postgresql+psycopg://user@host/name"
            ) from None
        if "@" in (self._url.host or ""):
            raise BadInput("the user or password in the database URL holds an @: write it as %40")
        self.name = self._name()

    @property
    def file(self) -> Path | None:
        """Of a SQLite database."""
        database = self._url.database
        if self._url.get_backend_name() != "sqlite" or not database:
            return None
        return Path(database.removeprefix("file:")).absolute()

    def engine(self) -> Engine:
        """Raises BadInput where the file, the driver or the dialect is not there."""
        if self._url.get_backend_name() == "sqlite":
            return self._sqlite()
        with telling(self):
            return sa.create_engine(self._url)

    def scrub(self, said: str) -> str:
        """The first line of a message, without what the URL keeps secret."""
        said = next(iter(said.strip().splitlines()), "")
        for secret in sorted(self._secrets(), key=len, reverse=True):
            said = said.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return said.encode(errors="backslashreplace").decode()

    def _sqlite(self) -> Engine:
        file = self.file
        if file is None or not file.is_file():
            raise BadInput(f"there is no database file at {self.name}")
        address = f"file:{quote(str(file))}?mode=ro"

        def connect() -> sqlite3.Connection:
            opened = sqlite3.connect(address, uri=True, check_same_thread=False)
            opened.text_factory = _decoded
            return opened

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)

    def _name(self) -> str:
        shown = URL.create(
            self._url.drivername,
            host=self._url.host,
            port=self._url.port,
            database=str(self.file) if self.file else self._url.database,
        )
        return shown.render_as_string().encode(errors="backslashreplace").decode()

    def _secrets(self) -> set[str]:
        secrets = {str(self._url.password or "")}
        for values in self._url.query.values():
            for value in (values,) if isinstance(values, str) else values:
                secrets.update(IN_ODBC.findall(value))
                if len(value) >= SHORTEST_SECRET:
                    secrets.add(value)
        return secrets - {""}


def _decoded(text: bytes) -> str:
    """What is no UTF-8 costs its own row, not the reading of its table."""
    return text.decode("utf-8", "surrogateescape")


def with_password(url: str, password: str) -> str:
    """Raises BadInput where the URL cannot be read."""
    SqlAddress(url)
    return make_url(url).set(password=password).render_as_string(hide_password=False)


@contextmanager
def telling(address: SqlAddress, what: str = "") -> Iterator[None]:
    """Turns what drivers raise into one BadInput without secrets."""
    try:
        yield
    except UNREADABLE as problem:
        said = address.scrub(str(getattr(problem, "orig", None) or problem))
        named = f"{address.name} {what}".strip()
        raise BadInput(f"{named} cannot be read: {said}") from None

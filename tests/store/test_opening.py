"""A database is Grace's own and not newer, or it is left alone."""

import sqlite3
from pathlib import Path

import pytest

from grace.errors import BadInput, NotOurs
from grace.settings import Settings
from grace.store import open_store


def _make(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


def _listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("create", [True, False])
def test_somebody_elses_database_is_refused_unchanged(tmp_path: Path, create: bool) -> None:
    """Not a byte of it, and no file beside it."""
    path = _make(tmp_path / "there" / "shop.db", "CREATE TABLE orders (id INTEGER)")
    before = _listing(path.parent)
    with pytest.raises(NotOurs, match="not Grace's"):
        open_store(f"sqlite:///{path}", create=create)
    assert _listing(path.parent) == before


def test_looking_into_somebody_elses_wal_database_leaves_no_file_behind(tmp_path: Path) -> None:
    """SQLite makes files beside such a database for whoever merely reads it."""
    path = _make(
        tmp_path / "there" / "shop.db", "PRAGMA journal_mode = WAL", "CREATE TABLE orders (id)"
    )
    before = _listing(path.parent)
    with pytest.raises(NotOurs, match="not Grace's"):
        open_store(f"sqlite:///{path}")
    assert _listing(path.parent) == before


def test_an_empty_file_is_not_taken_for_a_log(tmp_path: Path) -> None:
    """Where nothing may be made, an empty file is nothing and stays empty."""
    path = tmp_path / "grace.db"
    path.touch()
    with pytest.raises(BadInput, match="no Grace database"):
        open_store(f"sqlite:///{path}", create=False)
    assert path.read_bytes() == b""


def test_what_a_kill_left_of_a_new_database_is_made_anew(tmp_path: Path) -> None:
    """SQLite writes its first page before there is any table; nobody has to delete that."""
    path = tmp_path / "grace.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size > 0
    with pytest.raises(BadInput, match="no Grace database"):
        open_store(f"sqlite:///{path}", create=False)
    store = open_store(f"sqlite:///{path}")
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT size FROM ledger_head").scalar_one() == 0
    store.engine.dispose()


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_graces_database_is_refused_unchanged(settings: Settings, create: bool) -> None:
    """What it holds may mean something this release does not know."""
    open_store(settings.url).engine.dispose()
    path = _make(settings.log_dir / "grace.db", "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NotOurs, match=r"newer Grace .*9999"):
        open_store(settings.url, create=create)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + bytes(200)])
def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path, content: bytes) -> None:
    """Whatever it is, it is somebody's."""
    path = tmp_path / "there" / "notes.txt"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(NotOurs, match=r"cannot be read|not Grace's"):
        open_store(f"sqlite:///{path}")
    assert _listing(path.parent) == {"notes.txt": content}


def test_nothing_is_made_where_nothing_was_asked_to_be(settings: Settings) -> None:
    """A reader of a log that is not there is told how to make one."""
    with pytest.raises(BadInput, match=r"no Grace database .*grace up"):
        open_store(settings.url, create=False)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("url", ["", "not a url", "sqlite://", "mysql://ann:secret@host/db"])
def test_an_address_this_release_cannot_open_is_refused(url: str) -> None:
    """One line, without the password."""
    with pytest.raises(BadInput, match=r"kept in SQLite|no database URL") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_opening_twice_is_opening_once(settings: Settings) -> None:
    """The second finds everything made."""
    first = open_store(settings.url)
    before = (settings.log_dir / "grace.db").read_bytes()
    second = open_store(settings.url)
    assert (settings.log_dir / "grace.db").read_bytes() == before
    first.engine.dispose()
    second.engine.dispose()


def test_what_is_committed_survives_a_power_cut(settings: Settings) -> None:
    """Every commit is synced: WAL with full synchronisation."""
    store = open_store(settings.url)
    with store.reading() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    store.engine.dispose()
    assert (mode, synchronous) == ("wal", 2)

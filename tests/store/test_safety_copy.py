"""Before a migration there is a copy, or there is no migration."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from grace.errors import BadInput, NotOurs
from grace.store import open_store
from grace.store.read import newest
from grace.store.safety_copy import KEPT, copies, make_copy
from tests.proposing import NOON


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Path]:
    """A log of the first schema with a hundred rows, all still in the write-ahead log."""
    path = tmp_path / "grace.db"
    store = open_store(f"sqlite:///{path}")
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE quarantine")
        connection.exec_driver_sql("DROP TABLE rollups")
        connection.exec_driver_sql("DROP TABLE recent_rows")
        connection.exec_driver_sql("DROP INDEX ix_own_learning_id")
        connection.exec_driver_sql("DROP INDEX ix_own_focus_area")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with store.writing(NOON) as writer:
        rows = [{"log_id": f"{n}", "timestamp": NOON} for n in range(100)]
        writer.append("shard_logs", rows)
    yield path
    store.engine.dispose()  # until then open, so that SQLite does not clear the write-ahead log


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_migration_leaves_a_copy_of_what_was(old: Path) -> None:
    """It opens, has every row and the old schema, and is as private as the database."""
    assert old.with_name("grace.db-wal").stat().st_size > 0
    old.chmod(0o640)
    opened = open_store(f"sqlite:///{old}")
    assert len(newest(opened, "shard_logs")) == 100

    (copy,) = copies(old)
    assert revision(copy) == "0001" != revision(old)
    assert copy.name.startswith("grace.db.0001-20")
    assert copy.stat().st_mode & 0o777 == 0o640
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM shard_logs").fetchone() == (100,)
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    assert "quarantine" not in tables


def test_the_copy_put_back_is_the_log_that_was(old: Path) -> None:
    """Rolled back to it, a newer release takes it up again, and copies it again."""
    open_store(f"sqlite:///{old}").engine.dispose()
    (copy,) = copies(old)
    for beside in ("-wal", "-shm"):  # of the newer one
        old.with_name(f"{old.name}{beside}").unlink(missing_ok=True)
    copy.replace(old)
    assert len(newest(open_store(f"sqlite:///{old}"), "shard_logs")) == 100
    assert revision(copies(old)[-1]) == "0001"


def test_without_a_migration_there_is_no_copy(tmp_path: Path) -> None:
    for _ in range(2):  # made, then found as it must be
        open_store(f"sqlite:///{tmp_path / 'grace.db'}").engine.dispose()
    assert copies(tmp_path / "grace.db") == []


def test_the_newest_copies_are_kept(old: Path) -> None:
    others = [old.with_name(n) for n in ("other.db.0001-20200101T000000Z.bak", "grace.db.mine.bak")]
    for other in others:
        other.touch()
    made = [make_copy(old, "0001", NOON + timedelta(days=n)) for n in range(KEPT + 2)]
    assert copies(old) == made[-KEPT:]
    assert all(other.exists() for other in others)


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """For files of this process, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_the_copy_does_not_fit_nothing_is_migrated(old: Path) -> None:
    with no_room_beyond(old.stat().st_size // 2), pytest.raises(BadInput) as refused:
        open_store(f"sqlite:///{old}")
    assert str(old) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert revision(old) == "0001"
    assert [name for name in os.listdir(old.parent) if "bak" in name or "part" in name] == []


def test_where_nothing_can_be_written_nothing_is_migrated(old: Path) -> None:
    """A folder lies where the lock file must be, which stops root too."""
    guard = old.with_suffix(".migrating")
    guard.unlink()
    guard.mkdir()
    with pytest.raises(BadInput, match="left as it is"):
        open_store(f"sqlite:///{old}")
    assert revision(old) == "0001"


def test_a_database_that_does_not_say_its_schema_is_refused_unchanged(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database, database:
        database.execute("DELETE FROM alembic_version")
    with pytest.raises(NotOurs, match="does not say which schema"):
        open_store(f"sqlite:///{old}")
    assert copies(old) == []

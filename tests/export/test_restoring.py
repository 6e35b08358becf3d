"""A restored database is the one that was exported, or stays empty."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from grace.errors import BadInput, CheckFailed, GraceError, LedgerBroken, Unreachable
from grace.export.archive import opened
from grace.export.history import Finished
from grace.export.manifest import FORMATS, Format
from grace.export.restoring import Restored, restore
from grace.ledger.note import SigningKey
from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS, ledger_head
from tests.export.conftest import NOW, Exporting
from tests.tampering import entropy, row_of


def restored(log: Exporting, finished: Finished, into: Path, **given: Any) -> Restored:
    store = open_store(f"sqlite:///{into}")
    try:
        with opened(Path(finished.path)) as archive:
            key = given.pop("key", log.key)
            return restore(archive, store, key, NOW, tell=lambda text, share: None, **given)
    finally:
        store.engine.dispose()


def content(path: Path, table: str, where: str = "") -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT * FROM {table} {where} ORDER BY 1").fetchall()


def is_empty(path: Path) -> bool:
    names = (*LOGS, "ledger_tiles", "checkpoints")
    return not any(content(path, name) for name in names) and content(path, "ledger_head") == [
        (1, 0)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_restores_every_cell(log: Exporting, tmp_path: Path, format: Format) -> None:
    """As SQLite stores it, tree and checkpoints too; the ledger's own verifier agrees."""
    target = tmp_path / "restored.db"
    done = restored(log, log.export(format=format), target)
    assert (done.rows, done.size, done.partial) == (48, 48, False)
    source = log.settings.log_dir / "grace.db"
    assert content(target, "checkpoints") == content(source, "checkpoints")
    for name in LOGS:  # the export's own event came after what was signed
        signed = content(source, name, f"WHERE ledger_index < {done.size}")
        assert content(target, name) == signed, name
    store = open_store(f"sqlite:///{target}")
    checked = verify(log.settings, store, key=log.key)
    assert (checked.ok, checked.size, checked.signed_size) == (True, 48, 48)
    store.engine.dispose()


def test_it_goes_on_as_the_same_log(log: Exporting, tmp_path: Path) -> None:
    """Its triggers refuse changes, and the old key signs what is added."""
    target = tmp_path / "restored.db"
    restored(log, log.export(), target)
    store = open_store(f"sqlite:///{target}")
    with pytest.raises(sa.exc.IntegrityError), store.writing(NOW) as writer:
        writer.connection.exec_driver_sql("DELETE FROM goals")
    with store.writing(NOW) as writer:
        (landed,) = writer.append("goals", [row_of("goals", 9)])
    assert landed.ledger_index == 48
    signed = sign(log.settings, store, NOW + timedelta(days=1), entropy=entropy())
    assert (signed.size, verify(log.settings, store).ok) == (49, True)
    store.engine.dispose()


def test_a_new_origin_begins_with_the_old_logs_last_checkpoint(
    log: Exporting, tmp_path: Path
) -> None:
    """It has a key of its own, and its first new row says what it continues."""
    settings = Settings(data_dir=tmp_path / "elsewhere")
    settings.log_dir.mkdir(parents=True)
    finished = log.export()
    restored(log, finished, settings.log_dir / "grace.db", new_origin=True)
    store = open_store(settings.url)
    signed = sign(settings, store, NOW, entropy=entropy(7))
    checked = verify(settings, store)
    assert (checked.ok, checked.size, signed.origin != finished.origin) == (True, 49, True)
    event = content(settings.log_dir / "grace.db", "trigger_mesh_logs")[-1]
    assert any(isinstance(cell, str) and finished.origin in cell for cell in event)
    store.engine.dispose()


def test_some_tables_can_be_restored_to_be_read(log: Exporting, tmp_path: Path) -> None:
    """Each row is proven; erasures come along, and the rest is not there."""
    target = tmp_path / "some.db"
    done = restored(log, log.export(), target, tables=["goals"])
    assert (done.tables, done.partial) == ({"goals": 3, "erasures": 3}, True)
    assert len(content(target, "goals")) == 3
    assert content(target, "decisions") == []
    with pytest.raises(BadInput, match="all its tables"):
        restored(log, log.export(), tmp_path / "b.db", tables=["goals"], new_origin=True)


def test_only_an_empty_database_is_filled(log: Exporting, tmp_path: Path) -> None:
    """The second time the target holds rows, and keeps them."""
    target = tmp_path / "restored.db"
    finished = log.export()
    restored(log, finished, target)
    with pytest.raises(BadInput, match="restore into an empty database"):
        restored(log, finished, target)
    assert len(content(target, "goals")) == 3


@pytest.mark.parametrize("fields", [{"newest": True}, {"since_last": True}, {"scope": "learning"}])
def test_a_part_of_a_log_is_no_log(log: Exporting, tmp_path: Path, fields: dict[str, Any]) -> None:
    """The newest rows, the last rows: for reading. Some tables: restored as some tables."""
    log.export()
    finished = log.export(**fields)
    target = tmp_path / "part.db"
    if fields.get("scope"):
        assert restored(log, finished, target).partial
        return
    with pytest.raises(BadInput, match="for reading"):
        restored(log, finished, target)
    assert is_empty(target)


def test_a_wrong_key_leaves_the_target_empty(log: Exporting, tmp_path: Path) -> None:
    """Before a row is written."""
    other = SigningKey("grace/other/0000000000000000", bytes(32)).verifier
    with pytest.raises(LedgerBroken, match="another key"):
        restored(log, log.export(), tmp_path / "a.db", key=other)
    assert is_empty(tmp_path / "a.db")


def test_a_check_that_fails_leaves_the_target_empty(log: Exporting, tmp_path: Path) -> None:
    """It sees the rows, all of them, before they are committed."""
    seen = []

    def refuse(connection: sa.Connection) -> None:
        seen.append(connection.execute(sa.select(ledger_head.c.size)).scalar_one())
        raise CheckFailed("not valid")

    with pytest.raises(CheckFailed, match="not valid"):
        restored(log, log.export(), tmp_path / "a.db", check=refuse)
    assert (seen, is_empty(tmp_path / "a.db")) == ([48], True)


MEDDLING = [
    ("goals WHEN NEW.goal_id LIKE '%1'", "row of goals at ledger index 24 is not the one"),
    ("verdicts", "changes rows by itself"),  # goals were read back before
]


@pytest.mark.parametrize(("when", "told"), MEDDLING)
def test_what_the_database_made_of_a_row_is_what_is_proven(
    log: Exporting, tmp_path: Path, when: str, told: str
) -> None:
    """A target that stores something else than it is given is found out, and stays empty."""
    target = tmp_path / "a.db"
    open_store(f"sqlite:///{target}").engine.dispose()
    with sqlite3.connect(target) as connection:
        connection.execute(
            f"CREATE TRIGGER meddles AFTER INSERT ON {when} BEGIN "
            "UPDATE goals SET title = 'better' WHERE goal_id LIKE '%1'; END"
        )
    with pytest.raises(GraceError, match=told):
        restored(log, log.export(), target)
    assert is_empty(target)


@pytest.fixture
def in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows there are."""
    monkeypatch.setattr("grace.export.filling.WORTH_A_PROCESS", 1)


@pytest.mark.usefixtures("in_a_process")
def test_a_process_that_is_killed_leaves_the_target_empty(
    log: Exporting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is restored that nobody proved."""
    finished = log.export()
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(Unreachable, match="ended"):
        restored(log, finished, tmp_path / "a.db")
    assert is_empty(tmp_path / "a.db")


@pytest.mark.usefixtures("in_a_process")
def test_a_process_proves_the_rows_of_a_large_archive(log: Exporting, tmp_path: Path) -> None:
    """As it is done here for a small one: tiles of the tree, erased rows, and a row that is not
    the one that was signed."""
    for start in (0, 300):
        rows = [row_of("shard_logs", number) for number in range(start + 100, start + 400)]
        log.write("shard_logs", *rows)
    log.erase_goal("goals-goal_id-1")
    finished = log.export()
    done = restored(log, finished, tmp_path / "whole.db")
    assert (done.rows, done.size) == (finished.rows, finished.size)
    store = open_store(f"sqlite:///{tmp_path / 'whole.db'}")
    assert verify(log.settings, store, key=log.key).ok
    store.engine.dispose()
    test_what_the_database_made_of_a_row_is_what_is_proven(log, tmp_path, *MEDDLING[0])


def test_sqlite_to_postgresql_and_back(
    log: Exporting, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    """Every cell as it was, the tree too; and a log of PostgreSQL is exported like any other."""
    source = Exporting(Settings(data_dir=tmp_path / "plain"), tmp_path)
    open_store(source.settings.url).engine.dispose()
    for table in LOGS:
        source.write(table, {name: _plain(cell) for name, cell in row_of(table, 1).items()})
    finished = source.export()
    url = new_database()
    store = open_store(url)
    with opened(Path(finished.path)) as archive:
        done = restore(archive, store, source.key, NOW, tell=lambda text, share: None)
    assert done.rows == len(LOGS)
    moved = Exporting(source.settings.model_copy(update={"database_url": url}), tmp_path, 5)
    for table in LOGS:
        assert moved.rows(table, finished.size).equals(source.rows(table, finished.size))
    back = restored(source, moved.export(), tmp_path / "back.db", key=moved.key)
    assert back.rows == len(LOGS)
    for name in LOGS:
        original = content(source.settings.log_dir / "grace.db", name)
        assert content(tmp_path / "back.db", name) == original[:1]
    store.engine.dispose()


def test_what_postgresql_cannot_hold_leaves_it_empty(
    log: Exporting, new_database: Callable[[], str]
) -> None:
    """U+0000 in a text: one line, and no row."""
    store = open_store(new_database())
    with opened(Path(log.export().path)) as archive, pytest.raises(BadInput, match="stays empty"):
        restore(archive, store, log.key, NOW, tell=lambda text, share: None)
    with store.reading() as connection:
        assert connection.execute(sa.select(ledger_head.c.size)).scalar_one() == 0
    store.engine.dispose()


def _plain(cell: object) -> object:
    """Without U+0000, which PostgreSQL has not."""
    return cell.replace("\0", "") if isinstance(cell, str) else cell

"""What an export holds, and what is left of one that was interrupted."""

import json
import threading
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grace.errors import BadInput, CheckFailed, LedgerBroken
from grace.export.history import last_backup, read_history
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.schema import LOGS
from tests.export.conftest import NOW, Copy, Exporting
from tests.tampering import Log, row_of


def test_it_holds_the_rows_below_its_checkpoint_and_no_other(log: Exporting) -> None:
    """Rows logged since the last signing wait for the next one."""
    log.write("goals", row_of("goals", 7))
    finished = log.export(signing=False)
    assert (finished.low, finished.size, finished.rows) == (0, 48, 48)
    proven = log.prove(finished)
    assert (proven.rows, proven.complete) == (48, True)
    for table in LOGS:
        assert log.archived(finished, table).equals(log.rows(table, 48))


def test_sealed_parts_are_written_once(log: Exporting) -> None:
    """The second export adds a part for what is new, and touches no other."""
    log.export()
    folder = log.settings.log_dir / "sealed"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    log.write("goals", row_of("goals", 7))
    finished = log.export()
    after = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    assert before.items() <= after.items()
    added = {f"{path.parent.name}/{path.name}" for path in after.keys() - before.keys()}
    # the export itself left an event
    span = "000000000048-000000000050"
    parts = {f"{name}/{span}.parquet" for name in ("goals", "trigger_mesh_logs")}
    assert added == parts | {f"leaves/{span}.hashes"}
    assert log.prove(finished).complete


def test_many_small_parts_become_one(log: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the parts of a log that is exported every minute would be without number."""
    monkeypatch.setattr("grace.export.sealing.MOST_PIECES", 3)
    for number in range(5):
        log.write("goals", row_of("goals", 10 + number))
        finished = log.export()
    parts = list((log.settings.log_dir / "sealed" / "goals").iterdir())
    assert len(parts) <= 3
    assert log.archived(finished, "goals").equals(log.rows("goals", finished.size))
    assert log.prove(finished).complete


def test_blocks_end_at_their_border(log: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part never holds more rows than a block."""
    monkeypatch.setattr("grace.export.sealing.BLOCK", 10)
    finished = log.export()
    spans = sorted(path.stem for path in (log.settings.log_dir / "sealed/leaves").iterdir())
    assert [int(span[-12:]) for span in spans] == [10, 20, 30, 40, 48]
    assert log.prove(finished).complete


def test_since_the_last_export_holds_what_is_new(log: Exporting) -> None:
    """It proves itself without the rows before it."""
    first = log.export()
    log.write("goals", row_of("goals", 7))
    second = log.export(since_last=True)
    assert (second.low, second.size, second.rows) == (48, 50, 2)
    proven = log.prove(second)
    assert (proven.low, proven.complete) == (48, True)
    both = pa.concat_tables([log.archived(first, "goals"), log.archived(second, "goals")])
    assert both.equals(log.rows("goals", 50))


def test_newest_holds_one_row_a_key(log: Exporting) -> None:
    """The one that readers of the log see."""
    log.write("goals", row_of("goals", 1) | {"status": "met"})
    finished = log.export(newest=True, format="jsonl")
    found = log.archived(finished, "goals").to_pylist()
    assert sorted((row["goal_id"][-1], row["revision"]) for row in found) == [
        ("0", 1),
        ("1", 2),
        ("2", 1),
    ]
    assert log.prove(finished).rows == 48


def test_tables_can_be_chosen(log: Exporting) -> None:
    """Erasures come along, because they prove what was erased."""
    finished = log.export(scope="tables", tables=["goals"], format="csv")
    assert finished.tables == ("goals", "erasures")
    proven = log.prove(finished)
    assert (proven.tables, proven.complete) == ({"goals": 3, "erasures": 3}, False)
    assert log.prove(log.export(scope="learning")).tables.keys() == {
        "healing_attempts",
        "agentic_spine_logs",
        "meta_loop_logs",
        "ml_learning_logs",
        "erasures",
    }


def test_crypto_chains_hold_no_row_and_no_secret(log: Exporting) -> None:
    """Leaf hashes, two checkpoints, the public key: what proves every other copy."""
    finished = log.export(scope="crypto-chains")
    with zipfile.ZipFile(finished.path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert set(held) == {
        "ledger/key.pub",
        "ledger/checkpoints.jsonl",
        "leaves/000000000000-000000000048.hashes",
        "manifest.json",
    }
    sizes = [json.loads(line)["size"] for line in held["ledger/checkpoints.jsonl"].splitlines()]
    assert sizes == [32, 48]
    secret = log.settings.key_file.read_text().strip().split("+")[-1].encode()
    assert all(secret not in content for content in held.values())


def test_what_was_erased_leaves_the_parts(log: Exporting) -> None:
    """A part that holds a row whose payload is gone since is written anew, and still proves it."""
    log.export()
    log.erase_goal("goals-goal_id-1")
    finished = log.export()
    found = {row["goal_id"]: row for row in log.archived(finished, "goals").to_pylist()}
    assert (found["goals-goal_id-1"]["title"], found["goals-goal_id-1"]["salt"]) == (None, None)
    assert log.prove(finished).complete
    sealed = pq.read_table(next((log.settings.log_dir / "sealed/goals").iterdir()))
    assert sealed.column("salt").null_count == 1


def test_a_log_that_lost_a_row_is_not_exported(log: Exporting) -> None:
    """As many rows as leaves, or nothing: a backup without the row would hide the loss."""
    with Log(log.settings).attack() as connection:
        connection.execute("DELETE FROM goals WHERE ledger_index = 24")
    with pytest.raises(LedgerBroken, match="47 rows where the ledger has 48"):
        log.export(signing=False)
    assert not list(log.folder.glob("*.zip"))


def test_a_part_that_was_changed_is_not_handed_on(log: Exporting) -> None:
    """The sealed parts are held against their digests whenever they are copied."""
    log.export()
    part = next((log.settings.log_dir / "sealed/goals").iterdir())
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckFailed, match="not as it was sealed"):
        log.export(to=str(log.folder / "second.zip"))
    assert not (log.folder / "second.zip").exists()


def test_parts_of_another_log_are_not_taken(log: Exporting, another: Copy) -> None:
    """A database that was put in another's place is sealed anew."""
    log.export()
    other = another()
    other.write("goals", row_of("goals", 9))
    other.export()
    sealed = other.settings.log_dir / "sealed"
    target = log.settings.log_dir / "sealed"
    (target / "index.json").write_bytes((sealed / "index.json").read_bytes())
    log.write("goals", row_of("goals", 8))
    finished = log.export()
    assert log.prove(finished).complete


@pytest.mark.parametrize("folder", [False, True])
def test_an_export_that_fails_leaves_what_was_there(
    log: Exporting, folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finished old one, and no draft beside it."""
    place = log.folder / "backups" / "kept.zip"
    log.export(to=str(place))
    before = place.read_bytes()

    def broken(*given: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.archive_writing.write_rows", broken)
    to = str(place.with_name("new")) if folder else str(place)
    with pytest.raises(BadInput, match="No space left"):
        log.export(to=to, format="csv", folder=folder)
    assert [path.name for path in place.parent.iterdir()] == ["kept.zip"]
    assert place.read_bytes() == before


def test_a_folder_that_is_there_is_left_alone(log: Exporting, tmp_path: Path) -> None:
    """Nothing is mixed with what somebody else keeps there."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(BadInput, match="is there already"):
        log.export(folder=True, to=str(tmp_path / "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_any_place_that_fsspec_knows(log: Exporting, tmp_path: Path) -> None:
    """A ZIP and a folder in memory, read back as bytes."""
    import fsspec

    log.export(to="memory://backups/grace.zip")
    (tmp_path / "copy.zip").write_bytes(fsspec.open("memory://backups/grace.zip").open().read())
    assert log.prove(log.export(to=str(tmp_path / "other.zip"))).complete
    memory = fsspec.filesystem("memory")
    assert memory.ls("/backups", detail=False) == ["/backups/grace.zip"]
    log.export(to="memory://folder/grace", folder=True, format="csv")
    memory.get("/folder/grace", str(tmp_path / "fetched"), recursive=True)
    finished = read_history(log.settings)[-1].model_copy(update={"path": str(tmp_path / "fetched")})
    assert log.prove(finished).complete
    assert log.prove(finished.model_copy(update={"path": str(tmp_path / "copy.zip")})).complete


def test_the_log_tells_what_left_it(log: Exporting) -> None:
    """An event in the log, and the status page's last backup."""
    finished = log.export()
    event = log.rows("trigger_mesh_logs", 1000).to_pylist()[-1]
    assert (event["event_type"], event["resource"]) == ("export.written", finished.path)
    assert json.loads(event["payload"])["rows"] == 48
    log.export(scope="learning")
    backup = last_backup(log.settings)
    assert backup is not None
    assert backup.path == finished.path


def test_nothing_signed_is_nothing_to_prove(tmp_path: Path) -> None:
    """The error says what to do."""
    from grace.settings import Settings

    fresh = Log(Settings(data_dir=tmp_path / "fresh"))
    fresh.write(1)
    with pytest.raises(BadInput, match="grace ledger sign"):
        Exporting(fresh.settings, tmp_path).export(signing=False)


@pytest.mark.both_databases
def test_four_writers_go_on_while_it_is_made(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    """It equals exactly the rows below its checkpoint, whatever came meanwhile."""
    log, ended = Exporting(settings, tmp_path), threading.Event()
    written = Counter[str]()
    one_more = threading.Condition()

    def write(name: str) -> None:
        own = open_store(settings.url)
        while not ended.is_set():
            rows = [
                row_of("shard_logs", number, odd="")
                | {"log_id": f"{name}-{written[name]}-{number}"}
                for number in range(3)
            ]
            with own.writing(NOW) as writer:
                writer.append("shard_logs", rows)
            with one_more:
                written[name] += 3
                one_more.notify_all()
        own.engine.dispose()

    def all_go_on() -> None:
        """Since now, each of them has logged something."""
        with one_more:
            before = dict(written)
            ok = one_more.wait_for(lambda: all(written[n] > before.get(n, 0) for n in "abcd"), 120)
        assert ok

    writers = [threading.Thread(target=write, args=[name]) for name in "abcd"]
    for each in writers:
        each.start()
    exports = []
    try:
        for _ in range(3):
            all_go_on()
            exports.append(log.export())
    finally:
        ended.set()
        for each in writers:
            each.join()
    for finished in exports:
        assert log.prove(finished).complete
        for table in ("shard_logs", "trigger_mesh_logs"):
            assert log.archived(finished, table).equals(log.rows(table, finished.size))
        assert finished.rows == finished.size
    sizes = [finished.size for finished in exports]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] < sum(written.values()) + len(exports)

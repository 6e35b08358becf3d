"""Killed at random moments: nothing acknowledged is lost or doubled, and the tree verifies."""

import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace.notary.checkpoints import insist
from grace.notary.keys import load_key
from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.spool import take_spool
from grace.store import Store, quarantine
from grace.store.read import newest
from tasks.ingest_files import ingest_files
from tests.store.killed_writers import BATCH, FILE_ROWS, acknowledged, file_of

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.timeout(3000),  # where others are at work two hundred kills take a while
    pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)]),
]
PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _kill(deed: str, folder: Path, kills: int, settings: Settings) -> list[str]:
    """What the killed processes were told to be done."""
    script = [sys.executable, "-m", "tests.store.killed_writers", deed, str(folder), str(kills)]
    told = subprocess.run(
        [*script, "7"], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True
    )
    done = acknowledged(folder)
    assert len(done) >= int(told.stdout) >= kills
    return done


def test_batches_are_logged_whole_and_once(
    settings: Settings, store: Store, tmp_path: Path, kills: int
) -> None:
    """One that was cut off is there as a whole or not at all."""
    done = _kill("logging", tmp_path, kills, settings)
    take_spool(store, settings.log_dir / "spool", NOW)
    rows = newest(store, "shard_logs")
    assert rows["revision"].max() == 1
    counts = rows["shard_id"].value_counts()
    assert set(done) <= set(counts.index)
    assert set(counts) == {BATCH}
    assert verify(settings, store).size == len(rows)
    assert verify(settings, store).ok


def test_files_are_ingested_whole_and_once(
    settings: Settings, store: Store, tmp_path: Path, kills: int
) -> None:
    """Each process goes on where the one before it was killed; the last file is finished here."""
    done = _kill("ingesting", tmp_path, kills, settings)
    if file_of(tmp_path, len(done)).exists():
        ingest_files(store, [str(file_of(tmp_path, len(done)))], NOW)
    files = [place for place in range(len(done) + 1) if file_of(tmp_path, place).exists()]
    named = [(place, row) for place in files for row in range(FILE_ROWS)]
    rows = newest(store, "goals")
    assert sorted(rows["goal_id"]) == sorted(f"{p}-{row}" for p, row in named if row % 10 != 7)
    assert rows["revision"].max() == 1
    assert len(quarantine.entries(store)) == len(named) // 10
    assert verify(settings, store).ok


def test_what_was_signed_stays_signed(
    settings: Settings, store: Store, tmp_path: Path, kills: int
) -> None:
    """Every checkpoint a process had is stored, and each tree is the beginning of the last."""
    done = _kill("signing", tmp_path, kills, settings)
    found = verify(settings, store)
    assert found.ok, found.reason
    key = load_key(settings)
    assert key is not None
    with store.reading() as connection:
        query = "SELECT size, note FROM checkpoints ORDER BY size"
        stored = [tuple(row) for row in connection.exec_driver_sql(query)]
    signed = {size: insist(note, key.verifier, str(size)).root for size, note in stored}
    told = [line.split() for line in done]
    assert {int(size): root for size, root in told}.items() <= {
        size: b64encode(root).decode() for size, root in signed.items()
    }.items()
    assert sign(settings, store, NOW).size == found.size
    assert verify(settings, store).signed_size == found.size

"""Exports and restores that are killed: the old state or the new one, and never between."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from grace.errors import BadInput
from grace.export.archive import opened
from grace.export.history import Finished, read_history
from grace.export.restoring import restore
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS, checkpoints, ledger_head, ledger_tiles, proposal_heads
from tests.export.conftest import Exporting, unlooked
from tests.postgres import Server
from tests.tampering import row_of

ROWS = 600  # so that a restore lasts long enough to be killed within
AFTER_GOALS = list(LOGS)[list(LOGS).index("goals") + 1]


def killed(command: Sequence[str], after_seconds: float, **environment: str) -> float | None:
    """Run a module that says when it begins, and kill it so long after.

    How many seconds it took where it ended before; None where it was killed, also by itself.
    """
    words = [sys.executable, "-m", *command]
    with subprocess.Popen(
        words, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()  # imported, and about to begin
        began = time.monotonic()
        try:
            child.wait(after_seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.wait()
        took = time.monotonic() - began
    assert child.returncode in (0, -signal.SIGKILL)
    return took if child.returncode == 0 else None


# a hundred in four parts, each of which ends in time also where others work
QUARTERS = [pytest.param(seed, 25, marks=pytest.mark.slow) for seed in range(1, 5)]


@pytest.mark.parametrize("step", ["sealing rows", "writing healing_attempts", "written"])
def test_an_export_killed_at_a_step_leaves_the_old_archive(log: Exporting, step: str) -> None:
    """With the first row of it to seal, the first table to write, and all but its name."""
    place = str(log.folder / "kept.zip")
    old = log.export(to=place)
    log.write("goals", row_of("goals", 100))
    command, folder = ["tests.export.exported", place, step], str(log.settings.data_dir)
    assert killed(command, 600, GRACE_DATA_DIR=folder) is None
    assert log.prove(old).size == old.size
    again = log.export(to=place, validate=unlooked)
    assert (log.prove(again).complete, again.size > old.size) == (True, True)


@pytest.mark.parametrize(("seed", "kills"), QUARTERS)
def test_a_killed_export_leaves_the_old_archive_or_the_new(
    log: Exporting, seed: int, kills: int
) -> None:
    """The archive that is there proves itself, and the next export succeeds."""
    place = log.folder / "kept.zip"
    log.export(to=str(place))
    chance, sizes, deaths = random.Random(seed), set(), 0
    command, folder = ["tests.export.exported", str(place)], str(log.settings.data_dir)
    longest = killed(command, 600, GRACE_DATA_DIR=folder)
    assert longest is not None
    for number in range(kills):
        log.write("goals", row_of("goals", 100 + number))
        took = killed(command, chance.uniform(0, 1.5 * longest), GRACE_DATA_DIR=folder)
        deaths += took is None
        proven = log.prove(read_history(log.settings)[0].model_copy(update={"path": str(place)}))
        sizes.add(proven.size)
    assert (deaths > 0, len(sizes) > 1) == (True, True)
    assert log.prove(log.export(to=str(place), validate=unlooked)).complete


@pytest.fixture
def archive(settings: Settings, tmp_path: Path) -> Exporting:
    """A log of many goals, without what PostgreSQL cannot hold; `only` is its backup."""
    log = Exporting(settings, tmp_path)
    open_store(settings.url).engine.dispose()
    log.write("goals", *(row_of("goals", number, odd="") for number in range(ROWS)))
    log.export()
    return log


def only(log: Exporting) -> Finished:
    (finished,) = read_history(log.settings)
    return finished


def stands(url: str) -> str:
    """Of what is in a target: *empty*, *complete*, or what is between."""
    store = open_store(url)
    tables = [*(log.table for log in LOGS.values()), checkpoints, ledger_tiles, proposal_heads]
    with store.reading() as connection:
        counts = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in tables
        }
        size = connection.scalar(sa.select(ledger_head.c.size))
    store.engine.dispose()
    if not any(counts.values()) and size == 0:
        return "empty"
    if (counts["goals"], counts["checkpoints"], size) == (ROWS, 1, ROWS) and counts["ledger_tiles"]:
        return "complete"
    return f"half: {size} {counts}"


def restored(log: Exporting, url: str) -> None:
    store = open_store(url)
    try:
        with opened(Path(only(log).path)) as found:
            restore(found, store, log.key, datetime.now(UTC), tell=lambda text, share: None)
    finally:
        store.engine.dispose()


def check_kills(
    log: Exporting,
    seed: int,
    kills: int,
    new_target: Callable[[int], str],
    settled: Callable[[str], object] = lambda url: None,
) -> None:
    """Each kill at another moment, the first when the goals are filled and not yet committed.

    Into what it left the next restore goes, or need not; `settled` returns when that stays.
    """
    finished, chance = only(log), random.Random(seed)
    words = ["tests.export.restored_into", finished.path, str(log.key)]
    longest = killed([*words, new_target(kills)], 600)
    assert longest is not None
    for number in range(kills):
        url = new_target(number)
        if number:
            took = killed([*words, url], chance.uniform(0, longest))
        else:
            took = killed([*words, url, f"restoring {AFTER_GOALS}"], 600)
        settled(url)
        standing = stands(url)
        assert number or (took, standing) == (None, "empty")
        assert standing in (["empty", "complete"] if took is None else ["complete"]), standing
        if standing == "complete":
            with pytest.raises(BadInput, match="restore into an empty database"):
                restored(log, url)
        else:
            restored(log, url)
        assert stands(url) == "complete"
    store = open_store(url)
    checked = verify(log.settings, store, key=log.key)
    assert (checked.ok, checked.size) == (True, ROWS)
    store.engine.dispose()


@pytest.mark.parametrize(("seed", "kills"), [(0, 4), *QUARTERS])
def test_a_killed_restore_leaves_the_target_empty_or_complete(
    archive: Exporting, tmp_path: Path, seed: int, kills: int
) -> None:
    """Nothing has to be done by hand before the next one."""
    check_kills(archive, seed, kills, lambda number: f"sqlite:///{tmp_path / f'{number}.db'}")


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_restore_leaves_postgresql_empty_or_complete(
    archive: Exporting, new_database: Callable[[], str], postgres: Server, kills: int
) -> None:
    """Its server ends the transaction of a client that is gone, or the commit that it was sent."""
    check_kills(archive, 5, kills, lambda number: new_database(), postgres.wait_for_clients)

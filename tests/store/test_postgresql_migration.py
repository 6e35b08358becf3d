"""A log of real size in PostgreSQL comes up to date whole, or stays as it was."""

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from signal import SIGKILL
from time import perf_counter, sleep

import pytest

from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS
from tests.postgres import Server, database_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TABLES = ("healing_attempts", "shard_logs", "trigger_mesh_logs", "parallel_process_logs")
ROWS_A_TRANSACTION = 5000
OLD, NEW = "0001 0", "0003 3"  # by STATE
ENOUGH = 20  # kills, for one of them to come before the end and one after it
# what the migrations since 0001 made
OLDER = (
    "DROP TABLE quarantine, rollups, recent_rows",
    "DROP INDEX ix_own_learning_id, ix_own_focus_area",
    "UPDATE alembic_version SET version_num = '0001'",
)
OPENING = """
import sys
import alembic.command
from grace.store import open_store
print("ready", flush=True)
open_store(sys.argv[1], dumped=True)
"""
STATE = """
    SELECT version_num || ' ' || count(relname) FROM alembic_version LEFT JOIN pg_class
    ON relname IN ('quarantine', 'rollups', 'recent_rows') AND relkind = 'r' GROUP BY version_num
"""


@pytest.mark.parametrize(
    ("rows", "kills"), [(400, 2), pytest.param(200_000, 20, marks=pytest.mark.slow)]
)
def test_killed_again_and_again_it_is_old_or_new_and_in_the_end_new(
    new_database: Callable[[], str], postgres: Server, settings: Settings, rows: int, kills: int
) -> None:
    """Nothing is lost on the way: every row verifies against what was signed before."""
    url, chance = new_database(), random.Random(7)
    name = database_of(url)
    _fill(url, rows)
    place = settings.model_copy(update={"database_url": url})
    store = open_store(url)
    signed = sign(place, store, NOW)
    store.engine.dispose()
    postgres.execute(*OLDER, database=name)
    begin = perf_counter()
    open_store(url, dumped=True).engine.dispose()
    latest = perf_counter() - begin
    print(f"{rows:,} rows were brought up to date in {latest:.2f} s")
    seen = set()
    for _ in range(kills):
        state = _killed(url, postgres, name, chance.uniform(0, latest))
        # towards the end of the work, wherever that is in another process on a busy machine
        latest *= 1.5 if state == OLD else 0.8
        seen.add(state)
    assert seen <= {OLD, NEW}
    assert kills < ENOUGH or len(seen) == 2
    store = open_store(url, dumped=True)
    found = verify(place, store)
    assert (found.ok, found.size, found.signed_size) == (True, rows, signed.size)
    with store.reading() as connection:
        counts = [connection.exec_driver_sql(f"SELECT count(*) FROM {name}") for name in TABLES]
        assert sum(count.scalar_one() for count in counts) == rows
    store.engine.dispose()


def _fill(url: str, rows: int) -> None:
    store = open_store(url)
    for begin in range(0, rows, ROWS_A_TRANSACTION):
        numbers = range(begin, min(begin + ROWS_A_TRANSACTION, rows))
        with store.writing(NOW) as writer:
            for place, table in enumerate(TABLES):
                log = LOGS[table]
                mine = (number for number in numbers if number % len(TABLES) == place)
                writer.append(table, [{log.key[0]: f"{n}", log.time: NOW} for n in mine])
    store.engine.dispose()


def _killed(url: str, server: Server, name: str, seconds: float) -> str:
    """Which schema the log has after whoever migrated it was killed, and how many of its tables."""
    server.execute(*(OLDER if server.ask(STATE, name) != OLD else ()), database=name)
    command = [sys.executable, "-c", OPENING, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as migrating:
        assert migrating.stdout is not None
        assert migrating.stdout.readline() == b"ready\n"
        sleep(seconds)
        migrating.kill()
    assert migrating.returncode in (0, -SIGKILL)
    server.wait_for_clients(url)
    return server.ask(STATE, name)

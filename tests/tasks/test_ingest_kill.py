"""An ingestion that is killed goes on where it was, and nothing doubles."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grace.notary.verify import verify
from grace.store import open_store, quarantine
from grace.store.read import newest

ROOT = Path(__file__).parents[2]


def start(settings, path, rows_a_transaction):
    command = [sys.executable, "-m", "tests.tasks.killed_ingestion", settings.url, str(path)]
    return subprocess.Popen(
        [*command, str(rows_a_transaction)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def write(path, rows):
    """One row in ten is broken, one in ten has no key."""
    with path.open("w") as opened:
        opened.write("goal_id,title,progress\n")
        for number in range(rows):
            key = "" if number % 10 == 3 else f"g-{number}"
            progress = "a lot" if number % 10 == 7 else "5"
            opened.write(f"{key},row {number},{progress}\n")


@pytest.mark.parametrize(
    ("rows", "a_transaction", "kills"),
    [(600, 20, [1, 5, 2]), pytest.param(60_000, 500, [1, 7, 30, 40], marks=pytest.mark.slow)],
)
def test_killed_again_and_again_every_row_is_there_once(
    settings, tmp_path, rows, a_transaction, kills
):
    """Killed after some transactions, begun again: landed and quarantined are what the file has."""
    path = tmp_path / "goals.csv"
    write(path, rows)
    for transactions in kills:
        running = start(settings, path, a_transaction)
        for _ in range(transactions):
            assert running.stdout.readline().strip().isdigit()
            print(file=running.stdin, flush=True)
        running.send_signal(signal.SIGKILL)
        running.stdout.close()
        running.stdin.close()
        assert running.wait() == -signal.SIGKILL
    last = start(settings, path, a_transaction)
    said = last.communicate()[0].splitlines()[-1].split()
    assert said[0] == "done"
    assert int(said[1]) < rows
    store = open_store(settings.url)
    frame = newest(store, "goals")
    refused = rows // 10
    assert sorted(frame["title"]) == sorted(f"row {n}" for n in range(rows) if n % 10 != 7)
    assert (len(frame), frame["revision"].max()) == (rows - refused, 1)
    assert len(quarantine.entries(store)) == refused
    assert verify(settings, store).ok

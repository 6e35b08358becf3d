"""Fingerprints are issued once: through restarts, more lines, and whoever mines."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from grace.files import locked
from grace.patterns import learning
from grace.patterns.learning import READER, learn, unread
from grace.patterns.library import Library
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import newest
from tests.patterns.conftest import Failing
from tests.proposing import NOON
from tests.rivals import at_once, kept_waiting

TRACE = 'Traceback (most recent call last):\n  File "/a/{file}.py", line 7, in run\nOSError: gone\n'
MINER = """
from datetime import UTC, datetime
from grace.patterns.learning import learn
from grace.settings import Settings
from grace.store import open_store
settings = Settings()
store = open_store(settings.url)
print("ready", flush=True)
input()
print(learn(settings, store, datetime(2026, 3, 1, 13, tzinfo=UTC)), flush=True)
"""


def fingerprints(store: Store) -> dict[str, str]:
    return {pattern.name: pattern.fingerprint for pattern in Library.load(store)}


def test_like_errors_are_one_pattern_and_others_are_not(failing, learned, store) -> None:
    failing.task("RuntimeError: HTTP 503 for page 1")
    failing.task("Task run encountered an exception RuntimeError: HTTP 503 for page 2")
    failing.attempt("RuntimeError('HTTP 503 for page 3')", None)
    failing.shard("RuntimeError: HTTP 503 for page 4")
    failing.task("RuntimeError: HTTP 404 for page 5")
    failing.task(TRACE.format(file="load"))
    failing.task(TRACE.format(file="save").replace("line 7", "line 8"))
    assert learned() == 4
    assert set(fingerprints(store)) == {
        "RuntimeError: HTTP 503 for page <NUM>",
        "RuntimeError: HTTP 404 for page <NUM>",
        "OSError: gone in load.py:run",
        "OSError: gone in save.py:run",
    }


def test_what_failed_and_says_nothing_is_no_pattern(failing, learned, store) -> None:
    failing.task(None)
    failing.attempt(None, None)
    failing.success()
    assert learned() == 0
    assert fingerprints(store) == {}


def test_a_pattern_says_where_and_when_it_was_first_seen(failing, learned, store) -> None:
    at = failing.now
    failing.task("RuntimeError: no leader")
    learned(NOON + timedelta(days=1))
    (pattern,) = Library.load(store)
    assert (pattern.first_seen, pattern.subsystem) == (at, "fetch")
    (row,) = newest(store, "ml_learning_logs").to_dict("records")
    assert row["learning_id"] == f"pattern:{pattern.fingerprint}"
    assert (row["learning_type"], row["source"]) == ("pattern_update", "grace")
    assert row["pattern_name"] == "RuntimeError: no leader"
    told = json.loads(row["data_sources"])
    assert (told["type"], told["template"], told["version"]) == ("RuntimeError", "no leader", 1)


def test_a_fingerprint_is_stable(failing, learned, store) -> None:
    """One that was issued once must be issued again wherever the same error is first seen."""
    failing.task("RuntimeError: HTTP 503 for page 1")
    learned()
    assert fingerprints(store) == {"RuntimeError: HTTP 503 for page <NUM>": "p1-a7077eaa43a9"}


def test_mining_goes_on_where_it_stopped(failing, learned, settings, store) -> None:
    """A later process reads new rows only, and knows what the first one learned."""
    failing.task("RuntimeError: queue alpha is full")
    assert (learned(), unread(store)) == (1, 0)
    before = newest(store, "ml_learning_logs")
    failing.task("RuntimeError: queue alpha is full")
    assert unread(store) == 1
    reopened = open_store(settings.url)
    assert learn(settings, reopened, NOON + timedelta(hours=1)) == 0
    assert newest(store, "ml_learning_logs").equals(before)


def test_a_template_grows_wider_and_its_fingerprint_stays(failing, learned, store) -> None:
    failing.task("RuntimeError: the queue of alpha is full")
    learned()
    (before,) = Library.load(store)
    failing.task("RuntimeError: the queue of beta is full")
    assert learned(NOON + timedelta(hours=1)) == 0
    (after,) = Library.load(store)
    assert after.template == "RuntimeError: the queue of <*> is full"
    assert (after.fingerprint, after.first_seen) == (before.fingerprint, before.first_seen)
    assert Library.load(store).match("RuntimeError: the queue of gamma is full") == after
    (row,) = newest(store, "ml_learning_logs").to_dict("records")
    assert row["revision"] == 2


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_however_often_it_looks_it_learns_the_same(
    failing, learned, store, monkeypatch, step
) -> None:
    """By ledger index over three tables: no step is lost between them, and none read twice."""
    monkeypatch.setattr(learning, "STEP", step)
    for number in range(4):
        failing.task(f"RuntimeError: the queue of {'abcd'[number]} is full")
        failing.shard(f"lost shard {number}")
        failing.attempt(f"ValueError('row {number} of {'wxyz'[number]} is bad')", True)
    assert learned() == 3
    assert learned() == 0
    assert set(fingerprints(store)) == {
        "RuntimeError: the queue of <*> is full",
        "lost shard <NUM>",
        "ValueError: row <NUM> of <*> is bad",
    }


def test_a_place_that_was_lost_costs_no_fingerprint(failing, learned, store) -> None:
    """As in a restored database: the log is read again, and everything in it is known."""
    for name in ("alpha", "beta", "gamma"):
        failing.task(f"RuntimeError: the queue of {name} is full")
        failing.task(f"{name.title()}Error: by itself")
        learned()
    before = fingerprints(store)
    for place in (0, {"version": 0, "index": 9}, None):
        with store.writing(NOON) as writer:
            writer.set_cursor(READER, place)
        assert learned() == 0
    assert fingerprints(store) == before


def test_rows_of_another_version_or_form_are_no_patterns(failing, learned, store) -> None:
    """They stay in the log; what they told of is learned anew."""
    told = ({"version": 0}, {"version": 1, "words": ["a"]}, None)
    with store.writing(NOON) as writer:
        rows = [
            {"learning_id": f"pattern:p{place}", "data_sources": each, "timestamp": NOON}
            for place, each in enumerate(told)
        ]
        writer.append("ml_learning_logs", rows)
        writer.set_cursor(READER, writer.size)
    failing.task("RuntimeError: full")
    assert learned() == 1
    assert list(fingerprints(store)) == ["RuntimeError: full"]


def miner() -> subprocess.Popen[str]:
    """A process that learns once it is told to."""
    return subprocess.Popen(
        [sys.executable, "-c", MINER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_is_kept_out_while_one_mines(failing, settings, store) -> None:
    """It waits for the lock, and learns when that is free."""
    failing.task("RuntimeError: kept out")
    process = miner()
    with ThreadPoolExecutor(1) as alone, locked(settings.log_dir / "pattern-miner.lock"):
        mining = alone.submit(at_once, [process])
        kept_waiting(process.pid)
        assert fingerprints(store) == {}
    assert mining.result() == ["1\n"]
    assert list(fingerprints(store)) == ["RuntimeError: kept out"]


def test_two_miners_at_once_learn_each_error_once(failing, settings, store) -> None:
    for number in range(30):
        failing.task(f"Kind{'abcdefghij'[number % 10]}Error: broke {'xyz'[number // 10]}")
    assert sorted(at_once([miner() for _ in range(2)])) == ["0\n", "30\n"]
    assert len(newest(store, "ml_learning_logs")) == 30


@pytest.mark.parametrize("turns", ["ab", "ba", "aab", "abab"])
def test_fingerprints_are_the_same_whoever_takes_which_turn(
    tmp_path, settings, store, turns
) -> None:
    """Two stores on one log that mine in turns, against one that reads it all at once."""
    failing = Failing(store)
    stores = {"a": store, "b": open_store(settings.url)}
    for number in range(12):
        failing.task(f"RuntimeError: the queue of {'abc'[number % 3]} is full")
        failing.task(f"Kind{'abcdef'[number % 6]}Error: row {number}")
        learn(settings, stores[turns[number % len(turns)]], NOON)
    alone = Settings(data_dir=tmp_path / "alone")
    other = open_store(alone.url)
    again = Failing(other)
    for number in range(12):
        again.task(f"RuntimeError: the queue of {'abc'[number % 3]} is full")
        again.task(f"Kind{'abcdef'[number % 6]}Error: row {number}")
    learn(alone, other, NOON)
    assert fingerprints(store) == fingerprints(other)
    other.engine.dispose()

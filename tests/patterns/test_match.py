"""What governed code asks: the pattern of an error, its rule, its record; read every 5 seconds."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grace import patterns
from grace.patterns.errors import parse
from grace.patterns.library import Library
from grace.patterns.live import FRESH_SECONDS
from grace.patterns.record import Record
from grace.patterns.rules import Rule, set_rule
from grace.store import open_store
from tests.patterns.conftest import Failing
from tests.proposing import NOON

FULL = "RuntimeError: queue 7 is full"
RULE = Rule(fix="retry", retries=2)


@pytest.fixture
def fingerprint(failing, learned, store) -> str:
    failing.task(FULL)
    learned()
    (pattern,) = Library.load(store)
    return pattern.fingerprint


def at(seconds: float):
    return lambda: seconds


def test_a_known_error_is_answered_with_its_rule_and_its_record(
    store, fingerprint, monkeypatch
) -> None:
    """The record is that of the last 30 days, as of now."""
    from datetime import UTC, datetime

    set_rule(store, fingerprint, RULE, NOON)
    failing = Failing(store)
    failing.now = datetime.now(UTC)
    failing.attempt(FULL, True, metadata={"flow_run": "a", "task_run": "b"})
    failing.attempt(FULL, False, attempted_at=NOON)
    found = patterns.match("queue 9 is full", "RuntimeError")
    assert found is not None
    assert (found.fingerprint, found.rule) == (fingerprint, RULE)
    assert found.template == "RuntimeError: queue <NUM> is full"
    assert found.record == {"retry": Record(1, 1, 1, 1.0)}
    assert patterns.match(FULL) == found
    assert patterns.match("RuntimeError: something else") is None


def test_a_change_takes_effect_within_five_seconds(store, fingerprint) -> None:
    """Of the clock that is given; the same for `rule_for`."""
    assert patterns.match(FULL, clock=at(100)).rule is None
    set_rule(store, fingerprint, RULE, NOON)
    assert patterns.match(FULL, clock=at(100 + FRESH_SECONDS - 0.1)).rule is None
    assert patterns.match(FULL, clock=at(100 + FRESH_SECONDS)).rule == RULE
    set_rule(store, fingerprint, None, NOON)
    assert patterns.rule_for(parse(FULL), clock=at(100 + FRESH_SECONDS)) == RULE
    assert patterns.rule_for(parse(FULL), clock=at(100 + 2 * FRESH_SECONDS)) is None


def test_what_is_learned_and_tried_later_is_seen_later(failing, learned, fingerprint) -> None:
    later = "ValueError: new"
    assert patterns.match(later, clock=at(0)) is None
    failing.task(later)
    learned()
    assert patterns.match(later, clock=at(FRESH_SECONDS)).record == {}


def test_a_log_that_cannot_be_read_knows_no_pattern(monkeypatch, tmp_path, caplog) -> None:
    """Governed code goes on; one warning says why nothing was found, however often it asks."""
    monkeypatch.setenv("GRACE_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.db")
    with caplog.at_level(logging.WARNING):
        for second in range(0, 60, 2):
            assert patterns.match(FULL, clock=at(second)) is None
    assert caplog.text.count("nowhere.db") == 1
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GRACE_DATABASE_URL", "mysql://h/x"), ("GRACE_DATABASE_URL", "%"), ("GRACE_PORT", "many")],
)
def test_settings_that_are_wrong_are_a_log_that_cannot_be_read(
    monkeypatch, caplog, variable, value
) -> None:
    monkeypatch.setenv(variable, value)
    assert patterns.match(FULL) is None
    assert "error patterns are not known" in caplog.text


def test_a_file_that_is_no_database_is_a_log_that_cannot_be_read(
    monkeypatch, tmp_path, caplog
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database" * 100)
    monkeypatch.setenv("GRACE_DATABASE_URL", f"sqlite:///{file}")
    assert patterns.match(FULL) is None
    assert "notes.txt" in caplog.text
    assert file.read_text() == "not a database" * 100


def test_a_log_that_comes_is_found(monkeypatch, tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/later/grace.db"
    monkeypatch.setenv("GRACE_DATABASE_URL", url)
    assert patterns.match(FULL, clock=at(0)) is None
    from grace.patterns.learning import learn
    from grace.settings import Settings

    store = open_store(url)
    Failing(store).task(FULL)
    learn(Settings(), store, NOON)
    assert patterns.match(FULL, clock=at(FRESH_SECONDS - 1)) is None
    assert patterns.match(FULL, clock=at(FRESH_SECONDS)) is not None
    store.engine.dispose()


def test_many_threads_may_ask_at_once(fingerprint) -> None:
    """As the tasks of a flow do."""
    found: list[str] = []

    def ask(number: int) -> None:
        match = patterns.match(f"RuntimeError: queue {number} is full", clock=at(number))
        found.append(match.fingerprint if match else "none")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [fingerprint] * 40


@pytest.mark.parametrize("module", ["grace.patterns", "grace.prefect"])
def test_importing_is_cheap(module) -> None:
    """No database, no frames, no miner, no Prefect, before the first error."""
    heavy = ["sqlalchemy", "pandas", "drain3", "scipy", "prefect", "pydantic", "numpy"]
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_asking_needs_no_frames_and_no_miner(fingerprint) -> None:
    """A flow run is a process, and pays for every import."""
    code = (
        "import sys; from grace import patterns;"
        f"print(patterns.match({FULL!r}).fingerprint,"
        "[name for name in ('pandas', 'drain3', 'scipy', 'numpy') if name in sys.modules])"
    )
    root = Path(patterns.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert done.stdout == f"{fingerprint} []\n"

"""Fingerprints are issued once: through restarts, more lines, and whoever mines."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.patterns.errors import parse
from grace.patterns.library import Library, learn
from grace.patterns.mining import Miner
from grace.patterns.record import Record, records_of
from grace.patterns.rules import Rule, active_rules, rule_of, set_rule
from grace.settings import Settings
from grace.store import Store
from grace.store.read import newest
from tests.proposing import NOON

TRACE = 'Traceback (most recent call last):\n  File "/a/{file}.py", line 7, in run\nOSError: gone\n'


def fail(store: Store, *errors: str, at: datetime = NOON) -> None:
    """Task runs that ended with these errors."""
    with store.writing(at) as writer:
        start = writer.size
        writer.append(
            "parallel_process_logs",
            [
                {
                    "process_id": f"run-{start + number}",
                    "process_type": "task_run",
                    "success": False,
                    "error": error,
                    "timestamp": at,
                }
                for number, error in enumerate(errors)
            ],
            source="test",
        )


def test_like_errors_are_one_pattern_and_others_are_not(settings: Settings, store: Store) -> None:
    fail(store, "RuntimeError: HTTP 503 for page 1", "RuntimeError: HTTP 503 for page 2")
    fail(store, "ValueError: HTTP 503 for page 3", "RuntimeError: disk is full on /dev/sda1/x")
    assert learn(settings, store, NOON) == 3
    templates = {each.template for each in Library.load(store)}
    assert templates == {
        "RuntimeError: HTTP 503 for page <NUM>",
        "ValueError: HTTP 503 for page <NUM>",
        "RuntimeError: disk is full on <PATH>",
    }


def test_the_same_words_from_two_places_are_two_patterns(settings: Settings, store: Store) -> None:
    """Frames come before words, and line numbers are no part of them."""
    fail(store, TRACE.format(file="load"), TRACE.format(file="save"))
    fail(store, TRACE.format(file="load").replace("line 7", "line 8"))
    assert learn(settings, store, NOON) == 2


def test_mining_goes_on_where_it_stopped(settings: Settings, store: Store) -> None:
    """A second look reads new rows only, and knows what the first one learned."""
    fail(store, "RuntimeError: queue alpha is full")
    assert learn(settings, store, NOON) == 1
    rows = len(newest(store, "ml_learning_logs"))
    assert learn(settings, store, NOON) == 0
    fail(store, "RuntimeError: queue alpha is full")
    assert learn(settings, store, NOON + timedelta(hours=1)) == 0
    assert len(newest(store, "ml_learning_logs")) == rows


def test_a_template_grows_wider_and_its_fingerprint_stays(settings: Settings, store: Store) -> None:
    fail(store, "RuntimeError: the queue of alpha is full")
    learn(settings, store, NOON)
    (before,) = Library.load(store)
    fail(store, "RuntimeError: the queue of beta is full", at=NOON + timedelta(hours=1))
    assert learn(settings, store, NOON + timedelta(hours=1)) == 0
    (after,) = Library.load(store)
    assert after.template == "RuntimeError: the queue of <*> is full"
    assert (after.fingerprint, after.first_seen) == (before.fingerprint, before.first_seen)
    found = Library.load(store).match("RuntimeError: the queue of gamma is full")
    assert found == after


def test_an_unknown_error_matches_nothing(settings: Settings, store: Store) -> None:
    fail(store, "RuntimeError: queue alpha is full")
    learn(settings, store, NOON)
    library = Library.load(store)
    assert library.match("ValueError: queue alpha is full") is None
    assert library.fingerprint_of("something else entirely") is None
    with pytest.raises(BadInput, match="grace patterns"):
        library.pattern("p1-000000000000")


def test_two_miners_take_turns(settings: Settings, store: Store) -> None:
    """Two processes at once learn each error once, under one number."""
    fail(store, *(f"RuntimeError: kind{n} broke part {n}" for n in range(30)))
    code = (
        "from datetime import UTC, datetime;"
        "from grace.patterns.library import learn; from grace.settings import Settings;"
        "from grace.store import open_store; s = Settings();"
        "print(learn(s, open_store(s.url), datetime(2026, 3, 1, 13, tzinfo=UTC)))"
    )
    miners = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counts = sorted(int(miner.communicate(timeout=120)[0]) for miner in miners)
    assert counts[0] == 0
    numbers = [each.number for each in Library.load(store)]
    assert numbers == list(range(1, counts[1] + 1))


def test_a_rule_is_set_changed_and_taken_away(settings: Settings, store: Store) -> None:
    """The newest revision is the rule in force, and the same rule again is no news."""
    rule = Rule(fix="retry", retries=2)
    for moment, value in enumerate((rule, rule, Rule(fix="retry", retries=3), None)):
        set_rule(store, "p1-a", value, NOON + timedelta(minutes=moment))
        assert rule_of(store, "p1-a") == value
    assert active_rules(store) == {}
    assert newest(store, "ml_learning_logs", learning_id="rule:p1-a")["revision"].item() == 3


def test_the_record_of_a_pattern_counts_finished_attempts(settings: Settings, store: Store) -> None:
    """By kind of fix; pending attempts and those of other errors are left out."""
    attempts = [("retry", True), ("retry", False), ("retry", None), ("restart", True)]
    with store.writing(NOON) as writer:
        rows: list[dict[str, object]] = [
            {
                "attempt_id": str(number),
                "error_message": f"RuntimeError('page {number} timed out')",
                "error_type": "RuntimeError" if number % 2 else None,
                "fix_type": fix,
                "success": success,
                "attempted_at": NOON,
            }
            for number, (fix, success) in enumerate(attempts)
        ]
        writer.append("healing_attempts", rows, source="test")
    learn(settings, store, NOON)
    library = Library.load(store)
    (pattern,) = library
    found = records_of(store, library, pattern.fingerprint)
    assert found == {"retry": Record(2, 1), "restart": Record(1, 1)}


@effort(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="abc 12/:.'-", min_size=1, max_size=40), max_size=20))
def test_what_was_mined_is_found_again(texts: list[str]) -> None:
    """Every message fits the template it was mined into, also in a miner built anew from them."""
    miner = Miner()
    numbers = [miner.add(parse(text)).number for text in texts]
    anew = Miner(template.words for template in miner.templates)
    for text, number in zip(texts, numbers, strict=True):
        found = anew.match(parse(text))
        assert found is not None
        assert len(found.words) == len(miner.templates[number - 1].words)

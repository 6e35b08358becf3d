"""`grace patterns` says what was learned, and which rule an error has."""

import json

import pytest

from grace.cli import main
from grace.patterns.library import Library, learn
from grace.patterns.rules import Rule, set_rule
from grace.settings import Settings
from grace.store import Store
from tests.patterns.test_library import fail
from tests.proposing import NOON


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["--json", *arguments])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


def test_patterns_and_their_rules(
    settings: Settings, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "patterns", "list") == []
    fail(store, "RuntimeError: HTTP 503 for page 7")
    learn(settings, store, NOON)
    (pattern,) = Library.load(store)
    set_rule(store, pattern.fingerprint, Rule(fix="retry", retries=2), NOON)
    rule = {"fix": "retry", "retries": 2, "description": ""}
    expected = {
        "fingerprint": pattern.fingerprint,
        "template": "RuntimeError: HTTP 503 for page <NUM>",
        "rule": rule,
    }
    assert told(capsys, "patterns", "match", "RuntimeError: HTTP 503 for page 8") == expected
    (row,) = told(capsys, "patterns", "list")
    assert row == expected | {"first_seen": "2026-03-01T12:00:00Z"}


def test_an_error_never_seen_has_no_pattern(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "patterns", "match", "something new")
    assert found == {"fingerprint": None, "template": None, "rule": None}

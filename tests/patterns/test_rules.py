"""A rule belongs to one pattern, and everything that it ever was stays in the log."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from grace.errors import BadInput
from grace.patterns.library import Library
from grace.patterns.rules import Rule, active_rules, rule_of, set_rule
from grace.store.read import newest
from tests.proposing import NOON


@pytest.fixture
def fingerprint(failing, learned, store) -> str:
    failing.task("RuntimeError: full")
    learned()
    (pattern,) = Library.load(store)
    return pattern.fingerprint


def revisions(store, fingerprint: str) -> int:
    found = newest(store, "ml_learning_logs", learning_id=f"rule:{fingerprint}")
    return int(found["revision"].item()) if len(found) else 0


def test_a_rule_is_set_changed_and_taken_away(store, fingerprint) -> None:
    """The newest revision is the rule in force."""
    for moment, rule in enumerate((Rule(fix="retry", retries=2), Rule(fix="restart"), None)):
        assert set_rule(store, fingerprint, rule, NOON + timedelta(minutes=moment))
        assert rule_of(store, fingerprint) == rule
        assert active_rules(store) == ({} if rule is None else {fingerprint: rule})
    assert revisions(store, fingerprint) == 3
    row = newest(store, "ml_learning_logs", learning_id=f"rule:{fingerprint}").iloc[0]
    assert (row["pattern_name"], row["learning_type"]) == ("RuntimeError: full", "pattern_update")


def test_the_same_rule_again_is_no_news(store, fingerprint) -> None:
    """Nor is no rule where there was none."""
    assert not set_rule(store, fingerprint, None, NOON)
    assert set_rule(store, fingerprint, Rule(fix="retry", retries=2), NOON)
    later = NOON + timedelta(hours=1)
    assert not set_rule(store, fingerprint, Rule(fix="retry", retries=2), later)
    assert revisions(store, fingerprint) == 1


def test_there_is_no_rule_for_what_was_never_seen(store) -> None:
    with pytest.raises(BadInput, match="there is no error pattern 'p1-nowhere'"):
        set_rule(store, "p1-nowhere", Rule(fix="retry", retries=1), NOON)


@pytest.mark.parametrize(
    "given", [{"retries": 0}, {}, {"retries": 11}, {"retries": "2"}, {"fix": " "}, {"delay": 3}]
)
def test_a_rule_says_only_what_can_be_done(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"fix": "retry"} | given)
    assert Rule(fix="restart").retries == 0


def test_a_rule_that_cannot_be_read_is_not_followed(store, fingerprint, caplog) -> None:
    """As one of a later release; a warning says so, and the others are followed."""
    with store.writing(NOON) as writer:
        for name, text in ((fingerprint, '{"fix": "pray", "to": 1}'), ("p1-other", "[")):
            row = {"learning_id": f"rule:{name}", "recommended_strategy": text, "timestamp": NOON}
            writer.append("ml_learning_logs", [row])
    assert active_rules(store) == {}
    assert fingerprint in caplog.text
    assert "p1-other" in caplog.text


def test_a_row_that_grace_did_not_write_is_no_rule(store, fingerprint) -> None:
    """Whoever logs may not give governed code orders by it."""
    text = Rule(fix="retry", retries=9).model_dump_json()
    row = {"learning_id": f"rule:{fingerprint}", "recommended_strategy": text, "timestamp": NOON}
    with store.writing(NOON) as writer:
        writer.append("ml_learning_logs", [row], source="logger")
    assert active_rules(store) == {}

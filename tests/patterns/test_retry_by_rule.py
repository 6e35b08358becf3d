"""A rule changes what failing Prefect tasks do, without any other code."""

from datetime import timedelta

import pytest
from prefect import flow, task

from grace import patterns
from grace.patterns.library import Library, learn
from grace.patterns.live import FRESH_SECONDS, Live
from grace.patterns.rules import Rule, set_rule
from grace.prefect import retry_by_rule, setting
from grace.settings import Settings
from grace.store import Store
from tasks.levers.prefect_variable import PrefectVariable
from tests.patterns.test_library import fail
from tests.proposing import NOON

ERROR = "Task run encountered an exception RuntimeError: HTTP 503 for page 7"


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    patterns._live.cache_clear()


@pytest.fixture
def fingerprint(settings: Settings, store: Store) -> str:
    fail(store, ERROR)
    learn(settings, store, NOON)
    (pattern,) = Library.load(store)
    return pattern.fingerprint


def attempts(error: str = "HTTP 503 for page 8") -> int:
    """How often a task that fails once is tried, in a real flow run."""
    tried = []

    @task(retries=3, retry_condition_fn=retry_by_rule)
    def fetch() -> None:
        tried.append(1)
        if len(tried) == 1:
            raise RuntimeError(error)

    @flow
    def governed() -> None:
        fetch(return_state=True)

    governed(return_state=True)
    return len(tried)


def test_a_task_is_retried_from_when_its_error_has_a_rule(
    prefect_api: str, store: Store, fingerprint: str
) -> None:
    """Not before, not for another error, and no longer once the rule is taken away."""
    assert attempts() == 1
    set_rule(store, fingerprint, Rule(fix="retry", retries=2), NOON)
    patterns._live.cache_clear()
    assert attempts() == 2
    assert attempts("HTTP 404 for page 8") == 1
    set_rule(store, fingerprint, None, NOON + timedelta(hours=1))
    patterns._live.cache_clear()
    assert attempts() == 1


def test_the_rule_says_how_often(prefect_api: str, store: Store, fingerprint: str) -> None:
    """Of the task's three retries the rule uses one."""
    set_rule(store, fingerprint, Rule(fix="retry", retries=1), NOON)
    tried = []

    @task(retries=3, retry_condition_fn=retry_by_rule)
    def fetch() -> None:
        tried.append(1)
        raise RuntimeError("HTTP 503 for page 9")

    @flow
    def governed() -> None:
        fetch(return_state=True)

    governed(return_state=True)
    assert len(tried) == 2


def test_a_rule_takes_effect_in_a_process_that_runs_already(store: Store, fingerprint: str) -> None:
    """Within the time for which what was read is believed, and not before."""
    live = Live()
    assert live.match(ERROR, None, 0.0).rule is None
    rule = Rule(fix="retry", retries=2)
    set_rule(store, fingerprint, rule, NOON)
    assert live.match(ERROR, None, FRESH_SECONDS - 0.1).rule is None
    assert live.match(ERROR, None, FRESH_SECONDS).rule == rule


def test_a_log_that_cannot_be_read_knows_no_pattern(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Governed code goes on; one warning says why nothing was found."""
    monkeypatch.setenv("GRACE_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.db")
    assert patterns.match(ERROR) is None
    assert "nowhere.db" in caplog.text


def test_a_setting_is_read_where_the_lever_sets_it(prefect_api: str) -> None:
    """The default until it is set, the value while it is, the default when it is taken away."""
    lever, target = PrefectVariable(), "variable:page-threshold"
    assert setting("page-threshold", 0.8) == 0.8
    for value in (0.9, {"deep": [1, None]}, "text"):
        lever.apply(target, value)
        lever.apply(target, value)
        assert setting("page-threshold", 0.8) == value == lever.read(target)
    lever.apply(target, None)
    lever.apply(target, None)
    assert lever.read(target) is None
    assert setting("page-threshold", 0.8) == 0.8

"""A rule changes what failing Prefect tasks do, without any other code, on a real server."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
from prefect import flow, tags, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.states import Failed

from grace import assign, patterns
from grace.patterns.library import Library
from grace.patterns.live import FRESH_SECONDS
from grace.patterns.rules import Rule, set_rule
from grace.prefect import retry_by_rule, setting
from tests.proposing import NOON

STATE = "Task run encountered an exception RuntimeError: HTTP 503 for page 7"
ERROR = RuntimeError("HTTP 503 for page 8")


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def goes_on(self) -> None:
        self.seconds += FRESH_SECONDS


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """What fails here is no part of the governed system that other tests read from this server."""
    with tags("grace"):
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fingerprint(failing, learned, store) -> str:
    """Learned from the message of a state, as ingestion brings it."""
    failing.task(STATE)
    learned()
    (pattern,) = Library.load(store)
    return pattern.fingerprint


def attempts(clock: Clock, error: Exception = ERROR, fails: int = 1, retries: int = 3) -> int:
    """How often a task that fails so many times is tried, in a real flow run."""
    tried: list[int] = []

    def condition(task: object, run: TaskRun, state: State) -> bool:
        return retry_by_rule(task, run, state, clock=clock)

    @task(retries=retries, retry_condition_fn=condition)
    def fetch() -> None:
        tried.append(1)
        if len(tried) <= fails:
            raise error

    @flow
    def governed() -> None:
        fetch(return_state=True)

    governed(return_state=True)
    return len(tried)


def test_a_task_is_retried_while_its_error_has_a_rule(
    prefect_api, store, fingerprint, clock
) -> None:
    """Not before, not for another error, and no longer once the rule is taken away; all in one
    process, within the time for which what was read is believed."""
    assert attempts(clock) == 1
    set_rule(store, fingerprint, Rule(fix="retry", retries=2), NOON)
    assert attempts(clock) == 1
    clock.goes_on()
    assert attempts(clock) == 2
    assert attempts(clock, RuntimeError("HTTP 404 for page 8")) == 1
    assert attempts(clock, ValueError("HTTP 503 for page 8")) == 1
    set_rule(store, fingerprint, None, NOON)
    clock.goes_on()
    assert attempts(clock) == 1


@pytest.mark.parametrize(("rule", "task_s", "tried"), [(1, 3, 2), (2, 3, 3), (9, 2, 3)])
def test_the_lesser_of_rule_and_task_says_how_often(
    prefect_api, store, fingerprint, clock, rule, task_s, tried
) -> None:
    set_rule(store, fingerprint, Rule(fix="retry", retries=rule), NOON)
    assert attempts(clock, fails=99, retries=task_s) == tried


def test_a_rule_on_trial_holds_in_one_arm_of_the_flow_runs(
    prefect_api, store, fingerprint, clock
) -> None:
    """Ten real flow runs: those that `assign` puts into *after* retry, the others do not."""
    trial = {"experiment": "e", "share": 0.5, "arm": "after"}
    rule = Rule.model_validate({"fix": "retry", "retries": 2, "trial": trial})
    set_rule(store, fingerprint, rule, NOON)
    seen: dict[str, list[str]] = {"before": [], "after": []}

    def condition(task: object, run: TaskRun, state: State) -> bool:
        return retry_by_rule(task, run, state, clock=clock)

    @task(retries=3, retry_condition_fn=condition)
    def fetch(tried: list[int]) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise ERROR

    @flow
    def governed() -> tuple[str, str]:
        state = fetch([], return_state=True)
        return str(flow_run.id), state.name

    for _ in range(10):
        run, ended = governed()
        seen[assign("e", run)].append(ended)
    assert set(seen["after"]) <= {"Completed"}
    assert set(seen["before"]) <= {"Failed"}
    assert patterns.match(str(ERROR), "RuntimeError", clock=clock).rule is None
    told = {
        arm: patterns.match(str(ERROR), "RuntimeError", unit=unit, clock=clock).rule
        for unit in map(str, range(8))
        for arm in [assign("e", unit)]
    }
    assert told == {"before": None, "after": rule.plain}


def test_a_rule_that_says_something_else_retries_nothing(
    prefect_api, store, fingerprint, clock
) -> None:
    set_rule(store, fingerprint, Rule(fix="restart-worker"), NOON)
    assert attempts(clock) == 1


def test_a_retried_task_completes_and_says_so(prefect_api, store, fingerprint) -> None:
    """As governed code writes it: the function itself, in a sync and in an async task."""
    set_rule(store, fingerprint, Rule(fix="retry", retries=2), NOON)
    tried: list[str] = []

    @task(retries=2, retry_condition_fn=retry_by_rule)
    def fetch() -> str:
        tried.append("sync")
        if tried.count("sync") == 1:
            raise ERROR
        return "page"

    @task(retries=2, retry_condition_fn=retry_by_rule, persist_result=True)
    async def afetch() -> str:
        tried.append("async")
        if tried.count("async") == 1:
            raise ERROR
        return "page"

    @flow
    async def governed() -> list[State]:
        return [fetch(return_state=True), await afetch(return_state=True)]

    states = asyncio.run(governed())
    assert [state.name for state in states] == ["Completed", "Completed"]
    assert tried == ["sync", "sync", "async", "async"]


def test_a_task_that_returns_a_failed_state_is_known_by_its_message(
    prefect_api, failing, learned, store
) -> None:
    failing.task("stock of 7 is short")
    learned()
    (pattern,) = Library.load(store)
    set_rule(store, pattern.fingerprint, Rule(fix="retry", retries=1), NOON)
    tried: list[int] = []

    @task(retries=3, retry_condition_fn=retry_by_rule)
    def fetch() -> State:
        tried.append(1)
        return Failed(message="stock of 9 is short")

    @flow
    def governed() -> None:
        fetch(return_state=True)

    governed(return_state=True)
    assert len(tried) == 2


def raised_from_another() -> Exception:
    try:
        try:
            raise OSError("cable cut")
        except OSError as cut:
            raise ERROR from cut
    except RuntimeError as error:
        return error


class Wrapped:
    """As Prefect keeps a result that is to be stored."""

    result = ERROR


@pytest.mark.parametrize(
    "state",
    [
        lambda: Failed(data=ERROR, message="Task run encountered unexpected exception: …"),
        lambda: Failed(data=raised_from_another()),
        lambda: Failed(message=STATE),
        lambda: Failed(message=f"Task run encountered unexpected exception: {ERROR!r}"),
        lambda: Failed(data=None, message=STATE),
        lambda: Failed(data=Wrapped(), message="x"),
    ],
)
def test_the_error_is_found_in_whatever_state_holds_it(
    store, fingerprint, clock, state: Callable[[], State]
) -> None:
    """Exception, its cause aside, wrapped result, or message."""
    set_rule(store, fingerprint, Rule(fix="retry", retries=1), NOON)
    run = TaskRun.model_construct(run_count=1)
    assert retry_by_rule(None, run, state(), clock=clock)
    assert not retry_by_rule(None, TaskRun.model_construct(run_count=2), state(), clock=clock)


def test_where_the_log_cannot_be_read_nothing_is_retried(
    prefect_api, monkeypatch, tmp_path, clock, caplog
) -> None:
    """And the task fails as it would have: no error of ours takes the place of its own."""
    monkeypatch.setenv("GRACE_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.db")
    with caplog.at_level(logging.WARNING):
        assert attempts(clock) == 1
    assert "error patterns are not known" in caplog.text
    assert "retry_condition_fn" not in caplog.text


def test_a_setting_is_the_prefect_variable_s_value(prefect_api) -> None:
    """The default until it is there."""
    from prefect.variables import Variable

    assert setting("page-threshold", 0.8) == 0.8
    for value in (0.9, {"deep": [1, None]}, "text"):
        Variable.set("page-threshold", value, overwrite=True)
        assert setting("page-threshold", 0.8) == value
    Variable.unset("page-threshold")
    assert setting("page-threshold", 0.8) == 0.8

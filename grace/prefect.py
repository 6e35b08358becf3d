"""What governed Prefect code imports.

from grace.prefect import retry_by_rule, setting

@task(retries=3, retry_condition_fn=retry_by_rule)
def fetch(): ...
"""

import time
from collections.abc import Callable
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from grace import patterns

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun
    from pydantic import JsonValue

    from grace.patterns.errors import Error

__all__ = ["retry_by_rule", "setting"]


def retry_by_rule(
    task: "Task[..., Any]",
    task_run: "TaskRun",
    state: "State[Any]",
    *,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Whether a failed task is tried again: when its error has an approved rule that says *retry*.

    A `retry_condition_fn`: the task's own `retries` are the most there can be, the rule says how
    many of them are used. Without a rule, or where Grace's log cannot be read, none is. A rule that
    is set or taken away takes effect within 5 seconds of `clock`. While a rule is on trial it holds
    in the flow runs that `grace.assign` puts into its arm, and the others go on as before.
    """
    rule = patterns.rule_for(_error(state), unit=task_run.flow_run_id, clock=clock)
    if rule is None or rule.fix != "retry":
        return False
    return task_run.run_count <= rule.retries


def setting(name: str, default: "JsonValue" = None) -> "JsonValue":
    """The value of the Prefect variable `name`, which a proposal may change; else the default.

    Blocks; in a coroutine call it by `asyncio.to_thread`.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.read_variable_by_name(name)
    value: JsonValue = default if found is None else found.value
    return value


def _error(state: "State[Any]") -> "Error":
    """What the task failed with: the exception, which Prefect 3.8 hands over in the state it would
    enter, wrapped where results are kept; else the message of a state that the task returned."""
    from grace.patterns.errors import parse

    failure = getattr(state.data, "result", state.data)
    if isinstance(failure, BaseException):
        # the last exception alone, as the message of the final state will tell it
        told = "".join(format_exception(type(failure), failure, failure.__traceback__, chain=False))
        return parse(told)
    return parse(state.message)

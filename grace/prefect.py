"""What governed Prefect code imports.

from grace.prefect import retry_by_rule, setting

@task(retries=3, retry_condition_fn=retry_by_rule)
def fetch(): ...
"""

from typing import TYPE_CHECKING, Any

from grace import patterns

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun
    from pydantic import JsonValue

__all__ = ["retry_by_rule", "setting"]


def retry_by_rule(task: "Task[..., Any]", run: "TaskRun", state: "State[Any]") -> bool:
    """Whether a failed task is tried again: when its error has an approved rule that says *retry*.

    A `retry_condition_fn`: the task's own `retries` is the most there can be, the rule's what is
    used of them. Without a rule, or where Grace's log cannot be read, nothing is retried.
    """
    failure = state.data
    is_raised = isinstance(failure, BaseException)
    # as the message of the run's last state will say it, which is what patterns are mined from
    said = f"{type(failure).__name__}: {failure}" if is_raised else state.message
    found = patterns.match(said or "")
    if found is None or found.rule is None or found.rule.fix != "retry":
        return False
    return run.run_count <= found.rule.retries


def setting(name: str, default: "JsonValue" = None) -> "JsonValue":
    """The value of the Prefect variable `name`, which a proposal may change; else the default.

    Blocks; in a coroutine call it by `asyncio.to_thread`.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.read_variable_by_name(name)
    value: JsonValue = default if found is None else found.value
    return value

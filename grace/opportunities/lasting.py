"""What makes a change last: the next deploy sets what its `prefect.yaml` declares.

Only deployments stand in that file: their limit, schedules, parameters and job variables.
"""

import yaml
from pydantic import JsonValue

from grace.governance.change import Change

__all__ = ["prefect_yaml_patch"]

# as the file calls what the lever calls otherwise
SCHEDULE_KEYS = {"interval_seconds": "interval", "anchor": "anchor_date"}
ENV = {
    "retries": "PREFECT_TASKS_DEFAULT_RETRIES",
    "delay_seconds": "PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS",
}


def prefect_yaml_patch(change: Change) -> str | None:
    """The lines of the deployment to be written so; None where no file declares the target.

    Tag and global limits, pools and queues stand in no file, and an absent value needs no line.
    """
    kind, _, place = change.target.partition(":")
    name, _, which = place.partition("#")
    flow, _, deployment = name.partition("/")
    declared = _declared(kind, which, change)
    if declared is None or not deployment:
        return None
    lines = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=1000)
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"deployments:\n  - name: {_text(deployment)}  # of the flow {flow}\n{body}"


def _declared(kind: str, which: str, change: Change) -> dict[str, JsonValue] | None:
    after = change.after
    if kind == "deployment" and after is not None:
        return {"concurrency_limit": after}
    if kind == "schedule" and isinstance(after, dict):
        return {"schedules": [_schedule(which, change.before, after)]}
    if kind == "parameters" and isinstance(after, dict):
        return {"parameters": after}
    if kind == "retries" and after is not None:
        given = after if isinstance(after, dict) else {"retries": after}
        env: dict[str, JsonValue] = {
            ENV[key]: str(each) for key, each in given.items() if key in ENV and each is not None
        }
        return {"work_pool": {"job_variables": {"env": env}}}
    return None


def _schedule(which: str, before: JsonValue, after: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """`active` only where it changes: without it a deploy leaves a paused schedule paused."""
    slug: dict[str, JsonValue] = {} if which.isdecimal() else {"slug": which}
    was = before.get("active") if isinstance(before, dict) else None
    left_out = {"active"} if after.get("active") == was else set()
    told = {SCHEDULE_KEYS.get(key, key): each for key, each in after.items() if key not in left_out}
    return slug | {key: each for key, each in told.items() if each is not None}


def _text(name: str) -> str:
    """A name as YAML reads it back, quoted only where it must be."""
    return str(yaml.safe_dump(name, allow_unicode=True, width=1000)).splitlines()[0]

"""Fired automations of Prefect in `agentic_spine_logs`: a row for each action that one took.

Measured on 3.8.8: `prefect.automation.triggered` tells that one fired; for each of its actions
there comes `prefect.automation.action.executed` or `.failed`, which names the firing among its
related resources. (`.action.triggered` comes together with those and says nothing more.) A firing
of which no action is reported yet has a row as well, which its first action revises.
"""

from collections.abc import Iterable, Set
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EVENTS", "Event", "automation_rows"]

FIRED = "prefect.automation.triggered"
_STATUS = {
    "prefect.automation.action.executed": "executed",
    "prefect.automation.action.failed": "failed",
}
EVENTS = (FIRED, *_STATUS)
_CAUSES = {"automation-triggered-event", "triggering-event"}
_TOLD_APART = {"action_index", "action_type", "invocation", "reason"}


class Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    event: str
    occurred: datetime
    resource: dict[str, str]
    related: tuple[dict[str, str], ...] = ()
    payload: dict[str, object] = Field(default_factory=dict)

    def named(self, role: str) -> str | None:
        """The id of the event that is related in this role."""
        found = (one["prefect.resource.id"] for one in self.related if _role(one) == role)
        return next(found, "").removeprefix("prefect.event.") or None


def automation_rows(events: Iterable[Event], logged: Set[str]) -> list[dict[str, object]]:
    """`logged` holds the ids of rows that there are: a firing among them is not open again."""
    events = list(events)
    actions = [_action_row(event) for event in events if event.event in _STATUS]
    known = logged | {str(row["log_id"]) for row in actions}
    fired = [_firing_row(event) for event in events if event.event == FIRED]
    return [row for row in fired if row["log_id"] not in known] + actions


def _action_row(event: Event) -> dict[str, object]:
    firing, told = event.named("automation-triggered-event"), event.payload
    details = {name: told[name] for name in told.keys() - _TOLD_APART}
    touched = [one["prefect.resource.id"] for one in event.related if _role(one) not in _CAUSES]
    return _row(event, firing) | {
        "log_id": f"{firing}:{told['action_index']}" if firing else str(told["invocation"]),
        "chosen_action": told["action_type"],
        "status": _STATUS[event.event],
        "outcome": told.get("reason") or "done",
        "impact": {"resources": touched, "details": details},
    }


def _firing_row(event: Event) -> dict[str, object]:
    return _row(event, event.id) | {"log_id": f"{event.id}:0", "status": "pending"}


def _row(event: Event, firing: str | None) -> dict[str, object]:
    context = {
        "automation": event.resource["prefect.resource.id"].removeprefix("prefect.automation."),
        "firing": firing,
        "triggering_event": event.named("triggering-event"),
        "posture": event.resource.get("prefect.posture"),
    }
    return {
        "decision_type": "automation",
        "decision_context": context,
        "actor": "prefect",
        "resource": event.resource.get("prefect.resource.name"),
        "timestamp": event.occurred,
    }


def _role(related: dict[str, str]) -> str | None:
    return related.get("prefect.resource.role")

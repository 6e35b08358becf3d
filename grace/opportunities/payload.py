"""What the row of a run says beside its columns: its tags, its deployment, the limits on it."""

import json
from typing import Any

__all__ = ["payload_of"]


def payload_of(text: object) -> dict[str, Any]:
    """Of a cell of `task_payload`; a log of another system may hold nothing there, or no object."""
    told = json.loads(text) if isinstance(text, str) else None
    return told if isinstance(told, dict) else {}

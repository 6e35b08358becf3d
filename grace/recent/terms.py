"""What the row of a run says beside its columns: its tags, its deployment, the limits on it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

__all__ = ["has_deployment", "limits_of", "payload_of", "tags_of", "with_terms"]

KEPT = ("deployment", "limits", "tags")
REMEMBERED = 10_000  # texts, of which a log has as many as deployments and tasks differ in them


def payload_of(text: object) -> dict[str, Any]:
    """Of a cell of `task_payload`; a log of another system may hold nothing there, or no object."""
    told = json.loads(text) if isinstance(text, str) else None
    return told if isinstance(told, dict) else {}


def with_terms(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `parallel_process_logs` with `ready_at` (a time) and `terms` in place of the payload.

    `terms` is a category of texts for `limits_of`, `tags_of` and `has_deployment`. A frame that has
    them stays as it is.
    """
    if "terms" in rows.columns:
        return rows
    payloads = [payload_of(text) for text in rows["task_payload"]]
    ready = pd.Series([each.get("ready_at") for each in payloads], rows.index, dtype=object)
    terms = pd.Series([_terms(each) for each in payloads], rows.index, dtype="str")
    return rows.drop(columns="task_payload").assign(
        ready_at=pd.to_datetime(ready, utc=True, format="ISO8601").astype("datetime64[us, UTC]"),
        terms=terms.astype("category"),
    )


def limits_of(terms: str) -> Mapping[str, int]:
    """The value of each limit on a run, by its key."""
    return _read(terms).get("limits") or {}


def tags_of(terms: str) -> tuple[str, ...]:
    return tuple(_read(terms).get("tags") or ())


def has_deployment(terms: str) -> bool:
    return bool(_read(terms).get("deployment"))


def _terms(payload: Mapping[str, object]) -> str:
    return json.dumps({key: payload[key] for key in KEPT if payload.get(key)}, sort_keys=True)


@lru_cache(REMEMBERED)
def _read(terms: str) -> dict[str, Any]:
    return payload_of(terms)

"""What is to be done about an error pattern: at most one rule each, and its whole history.

A rule is a row of `ml_learning_logs` with the id `rule:FINGERPRINT`; its newest revision holds in
`recommended_strategy` the rule that is active, or null where there is none.
"""

import json
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["Rule", "active_rules", "rule_of", "set_rule"]

TABLE = LOGS["ml_learning_logs"].table
PREFIX = "rule:"


class Rule(BaseModel):
    """`fix` is *retry*, which Prefect tasks can carry out, or a name the governed code knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fix: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    retries: int = Field(default=0, ge=0, le=10, strict=True)
    description: str = ""


def active_rules(store: Store) -> dict[str, Rule]:
    """The rule in force of each fingerprint that has one."""
    later = TABLE.alias("later")
    superseded = sa.exists().where(
        later.c.learning_id == TABLE.c.learning_id, later.c.revision > TABLE.c.revision
    )
    query = sa.select(TABLE.c.learning_id, TABLE.c.recommended_strategy).where(
        TABLE.c.learning_id.startswith(PREFIX, autoescape=True),
        TABLE.c.recommended_strategy.is_not(None),
        ~superseded,
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {key.removeprefix(PREFIX): Rule.model_validate_json(text) for key, text in rows}


def rule_of(store: Store, fingerprint: str) -> Rule | None:
    return active_rules(store).get(fingerprint)


def set_rule(store: Store, fingerprint: str, rule: Rule | None, now: datetime) -> None:
    """Let the rule be the one in force, None for no rule; the same again adds nothing."""
    if rule_of(store, fingerprint) == rule:
        return
    text = None if rule is None else json.dumps(rule.model_dump(mode="json"), sort_keys=True)
    row = {
        "learning_id": f"{PREFIX}{fingerprint}",
        "learning_type": "rule_update",
        "subsystem": "grace.patterns",
        "pattern_name": fingerprint,
        "recommended_strategy": text,
        "timestamp": now,
    }
    with store.writing(now) as writer:
        writer.append("ml_learning_logs", [row])

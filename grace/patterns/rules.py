"""What is to be done about an error pattern: at most one rule each, and its whole history.

A rule is a row of `ml_learning_logs` with the id `rule:FINGERPRINT`; its newest revision holds in
`recommended_strategy` the rule that is active, or null where there is none.
"""

import json
import logging
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)
from sqlalchemy.engine import Connection

from grace.assignment import Arm, assign
from grace.errors import BadInput
from grace.patterns.pattern import PREFIX as PATTERN
from grace.patterns.pattern import TABLE, newest_rows
from grace.store import Store
from grace.store.append import OWN_SOURCES

__all__ = ["Rule", "Trial", "active_rules", "read_rules", "rule_of", "set_rule"]

PREFIX = "rule:"

_logger = logging.getLogger(__name__)
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Rule(BaseModel):
    """`fix` is *retry*, which Prefect tasks can carry out, or a name the governed code knows.

    `retries` are the most there may be; a fix that is no retry needs none. With a `trial` it holds
    for some of the units: ask `for_unit`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fix: Literal["retry"] | _Name
    retries: int = Field(default=0, ge=0, le=10, strict=True)
    description: str = ""
    trial: "Trial | None" = None

    def for_unit(self, unit: "str | UUID | None") -> "Rule | None":
        """What holds for one unit; whoever does not say which goes on as before the trial."""
        if self.trial is None:
            return self
        arm = self.trial.arm_of(unit) if unit else "before"
        return self.plain if arm == self.trial.arm else self.trial.other

    @property
    def plain(self) -> "Rule":
        return self.model_copy(update={"trial": None})

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that a rule that holds for all is written as it always was."""
        content: dict[str, Any] = write(self)
        if self.trial is None:
            del content["trial"]
        return content

    @model_validator(mode="after")
    def _retries_at_least_once(self) -> "Rule":
        if self.fix == "retry" and not self.retries:
            raise ValueError("a rule that retries says how often, 1 to 10 times")
        return self


class Trial(BaseModel):
    """The experiment under which a rule holds in one arm alone; in the other one holds `other`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: _Name
    share: float = Field(gt=0, lt=1)
    arm: Arm
    other: Rule | None = None

    def arm_of(self, unit: str | UUID) -> Arm:
        return assign(self.experiment, unit, share=self.share)


Rule.model_rebuild()


def active_rules(store: Store) -> dict[str, Rule]:
    """The rule in force of each fingerprint that has one, with its trial where it is on trial."""
    with store.reading() as connection:
        return read_rules(connection)


def rule_of(store: Store, fingerprint: str) -> Rule | None:
    return active_rules(store).get(fingerprint)


def set_rule(store: Store, fingerprint: str, rule: Rule | None, now: datetime) -> bool:
    """Let the rule be the one in force, None for no rule; whether that changed anything.

    Raises BadInput for a fingerprint that was never issued.
    """
    with store.writing(now) as writer:
        name = _pattern_name(writer.connection, fingerprint)
        if read_rules(writer.connection).get(fingerprint) == rule:
            return False
        row = {
            "learning_id": f"{PREFIX}{fingerprint}",
            "learning_type": "pattern_update",
            "pattern_name": name,
            "recommended_strategy": _written(rule),
            "timestamp": now,
        }
        writer.append("ml_learning_logs", [row])
        return True


def read_rules(connection: Connection) -> dict[str, Rule]:
    """As `active_rules`; what is no rule of this release counts as none, with a warning."""
    rows = newest_rows(connection, PREFIX, TABLE.c.recommended_strategy)
    read = {name: _read(name, text) for name, text in rows if text is not None}
    return {name: rule for name, rule in read.items() if rule is not None}


def _pattern_name(connection: Connection, fingerprint: str) -> str | None:
    query = (
        sa.select(TABLE.c.pattern_name)
        .where(TABLE.c.learning_id == f"{PATTERN}{fingerprint}", TABLE.c.source.in_(OWN_SOURCES))
        .order_by(TABLE.c.revision.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        raise BadInput(f"there is no error pattern {fingerprint!r}; `grace patterns` lists them")
    return str(found[0])


def _written(rule: Rule | None) -> str | None:
    return None if rule is None else json.dumps(rule.model_dump(mode="json"), sort_keys=True)


def _read(name: str, text: str) -> Rule | None:
    try:
        return Rule.model_validate_json(text)
    except ValidationError as problem:
        said = problem.errors()[0]["msg"]
        _logger.warning("the rule of %s cannot be read and is not followed: %s", name, said)
        return None

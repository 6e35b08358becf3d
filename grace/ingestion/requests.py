"""What a person fills in to have files or a database read: bounded, so that it makes a form."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from grace.errors import BadInput
from grace.ingestion.loose import time_zone

__all__ = ["FileIngestion", "SqlIngestion"]

Location = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
# a literal makes the form a list to choose from
TableName = Literal[
    "healing_attempts",
    "agentic_spine_logs",
    "meta_loop_logs",
    "ml_learning_logs",
    "trigger_mesh_logs",
    "shard_logs",
    "parallel_process_logs",
    "data_cube",
    "goals",
    "goal_dependencies",
    "goal_evaluations",
]
PASSWORD = re.compile(r"://[^@]*:[^@]+@|[?&;][^=&]*(?:pass|pwd|token|secret|key)[^=&]*=", re.I)


class _Reading(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    timezone: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="UTC",
        description="Zone of times that have none, as Europe/Berlin; `none` refuses such times.",
    )
    strict: bool = Field(
        default=False, description="End as failed if a single row went to the quarantine."
    )

    @field_validator("timezone")
    @classmethod
    def _is_there(cls, name: str) -> str:
        try:
            if name.lower() != "none":
                time_zone(name)
        except BadInput as problem:
            raise ValueError(str(problem)) from None
        return name

    @property
    def zone(self) -> str | None:
        return None if self.timezone.lower() == "none" else self.timezone


class FileIngestion(_Reading):
    """CSV, JSON, JSONL or Parquet files into the log."""

    paths: list[Location] = Field(
        min_length=1,
        max_length=100,
        description="Paths as the worker sees them, globs, folders, or URLs that fsspec knows.",
    )
    table: TableName | None = Field(
        default=None, description="The log table, for files whose names do not begin with it."
    )


class SqlIngestion(_Reading):
    """The log tables of a database into the log."""

    url: Location = Field(
        description="SQLAlchemy URL without a password, as postgresql+psycopg://user@host/name."
    )
    password_block: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="The Prefect Secret block that holds the password."
    )

    @field_validator("url")
    @classmethod
    def _holds_no_password(cls, url: str) -> str:
        # what is typed into a form stands in Prefect's database, and in every page about the run
        if PASSWORD.search(url):
            raise ValueError("no password here: keep it in a Secret block, and name that below")
        return url

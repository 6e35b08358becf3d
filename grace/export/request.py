"""What a person fills in to have the log exported: bounded, so that it makes a form."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from grace.export.manifest import Format, Scope
from grace.store.schema import LOGS

__all__ = ["LEARNING", "ExportRequest", "TableName"]

# what the engines learn from: attempts, decisions, cycles, and what models say of themselves
LEARNING = ("healing_attempts", "agentic_spine_logs", "meta_loop_logs", "ml_learning_logs")
# erased rows are proven by the rows that erased them
ALWAYS = "erasures"
PASSWORD = re.compile(r"://[^/@]*:[^/@]+@|[?&;][^=&]*(?:pass|pwd|token|secret|key)[^=&]*=", re.I)

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
    "proposals",
    "decisions",
    "actions",
    "verdicts",
    "erasures",
]


class ExportRequest(BaseModel):
    """Rows of the log into an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    scope: Scope = Field(
        default="all",
        title="What",
        description="all: every log table; learning: what the engines learn from; tables: those "
        "named below; crypto-chains: ledger, checkpoints and public key without rows.",
    )
    tables: list[TableName] = Field(
        default=[],
        title="Log tables",
        max_length=16,
        description="Which, where tables is chosen above; else leave it empty.",
    )
    format: Format = Field(
        default="parquet",
        description="parquet and arrow for analysis, csv for spreadsheets, json and jsonl.",
    )
    since_last: bool = Field(
        default=False,
        title="Since the last export",
        description="Only rows logged since the last export of the same tables. It needs the "
        "archives before it to be restored.",
    )
    newest: bool = Field(
        default=False,
        title="Newest revisions only",
        description="One row a key, for reading; a backup needs all revisions.",
    )
    folder: bool = Field(
        default=False,
        title="As a folder",
        description="A folder of files instead of a ZIP archive; neither compressed nor encrypted.",
    )
    zstd: bool = Field(
        default=False, title="Compressed", description="Compress the ZIP archive with Zstandard."
    )
    age: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None,
        title="Encrypted to",
        description="A public key of age (age1...); empty: not encrypted. The restore drill cannot "
        "try an encrypted backup.",
    )
    to: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = Field(
        default=None,
        title="Where to",
        description="Path or fsspec URL, as /backup/grace.zip or s3://bucket/grace.zip, without "
        "passwords; empty: a new file under the data folder.",
    )
    unvalidated: bool = Field(
        default=False,
        title="Even where it is not valid",
        description="Write it even where validation fails, and say so in it: for a rescue.",
    )

    @field_validator("to")
    @classmethod
    def _holds_no_password(cls, url: str | None) -> str | None:
        # what is typed into a form stands in Prefect's database, and in every page about the run
        if url and PASSWORD.search(url):
            raise ValueError("no password here: keep it in fsspec's configuration on the worker")
        return url or None

    @property
    def chosen(self) -> tuple[str, ...]:
        """The tables to export, in the order of the schema."""
        named = {
            "all": tuple(LOGS),
            "learning": (*LEARNING, ALWAYS),
            "tables": (*self.tables, ALWAYS),
            "crypto-chains": (),
        }[self.scope]
        return tuple(name for name in LOGS if name in named)

    def complaint(self) -> str | None:
        """Why these fields do not go together, None where they do."""
        if self.scope == "tables" and not self.tables:
            return "the scope is tables and none is named"
        if self.scope != "tables" and self.tables:
            return f"tables are named and the scope is {self.scope}"
        if self.folder and (self.zstd or self.age):
            return "a folder is neither compressed nor encrypted: leave out zstd and age, or folder"
        return None

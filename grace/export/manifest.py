"""The manifest: what an archive holds, in one JSON text with one spelling.

Any other byte in it is noticed, because it is read back only where it is spelled as it would be
written, and holds the digest of itself. What it says of rows is proven by the ledger, not by it.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.errors import CheckFailed, NotOurs

__all__ = [
    "FORMATS",
    "MANIFEST",
    "VERSION",
    "File",
    "Format",
    "Manifest",
    "Scope",
    "Table",
    "dump",
    "load",
]

MANIFEST = "manifest.json"
VERSION = 1
MOST_BYTES = 64 << 20
Format = Literal["parquet", "arrow", "csv", "json", "jsonl"]
FORMATS: tuple[Format, ...] = ("parquet", "arrow", "csv", "json", "jsonl")
Scope = Literal["all", "learning", "tables", "crypto-chains"]
NAME = r"^(?:[a-z_]+/)?[a-z0-9_-]+\.(?:parquet|arrow|csv|json|jsonl|hashes|pub)$"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Closed):
    """One file; `table` is None for those of the ledger and the validation."""

    name: str = Field(pattern=NAME)
    table: str | None = None
    rows: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Table(_Closed):
    """`columns` are name and kind, in order; every row also has ledger_index and salt."""

    columns: list[tuple[str, str]]
    rows: int = Field(ge=0)


class Manifest(_Closed):
    """`low` to `size` is the range of ledger indices; `peaks` stand for what is below it."""

    grace_export: int
    grace: str
    created_at: datetime
    scope: Scope
    format: Format
    newest: bool
    low: int = Field(ge=0)
    size: int = Field(ge=0)
    peaks: list[str]
    checkpoint: str
    validated: bool | None
    tables: dict[str, Table]
    files: list[File]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    def of_table(self, name: str) -> list[File]:
        return [file for file in self.files if file.table == name]


def dump(manifest: Manifest) -> bytes:
    """Its one spelling, with the digest of all the rest behind `sha256`."""
    told = manifest.model_dump(mode="json")
    return _spelled(told | {"sha256": hashlib.sha256(_spelled(told)).hexdigest()})


def load(content: bytes) -> Manifest:
    """CheckFailed where it is not as it was written, NotOurs where a newer Grace wrote it."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise CheckFailed("its manifest is no JSON: the archive is damaged or is none") from None
    if not isinstance(told, dict) or not isinstance(told.get("grace_export"), int):
        raise CheckFailed("its manifest is not that of an export of Grace")
    if told["grace_export"] > VERSION:
        raise NotOurs(
            f"it was made by a newer Grace (export format {told['grace_export']}, this one reads "
            f"{VERSION}): upgrade Grace first"
        )
    digest = told.pop("sha256", None)
    if hashlib.sha256(_spelled(told)).hexdigest() != digest:
        raise CheckFailed("its manifest was changed: its digest does not fit")
    try:
        manifest = Manifest.model_validate(told)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CheckFailed(f"its manifest is wrong at {place}: {first['msg']}") from None
    if dump(manifest) != content:
        raise CheckFailed("its manifest was changed: it is not spelled as Grace writes it")
    return manifest


def _spelled(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode()

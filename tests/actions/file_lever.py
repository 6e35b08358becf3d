"""A lever on a JSON file: as real as any, and quick."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from grace.errors import Unreachable

__all__ = ["FileLever"]


@dataclass
class FileLever:
    """Values in a JSON file, every value that was set beside it; `broken` is what it fails at."""

    file: Path
    broken: str | None = None
    dies_after_setting: bool = False

    name = "file"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    @property
    def sets(self) -> list[JsonValue]:
        """Every value that was set, by whatever process."""
        said = self._record.read_text() if self._record.exists() else ""
        return [json.loads(line) for line in said.splitlines()]

    @property
    def _record(self) -> Path:
        return self.file.with_suffix(".sets")

    def read(self, target: str) -> JsonValue:
        if self.broken == "read":
            raise Unreachable("the file does not answer")
        values: dict[str, JsonValue] = json.loads(self.file.read_text())
        return values[target]

    def check(self, target: str, value: JsonValue) -> None:
        return

    def apply(self, target: str, value: JsonValue) -> None:
        if self.broken == "apply":
            raise Unreachable("the file cannot be written")
        with self._record.open("a") as record:
            record.write(json.dumps(value) + "\n")
        if self.broken != "silently":
            values = json.loads(self.file.read_text())
            self.file.write_text(json.dumps(values | {target: value}))
        if self.dies_after_setting:
            raise KeyboardInterrupt

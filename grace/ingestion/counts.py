"""What an ingestion did: every row that was read landed, was there already, or is quarantined."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["Ingested", "SourceCounts"]


@dataclass(frozen=True)
class SourceCounts:
    """One table's rows of one source.

    `read` is `landed`, `unchanged` (in the log as they are) and all `quarantined` (by kind of
    reason) together. `new_in_quarantine` are those of them that were not there before. `note` tells
    what was not read and why that is no loss; `error` why reading ended early.
    """

    source: str
    table: str
    read: int = 0
    landed: int = 0
    unchanged: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    new_in_quarantine: int = 0
    note: str | None = None
    error: str | None = None

    @property
    def refused(self) -> int:
        return sum(self.quarantined.values())

    def plus(self, other: "SourceCounts") -> "SourceCounts":
        """A later part of the same source and table."""
        kinds = Counter(self.quarantined) + Counter(other.quarantined)
        return replace(
            self,
            read=self.read + other.read,
            landed=self.landed + other.landed,
            unchanged=self.unchanged + other.unchanged,
            quarantined=dict(sorted(kinds.items())),
            new_in_quarantine=self.new_in_quarantine + other.new_in_quarantine,
        )


@dataclass(frozen=True)
class Ingested:
    sources: tuple[SourceCounts, ...] = ()

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.sources + other.sources)

    def together(self) -> "Ingested":
        """Parts of one source and table as one."""
        parts: dict[tuple[str, str], SourceCounts] = {}
        for counts in self.sources:
            name = (counts.source, counts.table)
            parts[name] = parts[name].plus(counts) if name in parts else counts
        return Ingested(tuple(parts.values()))

    @property
    def read(self) -> int:
        return sum(counts.read for counts in self.sources)

    @property
    def landed(self) -> int:
        return sum(counts.landed for counts in self.sources)

    @property
    def unchanged(self) -> int:
        return sum(counts.unchanged for counts in self.sources)

    @property
    def quarantined(self) -> Mapping[str, int]:
        """By kind of reason."""
        together: Counter[str] = Counter()
        for counts in self.sources:
            together.update(counts.quarantined)
        return dict(sorted(together.items()))

    @property
    def refused(self) -> int:
        return sum(counts.refused for counts in self.sources)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(counts.error for counts in self.sources if counts.error)

    def complaint(self, strict: bool) -> str | None:
        """Why this ingestion failed, if it did: rows in quarantine alone fail only a strict one."""
        if self.refused and not self.landed and not self.unchanged:
            return f"nothing landed: all {self.refused} rows read are in the quarantine"
        if strict and self.refused:
            return f"{self.refused} of {self.read} rows are in the quarantine"
        return None

    def __str__(self) -> str:
        told = f"{self.read} rows read, {self.landed} new, {self.unchanged} there already"
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.quarantined.items())
        return told + (f", {self.refused} in the quarantine ({kinds})" if kinds else "")

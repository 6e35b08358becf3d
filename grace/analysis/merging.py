"""The tallies of many hours as those of one window, and figures read from them by name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grace.analysis.rates import Mean, Rate, Scale
from grace.analysis.tally import EMPTY, WHOLE, Hours, Key, Tally, merged

__all__ = ["Merged", "merge_hours"]


@dataclass(frozen=True)
class Merged:
    """What a window holds of every measure; what it holds nothing of reads as empty."""

    tallies: Mapping[Key, Tally]

    def whole(self, measure: str) -> Tally:
        return self.tallies.get((measure, WHOLE), EMPTY)

    def parts(self, measure: str) -> dict[str, Tally]:
        """By the name of the part, in the order of the names."""
        named = ((part, tally) for (name, part), tally in self.tallies.items() if name == measure)
        return dict(sorted(named))

    def count(self, measure: str) -> int:
        """Rows of a measure that only counts."""
        return self.whole(measure).apart.get("rows", 0)

    def part_counts(self, measure: str) -> dict[str, int]:
        return {part: tally.apart["rows"] for part, tally in self.parts(measure).items()}

    def rate(self, measure: str) -> Rate:
        return self.whole(measure).rate()

    def rates(self, measure: str) -> dict[str, Rate]:
        return {part: tally.rate() for part, tally in self.parts(measure).items()}

    def mean(self, measure: str, scale: Scale) -> Mean:
        return self.whole(measure).mean(scale)


def merge_hours(hours: Hours, wanted: Iterable[int] | None = None) -> Merged:
    """Of all hours, or of those wanted."""
    found: dict[Key, list[Tally]] = defaultdict(list)
    for hour in hours if wanted is None else wanted:
        for key, tally in hours.get(hour, {}).items():
            found[key].append(tally)
    return Merged({key: merged(parts) for key, parts in found.items()})

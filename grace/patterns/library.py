"""The library of error patterns as a log holds it, and which pattern an error is of."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from grace.errors import BadInput
from grace.patterns.errors import Error, parse
from grace.patterns.pattern import Pattern, read_patterns
from grace.patterns.templates import Group, Templates, reading
from grace.store import Store

__all__ = ["Library", "Pattern"]

REMEMBERED = 10_000  # texts, which in a log are mostly the same few


class Library:
    """The patterns in the order in which they were issued, as they stood when it was loaded."""

    def __init__(self, patterns: Iterable[Pattern] = ()) -> None:
        self._patterns = {pattern.fingerprint: pattern for pattern in patterns}
        self._templates: Templates[Pattern] = Templates()
        self._places: dict[Group, list[Group]] = {}
        for pattern in self._patterns.values():
            self._templates.put(pattern.group, pattern.words, pattern)
            placeless = pattern.group._replace(frames=())
            groups = self._places.setdefault(placeless, [])
            if pattern.frames and pattern.group not in groups:
                groups.append(pattern.group)
        self.match = lru_cache(REMEMBERED)(self._match)

    @classmethod
    def load(cls, store: Store) -> "Library":
        with store.reading() as connection:
            return cls(read_patterns(connection))

    def __iter__(self) -> Iterator[Pattern]:
        return iter(self._patterns.values())

    def __len__(self) -> int:
        return len(self._patterns)

    def pattern(self, fingerprint: str) -> Pattern:
        """Raises BadInput for a fingerprint that was never issued."""
        try:
            return self._patterns[fingerprint]
        except KeyError:
            raise BadInput(
                f"there is no error pattern {fingerprint!r}; `grace patterns` lists them"
            ) from None

    def fingerprint_of(self, text: str) -> str | None:
        found = self.match(text)
        return found.fingerprint if found else None

    def _match(
        self,
        text: str | None,
        error_type: str | None = None,
        stack_trace: str | None = None,
        error_file: str | None = None,
    ) -> Pattern | None:
        """The pattern that an error fits, None where it is of a kind not seen so far."""
        if not (text or error_type or stack_trace):
            return None
        return self.find(parse(text, error_type, stack_trace, error_file))

    def find(self, error: Error) -> Pattern | None:
        """By type and place; by type alone where the pattern or the error does not tell its place.

        An error without a place that fits patterns of several places is of none of them.
        """
        group, words = reading(error)
        found = self._templates.find(group, words)
        placeless = group._replace(frames=())
        if found is None and group.frames:
            found = self._templates.find(placeless, words)
        elif found is None:
            placed = [self._templates.find(each, words) for each in self._places.get(group, ())]
            fitting = [each for each in placed if each]
            found = fitting[0] if len(fitting) == 1 else None
        return found

"""Templates, and which of them covers a message: the lookup that miner and library share.

A message is looked up within its group (type, frames and codes of the error) among templates of as
many words. Of several that cover it the one with most words of its own wins, then the oldest.
"""

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from grace.patterns.errors import Error
from grace.patterns.masking import codes, mask

__all__ = ["WILDCARD", "Group", "Templates", "Words", "reading"]

WILDCARD = "<*>"

Words = tuple[str, ...]
Item = TypeVar("Item")
Held = tuple[int, int, Words, Item]  # wildcards, place in the order of arrival, words, item


class Group(NamedTuple):
    type: str | None
    frames: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


def reading(error: Error) -> tuple[Group, Words]:
    """The group an error belongs to, and the words that are compared within it."""
    masked = mask(error.message)
    if WILDCARD in masked:  # an error that says so itself must not stand for all others
        masked = masked.replace(WILDCARD, "<ANY>")
    return Group(error.type, error.frames, codes(masked)), tuple(masked.split())


class Templates(Generic[Item]):
    def __init__(self) -> None:
        self._exact: dict[tuple[Group, Words], Item] = {}
        self._covering: dict[tuple[Group, int, str], list[Held[Item]]] = {}
        self._arrived = 0

    def put(self, group: Group, words: Words, item: Item) -> None:
        self._arrived += 1
        if WILDCARD not in words:
            self._exact.setdefault((group, words), item)
            return
        bucket = self._covering.setdefault((group, len(words), words[0]), [])
        bucket.append((words.count(WILDCARD), self._arrived, words, item))
        bucket.sort(key=_rank)

    def drop(self, group: Group, words: Words) -> None:
        """Forget a template, which has become another one."""
        if WILDCARD not in words:
            self._exact.pop((group, words), None)
            return
        key = (group, len(words), words[0])
        self._covering[key] = [held for held in self._covering[key] if held[2] != words]

    def find(self, group: Group, words: Words) -> Item | None:
        exact = self._exact.get((group, words))
        if exact is not None or not words:
            return exact
        covering = next(self._cover(group, words, words[0]), None)
        wide = next(self._cover(group, words, WILDCARD), None)
        best = min((held for held in (covering, wide) if held), key=_rank, default=None)
        return best[3] if best else None

    def _cover(self, group: Group, words: Words, first: str) -> Iterator[Held[Item]]:
        for held in self._covering.get((group, len(words), first), ()):
            if all(own in (word, WILDCARD) for own, word in zip(held[2], words, strict=True)):
                yield held


def _rank(held: Held[Item]) -> tuple[int, int]:
    return held[:2]

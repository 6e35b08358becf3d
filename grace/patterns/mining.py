"""Templates of error messages, mined by Drain from masked text.

He, Zhu, Zheng & Lyu, "Drain: An online log parsing approach with fixed depth tree", ICWS 2017, in
the implementation of `drain3-improved`. Exceptions are told apart by type and by the frames they
came through before any word is compared: both lead the branch on which a message is looked up.
A template only ever grows wider, so that a message once known stays known.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drain3.drain import Drain, LogCluster

from grace.patterns.errors import Error
from grace.patterns.masking import mask

__all__ = ["Miner", "Template"]

# Masked text is mostly words, so that half of them in common is the same statement. The two words
# in front are type and frames; after them one more word tells branches apart.
SIMILARITY = 0.5
LEADING = 2
DEPTH = 3 + LEADING
WILDCARD = "<*>"
_NONE = "~"


@dataclass(frozen=True)
class Template:
    """`number` is the miner's own; `words` begin with those of type and frames."""

    number: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words[LEADING:])


class Miner:
    def __init__(self, templates: Iterable[Sequence[str]] = ()) -> None:
        """Goes on from templates mined before, which come in the order of their numbers from 1."""
        self._drain = Drain(
            depth=DEPTH,
            sim_th=SIMILARITY,
            max_children=1000,
            param_str=WILDCARD,
            parametrize_numeric_tokens=False,
        )
        for number, words in enumerate(templates, 1):
            cluster = LogCluster(list(words), number)
            self._drain.id_to_cluster[number] = cluster
            self._drain.clusters_counter = number
            self._drain.add_seq_to_prefix_tree(self._drain.root_node, cluster)

    def add(self, error: Error) -> Template:
        """The template of an error, which may have become wider by it, or be new."""
        cluster, _ = self._drain.add_log_message(_line(error))
        return _template(cluster)

    def match(self, error: Error) -> Template | None:
        """The template that an error fits as it is; nothing is learned."""
        cluster = self._drain.match(_line(error), full_search_strategy="fallback")
        return None if cluster is None else _template(cluster)

    @property
    def templates(self) -> list[Template]:
        clusters = self._drain.id_to_cluster
        return [_template(clusters[number]) for number in sorted(clusters)]


def _template(cluster: LogCluster | None) -> Template:
    if cluster is None:
        raise LookupError("a template that was mined is gone")
    return Template(cluster.cluster_id, tuple(cluster.log_template_tokens))


def _line(error: Error) -> str:
    kind = f"{error.type}:" if error.type else _NONE
    return f"{kind} {_place(error.frames)} {mask(error.message)}".rstrip()


def _place(frames: Sequence[str]) -> str:
    if not frames:
        return _NONE
    return f"@{hashlib.sha256(' '.join(frames).encode()).hexdigest()[:12]}"

"""Templates of error messages, mined by Drain from masked text.

He, Zhu, Zheng & Lyu, "Drain: An online log parsing approach with fixed depth tree", ICWS 2017, in
the implementation of `drain3-improved`. Exceptions are told apart by type, frames and codes before
any word is compared: each such group has a tree of its own. A message that a template covers
belongs to it; only others are given to the tree, which widens the most similar template or begins a
new one. (Drain alone counts a wildcard as a difference, and would in time no longer know what it
has learned.)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drain3.drain import Drain, LogCluster

from grace.patterns.errors import Error
from grace.patterns.templates import WILDCARD, Group, Templates, Words, reading

__all__ = ["Miner", "Template"]

# The one configuration. What varies most is masked already, so that two messages of one statement
# differ in a word or two. To merge two errors is worse than to split one: a rule would act on what
# nobody looked at, where a split only delays the evidence. At 0.6 three of five words must agree,
# and messages of one or two words only merge when equal.
SIMILARITY = 0.6
DEPTH = 4  # the tree tells apart by number of words and by the first word
CHILDREN = 100


@dataclass
class Template:
    """`issued` are the words it began with, `words` those it has come to."""

    group: Group
    issued: Words
    words: Words


class Miner:
    """Goes on from templates mined before, given in the order in which they were issued."""

    def __init__(self, templates: Iterable[Template] = ()) -> None:
        self._found: list[Template] = []
        self._index: Templates[Template] = Templates()
        self._trees: dict[Group, Drain] = {}
        self._clusters: dict[tuple[Group, int], Template] = {}
        for template in templates:
            self._plant(template)

    def __iter__(self) -> Iterator[Template]:
        """In the order in which they were issued."""
        return iter(self._found)

    def add(self, error: Error) -> Template:
        """The template of an error, which may have become wider by it, or be new."""
        group, words = reading(error)
        return self._index.find(group, words) or self._grow(group, words)

    def _grow(self, group: Group, words: Words) -> Template:
        tree = self._tree(group)
        cluster, _ = tree.add_log_message(" ".join(words))
        template = self._clusters.get((group, cluster.cluster_id))
        if template is None:
            template = Template(group, words, words)
            self._keep(template, cluster.cluster_id)
        else:
            self._index.drop(group, template.words)
            template.words = tuple(cluster.log_template_tokens)
        self._index.put(group, template.words, template)
        return template

    def _plant(self, template: Template) -> None:
        """Put a template where the tree would have it: where its first words led."""
        tree = self._tree(template.group)
        tree.clusters_counter += 1
        cluster = LogCluster(template.issued, tree.clusters_counter)
        tree.id_to_cluster[cluster.cluster_id] = cluster
        tree.add_seq_to_prefix_tree(tree.root_node, cluster)
        cluster.log_template_tokens = template.words
        self._keep(template, cluster.cluster_id)
        self._index.put(template.group, template.words, template)

    def _keep(self, template: Template, number: int) -> None:
        self._found.append(template)
        self._clusters[template.group, number] = template

    def _tree(self, group: Group) -> Drain:
        if group not in self._trees:
            self._trees[group] = Drain(
                depth=DEPTH, sim_th=SIMILARITY, max_children=CHILDREN, param_str=WILDCARD
            )
        return self._trees[group]

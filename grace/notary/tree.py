"""The tree rebuilt from its leaf hashes: what the upper tiles and the checkpoints must say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grace.ledger.merkle import EMPTY_ROOT, fold, node_hash, root
from grace.ledger.tiles import HASH, WIDTH, hashes_of
from grace.notary.checkpoints import Signed
from grace.notary.stored import Stored, is_sqlite

__all__ = ["Damage", "Tree", "examine", "find_leaf", "leaf_at"]

LEVEL_ZERO = "SELECT tile, hashes, {} FROM ledger_tiles WHERE level = 0 ORDER BY tile"
TILE = "SELECT hashes FROM ledger_tiles WHERE level = ? AND tile = ? AND {}"


@dataclass(frozen=True)
class Damage:
    """`index` is the first leaf that the damage may concern."""

    index: int
    reason: str


@dataclass
class Tree:
    """What the leaf hashes come to.

    `size` counts the leaves that follow one another without a gap. `holds` is the largest signed
    size up to which every checkpoint's root is the tree's, `fails` the first checkpoint whose root
    is not, and `denied` whether a checkpoint as large or larger says the opposite. Checkpoints
    that sign more leaves than there are: the largest of the database's own, and the outside one.
    `signed` is the largest size.
    """

    size: int = 0
    root: bytes = EMPTY_ROOT
    damage: Damage | None = None
    holds: int = 0
    fails: Signed | None = None
    denied: bool = False
    beyond_stored: Signed | None = None
    beyond_outside: Signed | None = None
    signed: int = 0

    @property
    def sound(self) -> bool:
        return self.damage is None and self.fails is None

    @property
    def exceeded(self) -> bool:
        return self.beyond_stored is not None or self.beyond_outside is not None

    def harm(self, index: int, reason: str) -> None:
        if self.damage is None or index < self.damage.index:
            self.damage = Damage(index, reason)

    def check(self, claim: Signed, root: bytes) -> None:
        size = claim.checkpoint.size
        if claim.checkpoint.root != root:
            self.denied |= size == self.holds > 0
            self.fails = self.fails or claim
        elif self.fails is None:
            self.holds = size
        else:
            self.denied = True

    def exceed(self, claim: Signed) -> None:
        if claim.outside:
            self.beyond_outside = claim
        else:
            self.beyond_stored = claim


def examine(
    connection: Stored,
    claims: Iterable[Signed],
    instead: Mapping[int, bytes] | None = None,
) -> Tree:
    """Rebuild the tree and hold upper tiles and `claims`, ordered by size, against it.

    `instead` gives leaves to put in the place of stored ones. Memory does not grow with the tree.
    """
    tree = Tree()
    rising = _Rising(connection, tree)
    waiting = _Waiting(claims)
    rest: Sequence[bytes] = []
    for start, leaves in _level_zero(connection, tree, instead or {}):
        tree.size = start + len(leaves)
        for claim in waiting.until(tree.size):
            tree.check(claim, rising.root(root(leaves[: claim.checkpoint.size - start])))
        if len(leaves) == WIDTH:
            rising.push(fold(leaves))
        else:
            rest = leaves
    tree.root = rising.root(root(rest) if rest else None)
    for claim in waiting.until(None):
        tree.exceed(claim) if claim.checkpoint.size else tree.check(claim, EMPTY_ROOT)
    tree.signed = waiting.largest
    rising.finish()
    return tree


def _level_zero(
    connection: Stored, tree: Tree, instead: Mapping[int, bytes]
) -> Iterator[tuple[int, list[bytes]]]:
    """Start and leaf hashes of each tile, up to the first that is missing or misshapen."""
    number, full = 0, True
    for tile, hashes, is_blob in connection.execute(LEVEL_ZERO.format(_is_blob(connection))):
        start = number * WIDTH
        if tile != number:
            return tree.harm(start, f"tile {number} of level 0 is missing")
        if not full:
            return tree.harm(tree.size, f"tile {number - 1} of level 0 is cut short")
        if not is_blob or not hashes or len(hashes) % HASH or len(hashes) > WIDTH * HASH:
            return tree.harm(start, f"tile {number} of level 0 is no row of hashes")
        leaves = hashes_of(hashes)
        if instead:
            leaves = [instead.get(start + at, leaf) for at, leaf in enumerate(leaves)]
        yield start, leaves
        number, full = number + 1, len(leaves) == WIDTH
    return None


class _Waiting:
    """Checkpoints that wait for the tree to grow to their size."""

    def __init__(self, claims: Iterable[Signed]) -> None:
        self.claims = iter(claims)
        self.first = next(self.claims, None)
        self.largest = 0

    def until(self, size: int | None) -> Iterator[Signed]:
        while self.first is not None and (size is None or self.first.checkpoint.size <= size):
            self.largest = self.first.checkpoint.size
            yield self.first
            self.first = next(self.claims, None)


class _Rising:
    """Full tiles of level 0 coming in one by one, and the levels they build."""

    def __init__(self, connection: Stored, tree: Tree) -> None:
        self.connection = connection
        self.query = TILE.format(_is_blob(connection))
        self.tree = tree
        self.count = 0
        self.peaks: list[bytes] = []  # roots of the perfect trees that make up `count`, large first
        self.levels: list[list[bytes]] = []  # the tile being filled of each level from 1 on
        self.filled: list[int] = []

    def push(self, tile_root: bytes) -> None:
        self.count += 1
        peak, place = tile_root, self.count
        while not place & 1:
            peak, place = node_hash(self.peaks.pop(), peak), place >> 1
        self.peaks.append(peak)
        self._raise(0, tile_root)

    def root(self, rest: bytes | None) -> bytes:
        """The root, `rest` being that of the leaves behind the full tiles."""
        joined = rest
        for peak in reversed(self.peaks):
            joined = peak if joined is None else node_hash(peak, joined)
        return EMPTY_ROOT if joined is None else joined

    def finish(self) -> None:
        """Compare the tiles that are not full, and find those that belong to nothing."""
        for above, hashes in enumerate(self.levels):
            if hashes:
                self._compare(above)
        compared = sum(self.filled) + sum(map(bool, self.levels))
        query = "SELECT count(*) FROM ledger_tiles WHERE level <> 0 OR level IS NULL"
        if self.connection.execute(query).fetchone()[0] > compared and self.tree.damage is None:
            self.tree.harm(self.tree.size, "there are upper tiles that belong to no leaf")

    def _raise(self, above: int, tile_root: bytes) -> None:
        if above == len(self.levels):
            self.levels.append([])
            self.filled.append(0)
        hashes = self.levels[above]
        hashes.append(tile_root)
        if len(hashes) == WIDTH:
            self._compare(above)
            self.filled[above] += 1
            self._raise(above + 1, fold(hashes))
            hashes.clear()

    def _compare(self, above: int) -> None:
        level, tile, hashes = above + 1, self.filled[above], self.levels[above]
        row = self.connection.execute(self.query, (level, tile)).fetchone()
        stored = row[0] if row else b""
        if stored == b"".join(hashes):
            return
        places = (at for at, hash in enumerate(hashes) if stored[at * HASH :][:HASH] != hash)
        first = (tile * WIDTH + next(places, len(hashes))) * WIDTH**level
        reason = f"tile {tile} of level {level} is not what lies below it"
        self.tree.harm(min(first, self.tree.size), reason)


def _is_blob(connection: Stored) -> str:
    """SQLite keeps whatever it is given, whatever the column's type."""
    return "typeof(hashes) = 'blob'" if is_sqlite(connection) else "TRUE"


def find_leaf(connection: Stored, leaf: bytes) -> int | None:
    """Where in the tree a leaf hash stands first."""
    for tile, hashes, _ in connection.execute(LEVEL_ZERO.format(_is_blob(connection))):
        if leaf in hashes_of(hashes):
            return int(tile) * WIDTH + hashes_of(hashes).index(leaf)
    return None


def leaf_at(connection: Stored, index: int) -> bytes:
    """The leaf hash at an index that the tree holds."""
    tile, place = divmod(index, WIDTH)
    hashes = connection.execute(TILE.format(_is_blob(connection)), (0, tile)).fetchone()[0]
    return bytes(hashes[place * HASH :][:HASH])

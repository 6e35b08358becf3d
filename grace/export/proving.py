"""Whether rows, of an archive or of a database, are those that a signed checkpoint commits to."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge
from typing import IO, Any

import pyarrow as pa

from grace.errors import CheckFailed
from grace.export.archive import Archive
from grace.export.frame import cells
from grace.export.leaves import Leaves
from grace.export.parsing import parse_rows
from grace.export.progress import silent
from grace.export.sealing import Tell
from grace.ledger.growing import Growing
from grace.ledger.note import Checkpoint, VerifierKey
from grace.ledger.tiles import Folds
from grace.notary.cells import UNENCODABLE
from grace.notary.checkpoints import insist
from grace.notary.layout import log_rows
from grace.notary.rows import cell_leaves, row_leaf
from grace.store.schema import LOGS

__all__ = [
    "CHECKPOINTS",
    "TABLES",
    "Erased",
    "Proven",
    "RowCheck",
    "batches_of",
    "check_tree",
    "checkpoint_lines",
    "erased_digests",
    "prove",
    "row_leaves",
    "signed_by",
]

CHECKPOINTS = "ledger/checkpoints.jsonl"
CHUNK = 1024
TABLES = {table.name: table for table in log_rows()}
DIGEST = re.compile(r"[0-9a-f]{64}")

Erased = dict[tuple[str, str], bytes]


@dataclass(frozen=True)
class Proven:
    """What holds: `rows` of `tables`, each at its place in the tree of `size` that the key signed.

    `complete` says that these are all rows from `low` to `size`: it can be seen only of an export
    of all tables with all revisions.
    """

    rows: int
    tables: dict[str, int]
    low: int
    size: int
    root: str
    origin: str
    complete: bool
    validated: bool | None


def prove(archive: Archive, key: VerifierKey, tell: Tell = silent) -> Proven:
    """Check leaves, checkpoint and every row; CheckFailed, or LedgerBroken, says what is wrong."""
    manifest = archive.manifest
    checkpoint = signed_by(archive, key)
    leaves = Leaves(archive)
    check_tree(archive, leaves, checkpoint, key)
    erased = erased_digests(archive)
    for place, name in enumerate(manifest.tables):
        tell(f"proving {name}", place / len(manifest.tables))
        check_batches(name, batches_of(archive, name), leaves, erased)
    is_whole = set(manifest.tables) == set(LOGS) and not manifest.newest
    if is_whole and manifest.rows != manifest.size - manifest.low:
        raise CheckFailed(
            f"it holds {manifest.rows} rows of the {manifest.size - manifest.low} that were signed"
        )
    return Proven(
        rows=manifest.rows,
        tables={name: table.rows for name, table in manifest.tables.items()},
        low=manifest.low,
        size=manifest.size,
        root=checkpoint.text.split("\n")[2],
        origin=checkpoint.origin,
        complete=is_whole,
        validated=manifest.validated,
    )


def signed_by(archive: Archive, key: VerifierKey) -> Checkpoint:
    """Its checkpoint; LedgerBroken where another key signed it, or none did."""
    checkpoint = insist(archive.manifest.checkpoint, key, "its checkpoint")
    if checkpoint.size != archive.manifest.size:
        raise CheckFailed(
            f"its checkpoint signs {checkpoint.size} rows, it says {archive.manifest.size}"
        )
    if CHECKPOINTS not in archive.place.sizes:
        raise CheckFailed(f"{CHECKPOINTS} is not in it")
    return checkpoint


def check_tree(
    archive: Archive,
    leaves: Leaves,
    checkpoint: Checkpoint,
    key: VerifierKey,
    folds: Folds | None = None,
) -> None:
    """Whether the leaves, behind the peaks of what came before, have every signed root.

    `folds` are roots of tiles of these leaves that are known already.
    """
    try:
        peaks = [bytes.fromhex(peak) for peak in archive.manifest.peaks]
        tree = Growing(archive.manifest.low, peaks)
    except ValueError as problem:
        raise CheckFailed(f"its manifest is wrong at peaks: {problem}") from None
    older = (each for each in stored_checkpoints(archive, key) if each.size >= tree.size)
    claim = next(older, None)
    for block in leaves.blocks():
        while claim is not None and claim.size <= tree.size + len(block):
            taken = claim.size - tree.size
            tree.extend(block[:taken], folds)
            block = block[taken:]
            _check_root(tree, claim)
            claim = next(older, None)
        tree.extend(block, folds)
    _check_root(tree, checkpoint)
    if claim is not None and claim.size > tree.size:
        raise CheckFailed(f"a checkpoint in it signs {claim.size} rows, more than it says")


def stored_checkpoints(archive: Archive, key: VerifierKey) -> Iterator[Checkpoint]:
    """The signed checkpoints it holds, by size; CheckFailed or LedgerBroken where one is none."""
    with archive.open(CHECKPOINTS) as file:
        last = -1
        for note, _ in checkpoint_lines(file):
            claim = insist(note, key, "a checkpoint in it")
            if claim.size <= last:
                raise CheckFailed("its checkpoints are not in the order of their sizes")
            last = claim.size
            yield claim


def checkpoint_lines(file: IO[bytes]) -> Iterator[tuple[str, datetime]]:
    """Note and time of signing of each."""
    for line in file:
        try:
            told = json.loads(line)
            yield str(told["note"]), datetime.fromisoformat(told["signed_at"])
        except (ValueError, KeyError, TypeError) as problem:
            raise CheckFailed(f"{CHECKPOINTS} is no list of checkpoints: {problem}") from None


def _check_root(tree: Growing, claim: Checkpoint) -> None:
    if tree.size != claim.size or tree.root() != claim.root:
        raise CheckFailed(
            f"the leaves of its ledger are not those that its checkpoint of {claim.size} signs"
        )


def batches_of(archive: Archive, table: str) -> Iterator[pa.RecordBatch]:
    """The rows of a table; CheckFailed where its files do not hold as many as they say."""
    for file in archive.manifest.of_table(table):
        with archive.open(file.name) as opened:
            rows = 0
            try:
                for batch in parse_rows(archive.manifest.format, LOGS[table], opened):
                    rows += batch.num_rows
                    yield batch
            except CheckFailed as problem:
                raise CheckFailed(f"{file.name}: {problem}") from problem
            if rows != file.rows:
                raise CheckFailed(f"{file.name} holds {rows} rows, not {file.rows}")


def erased_digests(archive: Archive) -> Erased:
    """The digests that erasures kept, by table and id of the row."""
    found: Erased = {}
    for batch in batches_of(archive, "erasures") if "erasures" in archive.manifest.tables else ():
        named = zip(
            *(batch.column(name).to_pylist() for name in ("table_name", "row_id", "digest")),
            strict=True,
        )
        for table, id, digest in named:
            if digest and DIGEST.fullmatch(digest):
                found[table, id] = bytes.fromhex(digest)
    return found


class RowCheck:
    """Rows of a table against the leaves at their indices; `count` of them were right so far."""

    def __init__(self, table: str, leaves: Leaves) -> None:
        self.table = table
        self.leaves = leaves
        self.last, self.count = -1, 0

    def add(self, indices: Sequence[Any], hashes: Sequence[bytes | None]) -> None:
        """CheckFailed where a row has no hash, or not that of its place, or comes too late."""
        if None in indices or any(map(ge, (self.last, *indices), indices)):
            raise CheckFailed(f"the rows of {self.table} are not in the order of the ledger")
        signed = self.leaves.at(indices)
        if signed != hashes:
            pairs = zip(indices, signed, hashes, strict=True)
            index = next(index for index, leaf, found in pairs if leaf != found)
            raise CheckFailed(
                f"the row of {self.table} at ledger index {index} is not the one that was signed"
            )
        self.last = indices[-1]
        self.count += len(indices)


def check_batches(
    table: str, batches: Iterable[pa.RecordBatch], leaves: Leaves, erased: Erased
) -> int:
    """Every row against the leaf at its index, in order; how many there were."""
    check = RowCheck(table, leaves)
    for batch in batches:
        for start in range(0, batch.num_rows, CHUNK):
            *found, indices, salts = cells(LOGS[table], batch.slice(start, CHUNK))
            check.add(indices, row_leaves(table, found, salts, erased))
    return check.count


def row_leaves(
    table: str, found: Sequence[Sequence[Any]], salts: Sequence[Any], erased: Erased
) -> list[bytes | None]:
    """Leaf hashes of rows given as columns; None where a row is none that a writer made."""
    try:
        return list(cell_leaves(TABLES[table], found, salts))
    except UNENCODABLE:
        rows = zip(*found, salts, [None] * len(salts), strict=True)
        kept = {name: digest for name, digest in erased.items() if name[0] == table}
        return [row_leaf(TABLES[table], row, lambda t, id: _kept(kept, t, id)) for row in rows]


def _kept(erased: Erased, table: str, id: bytes) -> bytes | None:
    return erased.get((table, id.decode(errors="replace")))

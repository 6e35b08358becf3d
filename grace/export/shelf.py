"""The exports folder of a log: its own archives, by their manifests, and what else lies there."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grace.errors import GraceError
from grace.export.archive import manifest_of
from grace.export.manifest import Manifest
from grace.ledger.note import VerifierKey
from grace.notary.checkpoints import insist
from grace.notary.keys import public_key
from grace.settings import Settings

__all__ = ["Series", "Shelf", "Shelved", "exports_folder", "read_shelf"]

# what `--since-last` goes on from: the last export of the same tables
Series = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Shelved:
    """A file that is an archive of this log, `bytes` large."""

    path: Path
    bytes: int
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def made_at(self) -> datetime:
        return self.manifest.created_at.astimezone(UTC)

    @property
    def series(self) -> Series:
        return self.manifest.scope, tuple(self.manifest.tables)

    @property
    def is_backup(self) -> bool:
        """Whether a whole log can be restored from it."""
        told = self.manifest
        return told.scope == "all" and not told.low and not told.newest and bool(told.validated)


@dataclass(frozen=True)
class Shelf:
    """`archives` are the oldest first; `others` is why what else lies there is none of them."""

    archives: tuple[Shelved, ...]
    others: Mapping[str, str]


def exports_folder(settings: Settings) -> Path:
    """Where exports go that were not sent elsewhere."""
    return settings.log_dir / "exports"


def read_shelf(settings: Settings) -> Shelf:
    """Reads manifests alone: whether an archive is sound is for `opened` to see."""
    folder, key = exports_folder(settings), public_key(settings)
    archives, others = [], {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue  # a draft
        found = _shelved(path, key)
        if isinstance(found, Shelved):
            archives.append(found)
        else:
            others[path.name] = found
    return Shelf(tuple(sorted(archives, key=lambda one: (one.made_at, one.name))), others)


def _shelved(path: Path, key: VerifierKey | None) -> Shelved | str:
    """An archive whose checkpoint this log's key signed, or why it is none."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "a folder" if stat.S_ISDIR(found.st_mode) else "no plain file"
        if key is None:
            return "this log has no key that could have signed it"
        manifest = manifest_of(path)
        insist(manifest.checkpoint, key, "its checkpoint")
    except FileNotFoundError:
        return "gone meanwhile"
    except GraceError as problem:
        return str(problem).removeprefix(f"{path}: ")
    return Shelved(path, found.st_size, manifest)

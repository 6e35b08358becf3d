"""Deleting archives of the log from its exports folder. Target: `archives:LOG/DAY`.

It is of the archives that were made before that day (UTC), so that those of later nights change
nothing about a proposal. The value maps the name of each to its bytes and SHA-256; what a value
leaves out is deleted. `retained` stands for what the rules of governance.toml keep.

What is about to go is written down first, and counts as there until all of it is gone: a process
that is killed in between leaves the target as it was, and the deed is done again.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from grace.errors import BadInput, CheckFailed
from grace.export.archive import opened
from grace.export.retention import needed, read_relied, retention
from grace.export.shelf import Shelf, exports_folder, read_shelf
from grace.files import locked, read_text, remove_whole, write_whole
from grace.governance.change import Change
from grace.governance.policy import load_policy
from grace.settings import Settings

__all__ = ["DeleteArchives", "archives_target", "archives_title", "sum_of"]

KIND = "archives"
RETAINED = "retained"


class _Kept(BaseModel, frozen=True, extra="forbid"):
    bytes: int
    sha256: str


_Archives = dict[str, _Kept]
ARCHIVES = TypeAdapter(_Archives)


class _Leaving(BaseModel, frozen=True):
    """What of a target is being deleted."""

    target: str
    archives: _Archives


class DeleteArchives:
    name = "delete-archives"
    reach: Literal["unit", "shared"] = "shared"
    reversible = False

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._clock = settings, clock
        self._folder = exports_folder(settings)
        self._digests: dict[tuple[str | int, ...], str] = {}

    def read(self, target: str) -> JsonValue:
        """Each archive by its name; one that is being deleted is there until all are gone."""
        return ARCHIVES.dump_python(self._archives(target), mode="json")  # type: ignore[no-any-return]

    def complete(self, target: str, value: JsonValue) -> JsonValue:
        if value != RETAINED:
            return value
        before, rules = self._archives(target), load_policy(self._settings).retention
        if not rules.is_on:
            raise BadInput("governance.toml keeps no number of archives: see its [retention]")
        goes = {one.name for one in retention(self._settings, rules, self._clock()).goes}
        after = {name: kept for name, kept in before.items() if name not in goes}
        return ARCHIVES.dump_python(after, mode="json")  # type: ignore[no-any-return]

    def check(self, target: str, value: JsonValue) -> None:
        """Raises BadInput where an archive would go that something relies on; CheckFailed where
        the newest backup, which is to stay, is not sound."""
        goes = self._goes(target, self.complete(target, value))
        self._check_spared(read_shelf(self._settings), goes)

    def apply(self, target: str, value: JsonValue) -> None:
        with locked(self._settings.log_dir / "export.lock"):
            goes = self._goes(target, value)
            self._check_spared(read_shelf(self._settings), goes)
            leaving = _Leaving(target=target, archives=goes)
            write_whole(self._journal, leaving.model_dump_json(indent=1) + "\n", mode=0o600)
            try:
                for name, kept in goes.items():
                    self._delete(name, kept)
            finally:
                remove_whole(self._journal)

    @property
    def _journal(self) -> Path:
        return self._folder / ".leaving.json"

    def _archives(self, target: str) -> _Archives:
        day = _day(target, self._settings.log)
        shelf = read_shelf(self._settings)
        present = {
            one.name: _Kept(bytes=one.bytes, sha256=self._digest(one.path))
            for one in shelf.archives
            if one.made_at.date() < day
        }
        return dict(sorted((self._leaving(target) | present).items()))

    def _leaving(self, target: str) -> _Archives:
        try:
            found = _Leaving.model_validate_json(read_text(self._journal) or "{}")
        except ValidationError:
            return {}
        return found.archives if found.target == target else {}

    def _goes(self, target: str, value: JsonValue) -> _Archives:
        try:
            stays = ARCHIVES.validate_python(value)
        except ValidationError:
            raise BadInput(f"archives are named with bytes and sha256, or {RETAINED}") from None
        before = self._archives(target)
        for name, kept in stays.items():
            if before.get(name) != kept:
                raise BadInput(f"{name} is no archive of {target} as it is now: none can be added")
        return {name: kept for name, kept in before.items() if name not in stays}

    def _check_spared(self, shelf: Shelf, goes: Mapping[str, _Kept]) -> None:
        stays = {one.name for one in shelf.archives} - goes.keys()
        spared = needed(shelf.archives, stays, read_relied(self._settings))
        for name in sorted(spared.keys() & goes.keys()):
            raise BadInput(f"{name} must stay: {spared[name]}")
        backups = [one for one in shelf.archives if one.is_backup]
        if goes and backups:
            with opened(backups[-1].path):
                pass  # every byte of it is looked at

    def _delete(self, name: str, kept: _Kept) -> None:
        path = self._folder / name
        if not path.exists():
            return  # by the process that was killed
        if self._digest(path) != kept.sha256:
            raise CheckFailed(f"{path} is no longer the archive that was to be deleted")
        try:
            path.unlink()
        except OSError as problem:
            raise BadInput(f"{path} cannot be deleted: {problem.strerror}") from None

    def _digest(self, path: Path) -> str:
        """Read once for as long as the file stays untouched."""
        found = os.lstat(path)
        key = (path.name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if key not in self._digests:
            with open(path, "rb") as file:
                self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[key]


def archives_target(log: str, before: date) -> str:
    return f"{KIND}:{log}/{before.isoformat()}"


def archives_title(change: Change) -> str:
    """What the change deletes, in a line."""
    before, after = (ARCHIVES.validate_python(side) for side in (change.before, change.after))
    goes = [kept.bytes for name, kept in before.items() if name not in after]
    log, _, day = change.target.partition(":")[2].rpartition("/")
    return f"Delete {sum_of(goes)} of {log} made before {day}"


def sum_of(sizes: Sequence[int]) -> str:
    """As `3 archives (1.2 MB)`, of so many bytes each."""
    few = "archive" if len(sizes) == 1 else "archives"
    return f"{len(sizes)} {few} ({sum(sizes) / 1e6:,.1f} MB)"


def _day(target: str, log: str) -> date:
    kind, _, place = target.partition(":")
    named, _, day = place.rpartition("/")
    try:
        if kind != KIND or named != log:
            raise ValueError
        return date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"{target!r} names no archives of {log}: write {KIND}:{log}/DAY") from None

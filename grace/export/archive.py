"""An archive as it is read: a folder or a stored ZIP, with nothing in it but what Grace writes.

Nothing is ever unpacked by a name that an archive gives: files are read where they lie. Every
digest of the manifest is checked before a row is looked at.
"""

import hashlib
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias

from grace.errors import BadInput, CheckFailed, GraceError
from grace.export.manifest import FORMATS, MANIFEST, MOST_BYTES, VERSION, Manifest, load
from grace.export.progress import silent
from grace.export.sealing import Tell
from grace.export.wrapping import unwrapped
from grace.export.zip_stream import check_spelling
from grace.store.schema import LOGS

__all__ = ["Archive", "Copy", "Source", "manifest_of", "opened"]

BROKEN = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, struct.error)


@dataclass(frozen=True)
class Copy:
    """An archive that lies elsewhere, as it was copied from there; `name` says where."""

    name: str
    file: IO[bytes]

    def __str__(self) -> str:
        return self.name


Source: TypeAlias = Path | Copy


class Place(Protocol):
    """Where the files are: `sizes` by name, and each to be opened for reading and seeking."""

    sizes: dict[str, int]

    def open(self, name: str) -> IO[bytes]: ...

    def check_spelling(self) -> None: ...


class Archive:
    """A manifest and the files it names, whose digests hold."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self.place = place
        self.manifest = manifest

    def open(self, name: str) -> IO[bytes]:
        return self.place.open(name)

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        if self.place.sizes.get(name, 0) > most:
            raise CheckFailed(f"{name} is larger than any that Grace writes")
        with self.open(name) as file:
            return file.read()


@contextmanager
def opened(source: Source, identity: str | None = None, tell: Tell = silent) -> Iterator[Archive]:
    """The archive there, unwrapped from zstd and age where it is wrapped in them.

    Raises CheckFailed where a byte of it is not as Grace wrote it, NotOurs where a newer Grace did,
    BadInput where there is nothing or it is encrypted to somebody else.
    """
    with _refusing(source), ExitStack() as stack:
        place = _place(source, identity, stack)
        manifest = _manifest(place)
        _check_names(place, manifest)
        _check_digests(place, manifest, tell)
        place.check_spelling()
        _check_tables(manifest)
        yield Archive(place, manifest)


def manifest_of(path: Path) -> Manifest:
    """What an archive says it holds; whether it does is for `opened` to see. Raises as above."""
    with _refusing(path), ExitStack() as stack:
        place = _place(path, None, stack)
        manifest = _manifest(place)
        _check_names(place, manifest)
        return manifest


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    try:
        yield
    except GraceError as problem:
        raise type(problem)(f"{source}: {problem}") from problem
    except BROKEN as problem:
        raise CheckFailed(f"{source} cannot be read: {problem}") from problem


def _place(source: Source, identity: str | None, stack: ExitStack) -> Place:
    if isinstance(source, Copy):
        return _Zip(stack.enter_context(unwrapped(source.file, identity)))
    if source.is_symlink():
        raise BadInput("it is a link; name what it leads to")
    if source.is_dir():
        return _Folder(source)
    if not source.is_file():
        raise BadInput("there is no such archive on this machine")
    file = stack.enter_context(source.open("rb"))
    return _Zip(stack.enter_context(unwrapped(file, identity)))


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}
        for path in sorted(root.rglob("*")):
            mode = path.lstat().st_mode
            name = path.relative_to(root).as_posix()
            if stat.S_ISREG(mode):
                self.sizes[name] = path.lstat().st_size
            elif not stat.S_ISDIR(mode):
                raise CheckFailed(f"{name!r} in it is no plain file: Grace writes no links")

    def open(self, name: str) -> IO[bytes]:
        return open(self.root / name, "rb")

    def check_spelling(self) -> None:
        """Files have no headers of ours."""


class _Zip:
    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        file.seek(0, 2)
        size = file.tell()
        if not zipfile.is_zipfile(file):
            raise CheckFailed("it is no ZIP archive, or its end is missing")
        self.zip = zipfile.ZipFile(file)
        self.sizes: dict[str, int] = {}
        for entry in self.zip.infolist():
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise CheckFailed(f"{entry.filename!r} in it is compressed: Grace stores files")
            if entry.filename in self.sizes:
                raise CheckFailed(f"{entry.filename!r} stands in it twice")
            self.sizes[entry.filename] = entry.file_size
        if sum(self.sizes.values()) > size:
            raise CheckFailed("its files overlap")

    def open(self, name: str) -> IO[bytes]:
        return self.zip.open(name)

    def check_spelling(self) -> None:
        check_spelling(self.file, ((name, self.zip.open(name)) for name in self.sizes))


def _manifest(place: Place) -> Manifest:
    if MANIFEST not in place.sizes:
        raise CheckFailed(f"it has no {MANIFEST}: no export of Grace, or none that was finished")
    if place.sizes[MANIFEST] > MOST_BYTES:
        raise CheckFailed("its manifest is larger than any that Grace writes")
    with place.open(MANIFEST) as file:
        return load(file.read())


def _check_names(place: Place, manifest: Manifest) -> None:
    named = [file.name for file in manifest.files]
    if len(set(named)) != len(named):
        raise CheckFailed("its manifest names a file twice")
    for name in sorted({*named, MANIFEST} ^ set(place.sizes)):
        missing = name not in place.sizes
        raise CheckFailed(
            f"{name!r} is named and not there" if missing else f"{name!r} is there and not named"
        )


def _check_digests(place: Place, manifest: Manifest, tell: Tell) -> None:
    done, whole = 0, sum(file.bytes for file in manifest.files)
    for file in manifest.files:
        tell(f"checking {file.name}", done / max(whole, 1))
        done += file.bytes
        if place.sizes[file.name] != file.bytes:
            raise CheckFailed(f"{file.name} has {place.sizes[file.name]} bytes, not {file.bytes}")
        with place.open(file.name) as opened_file:
            digest = hashlib.file_digest(opened_file, "sha256").hexdigest()  # type: ignore[arg-type]
        if digest != file.sha256:
            raise CheckFailed(f"{file.name} was changed: its digest does not fit")


def _check_tables(manifest: Manifest) -> None:
    """Whether this release knows what it holds."""
    if manifest.grace_export != VERSION or manifest.format not in FORMATS:
        raise CheckFailed("it has a format that this release does not know")
    for name, table in manifest.tables.items():
        if name not in LOGS:
            raise CheckFailed(f"there is no log table {name!r} in this release")
        if table.columns != list(LOGS[name].kinds.items()):
            raise CheckFailed(f"its {name} has other columns than that of this release")
        if table.rows != sum(file.rows for file in manifest.of_table(name)):
            raise CheckFailed(f"the files of {name} do not hold the rows it counts")
    if unknown := {file.table for file in manifest.files} - set(manifest.tables) - {None}:
        raise CheckFailed(f"it has files of no table: {', '.join(sorted(map(str, unknown)))}")
    if not manifest.low <= manifest.size or len(manifest.peaks) != manifest.low.bit_count():
        raise CheckFailed("its manifest does not say which rows it holds")

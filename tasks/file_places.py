"""Where files lie, which format they have and which log table is theirs, by their names alone."""

import hashlib
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Literal, cast

import fsspec  # type: ignore[import-untyped]
from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from grace.errors import BadInput
from grace.ingestion.loose import INGESTIBLE

__all__ = [
    "FileFormat",
    "FilePlace",
    "digest",
    "find_files",
    "reading",
    "reason_of",
    "without_secrets",
]

FileFormat = Literal["csv", "json", "jsonl", "parquet"]

FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# one file each; a ZIP archive holds many and is named by zip://FILE::ARCHIVE
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
BLOCK = 1 << 20  # bytes
MAGIC = re.compile(r"[*?\[]").search
# what file systems and decompressors raise where a file cannot be read
UNREADABLE = (OSError, EOFError, ValueError, ImportError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class FilePlace:
    """A file as a file system of fsspec finds it. `name` holds no password and no query."""

    name: str
    format: FileFormat
    compression: str | None
    table: str | None
    filesystem: Any
    path: str


def find_files(patterns: Sequence[str], table: str | None = None) -> list[FilePlace]:
    """The files that paths, folders, globs and URLs name, each once, in the order of their names.

    `table` is for files whose names tell no table. Raises BadInput where a pattern names nothing,
    or a file of a format that is not known.
    """
    found: dict[str, FilePlace] = {}
    for pattern in patterns:
        for place in _matching(pattern, table):
            found.setdefault(place.name, place)
    return list(found.values())


@contextmanager
def reading(place: FilePlace, **text: Any) -> Iterator[IO[Any]]:
    """The file opened, decompressed; as text where `text` says how to decode it.

    Raises BadInput with the file's name, also where the block within does.
    """
    mode = "r" if text else "rb"
    try:
        with place.filesystem.open(
            place.path, mode, compression=place.compression, **text
        ) as opened:
            yield opened
    except BadInput as problem:
        raise BadInput(f"{place.name}: {problem}") from problem
    except UNREADABLE as problem:
        raise BadInput(f"{place.name} cannot be read: {reason_of(problem)}") from problem


def digest(place: FilePlace) -> str:
    """SHA-256 of the file as it lies there."""
    sum_of = hashlib.sha256()
    try:
        with place.filesystem.open(place.path, "rb") as opened:
            while block := opened.read(BLOCK):
                sum_of.update(block)
    except UNREADABLE as problem:
        raise BadInput(f"{place.name} cannot be read: {reason_of(problem)}") from problem
    return sum_of.hexdigest()


def without_secrets(url: str) -> str:
    """A URL without user, password and query; a path as it is."""
    parts = [re.sub(r"://[^/]*@", "://", part) for part in url.split("::")]
    parts = [part.partition("?")[0] if "://" in part else part for part in parts]
    return "::".join(parts).encode(errors="backslashreplace").decode()


def _matching(pattern: str, table: str | None) -> list[FilePlace]:
    name = without_secrets(pattern)
    try:
        filesystem, path = url_to_fs(pattern)
        paths = _paths(filesystem, path)
    except UNREADABLE as problem:
        raise BadInput(f"{name} cannot be read: {reason_of(problem)}") from problem
    if not paths:
        raise BadInput(f"there is no file {name}")
    behind = name.partition("::")[2]
    return [_place(filesystem, path, behind, table) for path in paths]


def _paths(filesystem: fsspec.AbstractFileSystem, path: str) -> list[str]:
    """A file that is there is meant, whatever signs are in its name."""
    if filesystem.isfile(path):
        return [path]
    if filesystem.isdir(path):
        within = cast("list[str]", filesystem.ls(path, detail=False))
        return sorted(one for one in within if _format(one)[0] and filesystem.isfile(one))
    if not MAGIC(path):
        return []
    return sorted(one for one in filesystem.glob(path) if filesystem.isfile(one))


def _place(
    filesystem: fsspec.AbstractFileSystem, path: str, behind: str, table: str | None
) -> FilePlace:
    local = "file" in _protocols(filesystem) and not behind
    name = without_secrets(path if local else filesystem.unstrip_protocol(path))
    name = f"{name}::{behind}" if behind else name
    format_, compression = _format(path)
    if format_ is None:
        known = ", ".join(FORMATS)
        raise BadInput(f"{name} has no known format: its name should end in one of {known}")
    return FilePlace(name, format_, compression, table or _table(path), filesystem, path)


def _protocols(filesystem: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    said = filesystem.protocol
    return (said,) if isinstance(said, str) else tuple(said)


def _format(path: str) -> tuple[FileFormat | None, str | None]:
    name = PurePosixPath(path.lower())
    compression = COMPRESSIONS.get(name.suffix)
    if compression:
        name = name.with_suffix("")
    return FORMATS.get(name.suffix), compression


def _table(path: str) -> str | None:
    """The longest table whose name begins that of the file, or of its folder."""
    whole = PurePosixPath(path.lower())
    for name in (whole.name, whole.parent.name):
        fitting = [table for table in INGESTIBLE if re.match(rf"{table}(?![a-z0-9])", name)]
        if fitting:
            return max(fitting, key=len)
    return None


def reason_of(problem: BaseException) -> str:
    """The first line of what went wrong, without what a URL keeps secret."""
    said = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return without_secrets(str(said).split("\n")[0])

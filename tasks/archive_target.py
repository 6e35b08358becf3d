"""Where an archive is put: a path or any URL that fsspec knows, whole or not at all.

It is written beside its name and takes the name as the last step. Where a folder cannot be renamed,
its manifest, without which it is none, comes last.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from grace.errors import BadInput
from grace.export.request import ExportRequest
from grace.export.wrapping import Wrapping, encrypting
from grace.export.zip_stream import ZipStream
from tasks.file_places import UNREADABLE, without_secrets

__all__ = ["Adding", "writing"]

# opens a new file of the archive, to be written front to back
Adding = Callable[[str], AbstractContextManager[IO[bytes]]]


@contextmanager
def writing(url: str, request: ExportRequest) -> Iterator[Adding]:
    """The archive at `url`: there once the `with` block ends, as it was where the block fails.

    Raises BadInput where nothing can be written there.
    """
    try:
        filesystem, path = url_to_fs(url)
    except UNREADABLE as problem:
        raise BadInput(f"{without_secrets(url)} is no place to write to: {problem}") from problem
    local = "file" in filesystem.protocol
    kind = _folder if request.folder else _file
    if local:
        kind = _local_folder if request.folder else _local_file
    try:
        with kind(filesystem, path, request) as adding:
            yield adding
    except OSError as problem:
        said = problem.strerror or str(problem) or type(problem).__name__
        raise BadInput(f"{without_secrets(url)} cannot be written: {said}") from problem


@contextmanager
def _zipped(file: IO[bytes], request: ExportRequest) -> Iterator[Adding]:
    with ExitStack() as stack:
        out: Callable[[bytes], object] = file.write
        if request.age:
            out = stack.enter_context(encrypting(request.age, file))
        wrapping = Wrapping(out) if request.zstd else None
        with ZipStream(wrapping.write if wrapping else out) as stream:
            yield stream.file
        if wrapping:
            wrapping.finish()


@contextmanager
def _local_file(filesystem: Any, path: str, request: ExportRequest) -> Iterator[Adding]:
    final = Path(path)
    if final.is_dir():
        raise BadInput(f"{final} is a folder: name a file in it, or ask for a folder")
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.part")
    try:
        # readable by its owner alone, as the log itself is
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with _zipped(file, request) as adding:
                yield adding
            file.flush()
            os.fsync(file.fileno())
        draft.replace(final)
        _sync(final.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _local_folder(filesystem: Any, path: str, request: ExportRequest) -> Iterator[Adding]:
    final = Path(path)
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise BadInput(f"{final} is there already: name a new folder")
    draft = final.with_name(f".{final.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield lambda name: _local_entry(draft / name)
        for folder in (*(each for each in draft.iterdir() if each.is_dir()), draft):
            _sync(folder)
        draft.rename(final)
        _sync(final.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _local_entry(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _file(filesystem: Any, path: str, request: ExportRequest) -> Iterator[Adding]:
    draft = f"{path}.part"
    try:
        with filesystem.open(draft, "wb") as file, _zipped(file, request) as adding:
            yield adding
        filesystem.mv(draft, path)
    finally:
        with suppress(FileNotFoundError):
            if filesystem.exists(draft):
                filesystem.rm(draft)


@contextmanager
def _folder(filesystem: Any, path: str, request: ExportRequest) -> Iterator[Adding]:
    if filesystem.exists(path):
        raise BadInput(f"{without_secrets(path)} is there already: name a new folder")
    finished = False
    try:
        filesystem.makedirs(path, exist_ok=True)
        yield lambda name: _entry(filesystem, f"{path}/{name}")
        finished = True
    finally:
        if not finished:
            filesystem.rm(path, recursive=True)


@contextmanager
def _entry(filesystem: Any, path: str) -> Iterator[IO[bytes]]:
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    with filesystem.open(path, "wb") as file:
        yield file


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

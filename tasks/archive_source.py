"""Where an archive is read from: a path, or any URL that fsspec or a web server knows.

What lies at a URL is copied into a temporary file that has no name: nobody else can open it, and it
is gone with this process, however that ends.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from grace.errors import BadInput, CheckFailed
from grace.export.archive import Copy, Source
from grace.export.progress import silent
from grace.export.sealing import Tell
from grace.export.zip_stream import ZipStream
from tasks.file_places import UNREADABLE, reason_of, without_secrets

__all__ = ["MOST_BYTES", "reading"]

# no archive of Grace's is near it; and the disk of the temporary files is never filled to its end
MOST_BYTES = 256 << 30
LEFT_FREE = 256 << 20
BLOCK = 1 << 20
PATIENCE_SECONDS = 60.0
MOST_REDIRECTS = 5
CREDENTIALS = re.compile(r"://([^/@]*)@")


@contextmanager
def reading(place: str, tell: Tell = silent) -> Iterator[Source]:
    """The archive at a path, or a private copy of what lies at a URL.

    Raises BadInput, without what the URL keeps secret, where it cannot be read; CheckFailed where
    it is larger than any archive, or than the disk of the temporary files.
    """
    if not _is_url(place):
        yield Path(place)
        return
    name = without_secrets(place)
    with tempfile.TemporaryFile(prefix="grace-") as file:
        try:
            _copy(place, name, file, tell)
        except (*UNREADABLE, httpx.HTTPError, httpx.InvalidURL) as problem:
            raise BadInput(f"{name} cannot be read: {_told(place, problem)}") from None
        file.seek(0)
        yield Copy(name, file)


def _told(url: str, problem: BaseException) -> str:
    """Some file systems name the path with what stood before the host."""
    told = reason_of(problem)
    for secret in CREDENTIALS.findall(url):
        told = told.replace(f"{secret}@", "")
    return told


def _is_url(place: str) -> bool:
    return "://" in place or "::" in place


def _copy(url: str, name: str, file: IO[bytes], tell: Tell) -> None:
    out = _Bounded(file, f"fetching {name}", tell)
    if url.startswith(("http://", "https://")):
        _from_web_server(url, out)
        return
    filesystem, path = url_to_fs(url)
    found = filesystem.info(path)
    if found["type"] == "directory":
        _packed(filesystem, found["name"], out)
        return
    out.expect(found.get("size"))
    with filesystem.open(path, "rb") as opened:
        out.take(iter(lambda: opened.read(BLOCK), b""))


def _from_web_server(url: str, out: "_Bounded") -> None:
    """By httpx: fsspec would need a second client for it."""
    with (
        httpx.Client(
            follow_redirects=True, max_redirects=MOST_REDIRECTS, timeout=PATIENCE_SECONDS
        ) as client,
        client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise BadInput(f"{without_secrets(url)}: the server answered {answer.status_code}")
        length = answer.headers.get("Content-Length", "")
        out.expect(int(length) if length.isdecimal() else None)
        out.take(answer.iter_bytes(BLOCK))


def _packed(filesystem: Any, folder: str, out: "_Bounded") -> None:
    """An archive that is a folder becomes a ZIP, whose names are checked as those of any other."""
    found = filesystem.find(folder, detail=True)
    out.expect(sum(entry["size"] or 0 for entry in found.values()))
    with ZipStream(out.write) as stream:
        for path in sorted(found):
            name = os.path.relpath(path, folder)
            with filesystem.open(path, "rb") as opened, stream.file(name) as file:
                shutil.copyfileobj(opened, file, BLOCK)


class _Bounded:
    """A file that takes no more than there may be."""

    def __init__(self, file: IO[bytes], text: str, tell: Tell) -> None:
        self.file, self.text, self.tell = file, text, tell
        free = shutil.disk_usage(tempfile.gettempdir()).free - LEFT_FREE
        self.most = max(0, min(MOST_BYTES, free))
        self.expected: int | None = None
        self.taken = 0

    def expect(self, size: int | None) -> None:
        self.expected = size
        self._check(size or 0)

    def take(self, blocks: Iterable[bytes]) -> None:
        for block in blocks:
            self.write(block)

    def write(self, block: bytes) -> None:
        self.taken += len(block)
        self._check(self.taken)
        self.file.write(block)
        self.tell(self.text, min(1.0, self.taken / self.expected) if self.expected else 0.0)

    def _check(self, size: int) -> None:
        if size > self.most:
            raise CheckFailed(
                f"it is larger than the {self.most >> 20:,} MiB that may be copied into "
                f"{tempfile.gettempdir()}; TMPDIR names another folder"
            )

"""Stored ZIP archives with one spelling: the same files give the same bytes, and no others do.

Nothing in them is compressed, every entry has the same date and mode, and sizes stand behind the
content as a stream needs it. So a reader can compare an archive with what Grace would have written,
byte by byte: a changed header, a comment, a second entry or a byte between two show.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from grace.errors import CheckFailed

__all__ = ["ZipStream", "check_spelling"]

DATE = (1980, 1, 1, 0, 0, 0)
MODE = 0o644
BLOCK = 1 << 20


class ZipStream:
    """Within the `with` block `file` adds one; leaving it by an error leaves no end behind.

    `out` is called with block after block, front to back.
    """

    def __init__(self, out: Callable[[bytes], object]) -> None:
        self._zip = zipfile.ZipFile(_Forward(out), "w", zipfile.ZIP_STORED, allowZip64=True)

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name, DATE)
        info.create_system = 3  # Unix, wherever this runs
        info.external_attr = (0o100000 | MODE) << 16
        with self._zip.open(info, "w", force_zip64=True) as opened:
            yield opened

    def __enter__(self) -> "ZipStream":
        return self

    def __exit__(self, kind: object, *problem: object) -> None:
        if kind is None:
            self._zip.close()
        else:
            self._zip.fp = None  # or it would write its end when it is collected


def check_spelling(archive: IO[bytes], read: Iterable[tuple[str, IO[bytes]]]) -> None:
    """CheckFailed unless `archive` is, to the byte, what ZipStream makes of these files."""
    comparing = _Comparing(archive)
    with ZipStream(comparing) as stream:
        for name, content in read:
            with stream.file(name) as out:
                while block := content.read(BLOCK):
                    out.write(block)
    archive.seek(comparing.at)
    if archive.read(1):
        raise CheckFailed("there is something behind the end of the ZIP archive")


class _Comparing:
    def __init__(self, archive: IO[bytes]) -> None:
        self.archive = archive
        self.at = 0

    def __call__(self, block: bytes) -> None:
        self.archive.seek(self.at)  # the files compared are read from the same archive
        if self.archive.read(len(block)) != block:
            raise CheckFailed(f"the ZIP archive was changed near byte {self.at:,}")
        self.at += len(block)


class _Forward(io.RawIOBase):
    """What zipfile writes to; it asks for neither position nor size."""

    def __init__(self, out: Callable[[bytes], object]) -> None:
        self.out = out

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, block: object) -> int:
        content = bytes(block)  # type: ignore[call-overload]
        self.out(content)
        return len(content)

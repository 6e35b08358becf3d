"""zstd and age around an archive: written as a stream, taken off into a private temporary file.

Behind the zstd frame stands a skippable frame (RFC 8878 section 3.1.2), which every decoder passes
over, with the SHA-256 of all before it: a byte that decoders do not care for is noticed too.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pyrage  # type: ignore[import-untyped]
import zstandard

from grace.errors import BadInput, CheckFailed

__all__ = ["Wrapping", "encrypting", "recipient", "unwrapped"]

AGE = b"age-encryption.org/v1\n"
ZSTD = b"\x28\xb5\x2f\xfd"
SEAL = b"\x50\x2a\x4d\x18" + (32).to_bytes(4, "little")
BLOCK = 1 << 20
# a stored ZIP of logs shrinks by far less; what unpacks to more is taken for a bomb
MOST_RATIO = 500
ALWAYS_ALLOWED = 256 << 20

Out = Callable[[bytes], object]


class Wrapping:
    """zstd around `out`; `finish` writes the end."""

    def __init__(self, out: Out) -> None:
        self.out = out
        self.sum = hashlib.sha256()
        options = zstandard.ZstdCompressionParameters.from_level(3, write_checksum=True)
        self.frame = zstandard.ZstdCompressor(compression_params=options).compressobj()

    def write(self, block: bytes) -> None:
        self._put(self.frame.compress(block))

    def finish(self) -> None:
        self._put(self.frame.flush())
        self.out(SEAL + self.sum.digest())

    def _put(self, block: bytes) -> None:
        if block:
            self.sum.update(block)
            self.out(block)


def recipient(text: str) -> "pyrage.x25519.Recipient":
    """BadInput where it is no public key of age."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise BadInput(f"{text[:60]!r} is no age recipient; one begins with age1") from None


@contextmanager
def encrypting(to: str, file: IO[bytes]) -> Iterator[Out]:
    """age around `file`: what is written goes through a pipe, nothing plain touches a disk."""
    key = recipient(to)
    read, write = os.pipe()
    failed: list[Exception] = []

    def encrypt() -> None:
        try:
            with open(read, "rb") as plain:
                pyrage.encrypt_io(plain, file, [key])
        except (OSError, ValueError, pyrage.EncryptError) as problem:
            failed.append(problem)

    worker = threading.Thread(target=encrypt, name="age")
    worker.start()
    try:
        with open(write, "wb") as pipe:
            yield pipe.write
    finally:
        worker.join()
    if failed:
        raise OSError(f"it cannot be encrypted: {failed[0]}")


@contextmanager
def unwrapped(file: IO[bytes], identity: str | None) -> Iterator[IO[bytes]]:
    """The ZIP within, opened for seeking; what had to be unpacked is gone afterwards."""
    with tempfile.TemporaryFile(prefix="grace-") as spare:
        plain = file
        if _begins(plain, AGE):
            _decrypt(plain, spare, identity)
            plain = spare
        if not _begins(plain, ZSTD):
            yield plain
            return
        with tempfile.TemporaryFile(prefix="grace-") as unpacked:
            _decompress(plain, unpacked)
            yield unpacked


def _begins(file: IO[bytes], magic: bytes) -> bool:
    file.seek(0)
    found = file.read(len(magic)) == magic
    file.seek(0)
    return found


def _decrypt(file: IO[bytes], out: IO[bytes], identity: str | None) -> None:
    if identity is None:
        raise BadInput("it is encrypted with age: name the file of your key by --identity")
    lines = [line.strip() for line in identity.splitlines()]
    try:
        keys = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except pyrage.IdentityError:
        raise BadInput("the identity is no key of age; one begins with AGE-SECRET-KEY-1") from None
    try:
        pyrage.decrypt_io(file, out, keys)
    except (pyrage.DecryptError, OSError, ValueError) as problem:
        raise CheckFailed(f"it cannot be decrypted: {problem}") from None


def _decompress(file: IO[bytes], out: IO[bytes]) -> None:
    size = file.seek(0, 2)
    body = size - len(SEAL) - 32
    file.seek(max(body, 0))
    seal = file.read()
    file.seek(0)
    if body <= 0 or not seal.startswith(SEAL) or _digest(file, body) != seal[len(SEAL) :]:
        raise CheckFailed("it was changed or cut short: the digest at its end does not fit")
    file.seek(0)
    allowed = max(ALWAYS_ALLOWED, body * MOST_RATIO)
    try:
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as reader:
            while block := reader.read(BLOCK):
                if out.tell() + len(block) > allowed:
                    raise CheckFailed(f"it unpacks to more than {allowed >> 20:,} MiB")
                out.write(block)
    except zstandard.ZstdError as problem:
        raise CheckFailed(f"it cannot be unpacked: {problem}") from None


def _digest(file: IO[bytes], count: int) -> bytes:
    found = hashlib.sha256()
    while count > 0 and (block := file.read(min(BLOCK, count))):
        found.update(block)
        count -= len(block)
    return found.digest()

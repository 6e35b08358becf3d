"""How hashes are written in files that leave the house: base64 as in RFC 4648 section 4."""

from base64 import b64encode
from collections.abc import Iterable

__all__ = ["base64", "base64s"]


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def base64s(contents: Iterable[bytes]) -> list[str]:
    return [base64(content) for content in contents]

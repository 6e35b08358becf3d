"""Signed notes and checkpoints of the tree (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

A note is a text with signature lines below it; a checkpoint is a note that says how large a log
is and what its root is. Keys are Ed25519 (RFC 8032), written as golang.org/x/mod/sumdb/note does.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = [
    "Checkpoint",
    "Note",
    "Signature",
    "SigningKey",
    "Standing",
    "VerifierKey",
    "sign_note",
]

ED25519 = b"\x01"
MAX_SIGNATURES = 100  # as golang.org/x/mod/sumdb/note; the specification asks for at least 16
SIGNATURE_LINE = "— {} {}\n"

Standing = Literal["valid", "invalid", "unknown"]


def _decode(text: str) -> bytes:
    """Base64 in its one canonical spelling."""
    decoded = b64decode(text, validate=True)
    if b64encode(decoded).decode() != text:
        raise ValueError(f"{text!r} is not canonical base64")
    return decoded


def _encode(content: bytes) -> str:
    return b64encode(content).decode()


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise ValueError(f"{name!r} cannot name a key: it is empty or has a space or a plus")


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def _parse_key(text: str) -> tuple[str, str, bytes]:
    """Name, key id in hex and the 32 bytes of 'name+id+base64'."""
    try:
        name, key_id, encoded = text.split("+", 2)
        content = _decode(encoded)
    except ValueError:
        raise ValueError("a key reads NAME+ID+BASE64; this one does not") from None
    _check_name(name)
    if content[:1] != ED25519 or len(content) != 33:
        raise ValueError(f"the key of {name} is no Ed25519 key")
    return name, key_id, content[1:]


@dataclass(frozen=True)
class VerifierKey:
    """The public half, known to whoever checks the log; `str` gives its published text."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """ValueError where the text is no key, or not the one its id says."""
        name, key_id, public = _parse_key(text.removesuffix("\n"))
        key = cls(name, public)
        if key_id != key.key_id:
            raise ValueError(f"the key of {name} has id {key.key_id}, not {key_id}")
        return key

    @property
    def key_id(self) -> str:
        """The first four bytes, in hex, that tell keys apart; never proof of anything."""
        return _key_id(self.name, self.public).hex()

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{_encode(ED25519 + self.public)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The private half: a name and the 32-byte seed of RFC 8032. `text` is how it is kept."""

    name: str
    seed: bytes

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """ValueError where the text is no key; it never quotes the key."""
        rest = text.removesuffix("\n").removeprefix("PRIVATE+KEY+")
        if len(rest) == len(text.removesuffix("\n")):
            raise ValueError("a signing key begins with PRIVATE+KEY+")
        name, key_id, seed = _parse_key(rest)
        key = cls(name, seed)
        if key_id != key.verifier.key_id:
            raise ValueError(f"the signing key of {name} is damaged: its id does not fit")
        return key

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"  # the seed stays out of logs and tracebacks

    @property
    def text(self) -> str:
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id}+{_encode(ED25519 + self.seed)}"

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self._private.public_key().public_bytes_raw())

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, text: str) -> bytes:
        return self._private.sign(text.encode())


@dataclass(frozen=True)
class Signature:
    """One signature line: `key_id` in hex, `content` whatever the key's algorithm makes."""

    name: str
    key_id: str
    content: bytes


@dataclass(frozen=True)
class Note:
    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, content: str | bytes) -> "Note":
        """ValueError where it is no signed note; says nothing about the signatures' truth."""
        whole = content.decode() if isinstance(content, bytes) else content
        if any(char < " " and char != "\n" for char in whole):
            raise ValueError("a note has no control characters")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise ValueError("a note is a text, a blank line and signature lines")
        signed = [_parse_signature(line) for line in lines[:-1].split("\n")]
        if len(signed) > MAX_SIGNATURES:
            raise ValueError(f"a note has at most {MAX_SIGNATURES} signatures")
        return cls(text + "\n", tuple(signed))

    def standing(self, key: VerifierKey) -> Standing:
        """Whether `key` signed this: a line that names it wrongly condemns the whole note."""
        mine = [line for line in self.signatures if (line.name, line.key_id) == _identity(key)]
        if not mine:
            return "unknown"
        return "valid" if all(key.verifies(self.text, line.content) for line in mine) else "invalid"


def _identity(key: VerifierKey) -> tuple[str, str]:
    return key.name, key.key_id


def _parse_signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise ValueError(f"{line[:60]!r} is no signature line")
    _check_name(parts[1])
    content = _decode(parts[2])
    if len(content) < 5:
        raise ValueError(f"the signature of {parts[1]} is too short")
    return Signature(parts[1], content[:4].hex(), content[4:])


def sign_note(text: str, key: SigningKey) -> str:
    """The note of a text that ends in a newline."""
    if not text.endswith("\n"):
        raise ValueError("a note's text ends in a newline")
    signature = bytes.fromhex(key.verifier.key_id) + key.sign(text)
    return f"{text}\n" + SIGNATURE_LINE.format(key.name, _encode(signature))


@dataclass(frozen=True)
class Checkpoint:
    """The head of a tree: `root` is 32 bytes, `size` counts leaves."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """ValueError where it is none; lines below the third are extensions and left aside."""
        origin, size, root, *more = text.removesuffix("\n").split("\n") + [""] * 2
        if not origin or not re.fullmatch("0|[1-9][0-9]{0,18}", size) or "" in more[:-2]:
            raise ValueError("a checkpoint is an origin, a size and a root, a line each")
        digest = _decode(root)
        if len(digest) != 32:
            raise ValueError(f"a root has 32 bytes, not {len(digest)}")
        return cls(origin, int(size), digest)

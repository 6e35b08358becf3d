"""The key of a log: made at its first signing, readable by its owner alone.

The origin that names the log, in its key and in every checkpoint, is `grace/LOG/RANDOM` with
64 random bits: two installations never share one, and a new key for the same log can keep it.
"""

from collections.abc import Callable
from pathlib import Path

from grace.errors import BadInput, LedgerBroken
from grace.files import read_text, write_whole
from grace.ledger.note import SigningKey, VerifierKey
from grace.settings import Settings

__all__ = ["Entropy", "load_key", "make_key", "public_key", "read_verifier"]

Entropy = Callable[[int], bytes]


def load_key(settings: Settings) -> SigningKey | None:
    """The log's key, None where it was never made.

    Raises LedgerBroken where the public file beside it tells of another key.
    """
    text = read_text(settings.key_file)
    if text is None:
        return None
    try:
        key = SigningKey.parse(text)
    except ValueError as problem:
        raise BadInput(f"{settings.key_file}: {problem}") from None
    _publish(settings, key.verifier)
    return key


def make_key(settings: Settings, entropy: Entropy) -> SigningKey:
    origin = f"grace/{settings.log}/{entropy(8).hex()}"
    key = SigningKey(origin, entropy(32))
    write_whole(settings.key_file, key.text + "\n", mode=0o600)
    _publish(settings, key.verifier)
    return key


def _publish(settings: Settings, key: VerifierKey) -> None:
    path = settings.public_key_file
    text = read_text(path)
    if text is None:
        write_whole(path, f"{key}\n")
    elif text != f"{key}\n":
        known = read_verifier(path)
        raise LedgerBroken(
            f"the signing key was swapped: {settings.key_file} is {key.key_id} and {path} "
            f"{known.key_id}; put back the key that belongs to this log"
        )


def public_key(settings: Settings) -> VerifierKey | None:
    """The key that this log's checkpoints are checked with, None where nothing was signed."""
    path = settings.public_key_file
    return read_verifier(path) if path.exists() else None


def read_verifier(path: Path) -> VerifierKey:
    try:
        return VerifierKey.parse(read_text(path) or "")
    except ValueError as problem:
        raise BadInput(f"{path}: {problem}") from None

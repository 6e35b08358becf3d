"""The private key of a reviewer in a file of his own: PKCS #8 in PEM, as OpenSSL writes it too.

Grace keeps none of these files. The public half goes onto the list of reviewers.
"""

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from grace.errors import BadInput
from grace.files import write_whole
from grace.ledger.note import SigningKey

__all__ = ["load_private_key", "make_private_key"]


def make_private_key(
    file: Path, name: str, passphrase: str, entropy: Callable[[int], bytes]
) -> SigningKey:
    """A new key in a new file of mode 0600; without a passphrase it lies there in the clear.

    Raises BadInput where the file is there already, or cannot be written.
    """
    if file.exists():
        raise BadInput(f"{file} is there already; a key is never overwritten")
    key = SigningKey(name, entropy(32))
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    try:
        write_whole(file, pem.decode(), mode=0o600)
    except OSError as problem:
        raise BadInput(f"{file}: {problem.strerror}") from None
    return key


def load_private_key(file: Path, name: str, ask: Callable[[], str]) -> SigningKey:
    """`ask` is called for the passphrase where the file is encrypted.

    Raises BadInput for what is no Ed25519 key, and for a wrong passphrase.
    """
    try:
        pem = file.read_bytes()
    except OSError as problem:
        raise BadInput(f"{file}: {problem.strerror}") from None
    passphrase = ask().encode() if b"ENCRYPTED" in pem else None
    try:
        private = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wrong = "the passphrase is wrong" if passphrase is not None else "it is no private key"
        raise BadInput(f"{file}: {wrong}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadInput(f"{file}: it is no Ed25519 key: make one with `grace reviewers keygen`")
    return SigningKey(name, private.private_bytes_raw())

"""The key with which a server vouches that a reviewer signed in, and what it must know to do so.

The private half is made by `grace up`, mode 0600, beside the state of its processes. Whoever runs
as the same user can read it, and could vouch for anybody; docs/identity.md says so.
"""

from collections.abc import Callable

from grace.errors import NotOurs
from grace.files import read_text, write_whole
from grace.ledger.note import SigningKey, VerifierKey
from grace.settings import Settings

__all__ = ["load_server_key", "log_origin", "make_server_key", "server_key"]


def make_server_key(settings: Settings, entropy: Callable[[int], bytes]) -> None:
    """Once an installation; the slash in its name is in no reviewer's."""
    if settings.sign_in_key_file.exists():
        return
    key = SigningKey(f"sign-in/{entropy(4).hex()}", entropy(32))
    write_whole(settings.sign_in_key_file, key.text + "\n", mode=0o600)


def load_server_key(settings: Settings) -> SigningKey | None:
    """None where `grace up` never made one. Raises NotOurs for what is no key of its."""
    text = read_text(settings.sign_in_key_file)
    if text is None:
        return None
    try:
        return SigningKey.parse(text)
    except ValueError as problem:
        raise NotOurs(f"{settings.sign_in_key_file}: {problem}") from None


def server_key(settings: Settings) -> VerifierKey | None:
    """The public half."""
    key = load_server_key(settings)
    return key.verifier if key else None


def log_origin(settings: Settings) -> str | None:
    """By what name the log's key calls it; None where nothing was signed yet."""
    text = read_text(settings.public_key_file)
    if text is None:
        return None
    try:
        return VerifierKey.parse(text).name
    except ValueError as problem:
        raise NotOurs(f"{settings.public_key_file}: {problem}") from None

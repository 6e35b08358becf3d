"""Passwords, kept as scrypt hashes (RFC 7914) with a salt and parameters of their own."""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from grace.errors import BadInput

__all__ = ["FEWEST_CHARACTERS", "PasswordHash", "hash_password"]

FEWEST_CHARACTERS = 12
# OWASP Password Storage Cheat Sheet: 32 MB and three passes, some 0.2 s
N, R, P = 2**15, 8, 3


class PasswordHash(BaseModel):
    """`n`, `r` and `p` as in RFC 7914; `salt` and `digest` in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=2**14, le=2**20)
    r: int = Field(ge=1, le=32)
    p: int = Field(ge=1, le=16)
    salt: str = Field(pattern="^[0-9a-f]{32,}$")
    digest: str = Field(pattern="^[0-9a-f]{64}$", repr=False)

    def is_of(self, password: str) -> bool:
        found = _scrypt(password, bytes.fromhex(self.salt), self.n, self.r, self.p)
        return hmac.compare_digest(found, bytes.fromhex(self.digest))


def hash_password(password: str, entropy: Callable[[int], bytes]) -> PasswordHash:
    """Raises BadInput for one that is too short."""
    if len(password) < FEWEST_CHARACTERS:
        raise BadInput(f"a password has at least {FEWEST_CHARACTERS} characters")
    salt = entropy(16)
    digest = _scrypt(password, salt, N, R, P)
    return PasswordHash(n=N, r=R, p=P, salt=salt.hex(), digest=digest.hex())


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # one spelling of a letter with an accent, whatever keyboard it came from (RFC 8265)
    spelled = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
    most = 128 * r * (n + p + 2)
    return hashlib.scrypt(spelled, salt=salt, n=n, r=r, p=p, maxmem=most, dklen=32)

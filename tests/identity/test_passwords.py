"""Passwords are kept as scrypt hashes, each with a salt of its own."""

import os
import unicodedata

import pytest
from pydantic import ValidationError

from grace.errors import BadInput
from grace.identity.passwords import PasswordHash, _scrypt, hash_password

PASSWORD = "correct horse battery"


def test_the_right_password_and_no_other_fits():
    kept = hash_password(PASSWORD, os.urandom)
    assert kept.is_of(PASSWORD)
    assert not any(kept.is_of(wrong) for wrong in ("", PASSWORD.upper(), f"{PASSWORD} ", "\0"))


def test_the_same_password_of_two_people_looks_different():
    """And nothing of it stands in what is kept."""
    one, other = (hash_password(PASSWORD, os.urandom) for _ in range(2))
    assert one.digest != other.digest
    assert PASSWORD not in one.model_dump_json() + repr(one)


def test_it_is_scrypt():
    """RFC 7914, section 12: the first 32 bytes of the third test vector."""
    digest = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert _scrypt("pleaseletmein", b"SodiumChloride", 16384, 8, 1).hex() == digest


def test_an_accent_is_one_letter_whichever_keyboard_typed_it():
    word = "crème brûlée, please"
    kept = hash_password(unicodedata.normalize("NFD", word), os.urandom)
    assert kept.is_of(unicodedata.normalize("NFC", word))


def test_a_short_password_is_refused():
    with pytest.raises(BadInput, match="at least 12 characters"):
        hash_password("elevenchars", os.urandom)


@pytest.mark.parametrize("weak", [{"n": 2}, {"n": 2**40}, {"r": 0}, {"p": 10**6}, {"salt": "00"}])
def test_what_is_too_weak_or_would_never_end_is_no_hash(weak):
    """A file that somebody edited can neither weaken a hash nor stop the server."""
    kept = hash_password(PASSWORD, os.urandom).model_dump()
    with pytest.raises(ValidationError):
        PasswordHash(**kept | weak)

"""A reviewer's private key lies in a file of his own."""

import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from grace.errors import BadInput
from grace.identity.keyfiles import load_private_key, make_private_key


def never() -> str:
    raise AssertionError("no passphrase was needed")


@pytest.mark.parametrize("passphrase", ["", "a long passphrase"])
def test_what_was_made_is_read_again(tmp_path, passphrase):
    """In the clear, or with the passphrase that is asked for."""
    file = tmp_path / "ann.key"
    made = make_private_key(file, "ann", passphrase, os.urandom)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ask = (lambda: passphrase) if passphrase else never
    assert load_private_key(file, "ann", ask) == made


def test_a_key_is_never_overwritten(tmp_path):
    file = tmp_path / "ann.key"
    make_private_key(file, "ann", "", os.urandom)
    with pytest.raises(BadInput, match="is there already"):
        make_private_key(file, "ann", "", os.urandom)


def test_a_wrong_passphrase_is_one_line(tmp_path):
    file = tmp_path / "ann.key"
    make_private_key(file, "ann", "right", os.urandom)
    for wrong in ("wrong", ""):
        with pytest.raises(BadInput, match="the passphrase is wrong"):
            load_private_key(file, "ann", lambda wrong=wrong: wrong)


def test_one_made_by_openssl_does_too(tmp_path):
    file = tmp_path / "ann.pem"
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(file)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl")
    assert load_private_key(file, "ann", never).name == "ann"


def test_what_is_no_such_key_is_one_line(tmp_path):
    """No file, no key, and a key of another kind."""
    with pytest.raises(BadInput, match="No such file"):
        load_private_key(tmp_path / "none", "ann", never)
    other = generate_private_key(SECP256R1())
    file = tmp_path / "other.pem"
    file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadInput, match="no Ed25519 key"):
        load_private_key(file, "ann", never)
    file.write_text("nothing")
    with pytest.raises(BadInput, match="no private key"):
        load_private_key(file, "ann", never)

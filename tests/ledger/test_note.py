"""Signed notes and checkpoints are those of the C2SP specifications and of Go.

Vectors: the keys and the note of golang.org/x/mod/sumdb/note (note_test.go), a signed tree head of
sum.golang.org, and the example of c2sp.org/tlog-checkpoint.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ledger.note import Checkpoint, Note, SigningKey, VerifierKey, sign_note

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33"
    "WWd1RvMc+QQ=\n"
)
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = (
    "go.sum database tree\n"
    "65209736\n"
    "5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=\n"
    "\n"
    "— sum.golang.org Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg"
    "3dxXABkGZZKdsQ8=\n"
)
BEHIND_THE_SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)


class TestKeys:
    """Name, id and 32 bytes, as text."""

    def test_the_published_keys_are_read_and_written_again(self) -> None:
        """Byte for byte, and the private one knows its public one."""
        private = SigningKey.parse(PETER_PRIVATE + "\n")
        assert private.text == PETER_PRIVATE
        assert str(private.verifier) == str(VerifierKey.parse(PETER)) == PETER
        assert private.verifier.key_id == "c74f20a3"
        assert str(VerifierKey.parse(SUMDB)) == SUMDB

    @pytest.mark.parametrize(
        ("text", "reader"), [(PETER, VerifierKey), (PETER_PRIVATE, SigningKey)]
    )
    def test_no_mangled_key_is_read(
        self, text: str, reader: type[VerifierKey] | type[SigningKey]
    ) -> None:
        """No part of one, and none with a character changed: the tests of Go's own package."""
        mangled = [text[start:end] for start in range(len(text)) for end in range(start, len(text))]
        mangled += [
            text[:place] + chr(ord(char) + 1) + text[place + 1 :] for place, char in enumerate(text)
        ]
        mangled += ["", text + "=", text + "A", " " + text]
        for candidate in mangled:
            with pytest.raises(ValueError, match=r"\w"):
                reader.parse(candidate)

    @pytest.mark.parametrize(
        "text",
        [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ],
    )
    def test_a_key_of_another_length_or_algorithm_is_refused(self, text: str) -> None:
        """Though its id fits."""
        with pytest.raises(ValueError, match=r"\w"):
            VerifierKey.parse(text)

    def test_a_signing_key_never_shows_its_secret(self) -> None:
        """Neither in a traceback nor in the error of a damaged file."""
        secret = PETER_PRIVATE.split("+", 4)[4]
        assert secret not in repr(SigningKey.parse(PETER_PRIVATE))
        assert repr(SigningKey.parse(PETER_PRIVATE).seed) not in repr(
            SigningKey.parse(PETER_PRIVATE)
        )
        with pytest.raises(ValueError, match="damaged") as refused:
            SigningKey.parse(PETER_PRIVATE.replace("c74f20a3", "c74f20a4"))
        assert secret not in str(refused.value)

    @given(st.binary(min_size=32, max_size=32), st.sampled_from(["a", "grace/main/00", "é/ü"]))
    def test_any_seed_makes_a_key_that_signs(self, seed: bytes, name: str) -> None:
        """And is read back from its text."""
        key = SigningKey(name, seed)
        assert SigningKey.parse(key.text) == key
        note = Note.parse(sign_note("text\n", key))
        assert note.standing(key.verifier) == "valid"
        other = SigningKey(name, bytes(byte ^ 1 for byte in seed)).verifier
        assert note.standing(other) == "unknown"


class TestNotes:
    """Text, an empty line, signatures."""

    def test_the_published_note_is_signed_byte_for_byte(self) -> None:
        """Ed25519 is deterministic."""
        assert sign_note(TEXT, SigningKey.parse(PETER_PRIVATE)) == f"{TEXT}\n{PETER_LINE}"

    def test_signatures_of_several_keys(self) -> None:
        """Each key finds its own; a key that did not sign is unknown."""
        note = Note.parse(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}")
        assert note.text == TEXT
        assert [line.name for line in note.signatures] == ["PeterNeumann", "EnochRoot"]
        assert note.standing(VerifierKey.parse(PETER)) == "valid"
        assert note.standing(VerifierKey.parse(ENOCH)) == "valid"
        assert note.standing(VerifierKey.parse(SUMDB)) == "unknown"

    def test_a_wrong_signature_of_a_known_key_condemns_the_note(self) -> None:
        """Even beside a right one of the same key."""
        wrong = PETER_LINE.replace("ZJkuBS9UG", "ZJkuBS9UH")
        for lines in (wrong, PETER_LINE + wrong, wrong + PETER_LINE):
            note = Note.parse(f"{TEXT}\n{lines}")
            assert note.standing(VerifierKey.parse(PETER)) == "invalid"

    def test_another_text_is_not_signed(self) -> None:
        """One character will do."""
        note = Note.parse(f"{TEXT}\n{PETER_LINE}".replace("answer", "Answer"))
        assert note.standing(VerifierKey.parse(PETER)) == "invalid"

    def test_the_last_empty_line_ends_the_text(self) -> None:
        """A text may have empty lines of its own."""
        key = SigningKey.parse(PETER_PRIVATE)
        note = Note.parse(sign_note("one\n\ntwo\n", key))
        assert (note.text, note.standing(key.verifier)) == ("one\n\ntwo\n", "valid")

    @pytest.mark.parametrize(
        "content",
        [
            TEXT,
            f"{TEXT}\n",
            f"{TEXT}\n{PETER_LINE[:-1]}",
            f"\x01{TEXT}\n{PETER_LINE}",
            f"\xff{TEXT}\n{PETER_LINE}".encode("latin-1", "replace"),
            f"{TEXT}\n— Bad Name {PETER_LINE.split()[2]}\n",
            f"{TEXT}\n— Bad+Name {PETER_LINE.split()[2]}\n",
            f"{TEXT}\n{PETER_LINE}Unexpected line.\n",
            f"{TEXT}\n- PeterNeumann {PETER_LINE.split()[2]}\n",
            f"{TEXT}\n— PeterNeumann AAAA\n",
            f"{TEXT}\n— PeterNeumann !!!!\n",
            f"{TEXT}\n" + PETER_LINE * 101,
            "",
            b"\xff\xfe",
        ],
    )
    def test_what_is_no_note_is_refused(self, content: str | bytes) -> None:
        """The table of Go's own tests, and some more."""
        with pytest.raises(ValueError, match=r"\w"):
            Note.parse(content)

    def test_a_text_without_its_last_newline_is_not_signed(self) -> None:
        """It could not be told from the empty line."""
        with pytest.raises(ValueError, match="ends in a newline"):
            sign_note("text", SigningKey.parse(PETER_PRIVATE))


class TestCheckpoints:
    """Origin, size and root."""

    def test_a_foreign_checkpoint_is_read_and_verified(self) -> None:
        """The signed tree head of Go's checksum database."""
        note = Note.parse(SUMDB_NOTE)
        assert note.standing(VerifierKey.parse(SUMDB)) == "valid"
        checkpoint = Checkpoint.parse(note.text)
        assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 65209736)
        assert checkpoint.root.hex().startswith("e7eb86163c7ac416")
        assert checkpoint.text == note.text

    def test_the_example_of_the_specification(self) -> None:
        """Read and written again."""
        checkpoint = Checkpoint.parse(BEHIND_THE_SOFA)
        assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
        assert checkpoint.text == BEHIND_THE_SOFA

    def test_extension_lines_are_left_aside(self) -> None:
        """They are signed and say nothing about the tree."""
        assert Checkpoint.parse(BEHIND_THE_SOFA + "more\n") == Checkpoint.parse(BEHIND_THE_SOFA)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "-1"),
            ("20852163", ""),
            ("20852163", "٣"),
            ("20852163", "9" * 20),
            ("example.com/behind-the-sofa", ""),
            ("jxq2I=", "jxq2J="),
            ("jxq2I=", "jxq2I"),
            ("CsUYap", ""),
            ("jxq2I=\n", "jxq2I=\n\nmore\n"),
            ("\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
        ],
    )
    def test_what_is_no_checkpoint_is_refused(self, old: str, new: str) -> None:
        """A size has one spelling, and so has a root."""
        with pytest.raises(ValueError, match=r"\w"):
            Checkpoint.parse(BEHIND_THE_SOFA.replace(old, new))

    @given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
    def test_every_checkpoint_is_read_back(self, size: int, root: bytes) -> None:
        """Size 0 included."""
        checkpoint = Checkpoint("grace/main/00", size, root)
        assert Checkpoint.parse(checkpoint.text) == checkpoint

"""The proof of an improvement says who signed the answer, and tells what was not."""

import json
import re
from collections.abc import Callable

import pytest

from grace.cli import main as grace
from grace.errors import BadInput
from grace.identity.statement import Statement
from grace.ledger.note import SigningKey
from grace.notary.keys import public_key
from grace.proof.improvement import prove
from grace.settings import Settings
from grace.store import open_store
from grace.verifier import NotProven, check, main
from tests.identity.people import ANN, BOB, ORIGIN, SERVER
from tests.proof.test_improvement_proof import Told, lied
from tests.tampering import NOW


def signed(key: SigningKey, by: str = "ann", said: str = "signature", **differing) -> Callable:
    """Tells a proof's rows again, with an answer that this key signed."""

    def retell(table: str, cells: dict) -> dict:
        if table != "decisions" or cells["answer"] != "approve":
            return cells
        stated = {
            "log": ORIGIN,
            "proposal": cells["proposal_id"],
            "content": cells["content_hash"],
            "asking": cells["decision_id"],
            "answer": cells["answer"],
            "reviewer": by,
            "reason": cells["reason"],
            "assurance": said,
            "at": NOW,
        }
        note = Statement(**stated | differing).signed(key)
        detail = json.loads(cells["detail"]) | {"proof": note, "key": str(key.verifier)}
        return cells | {"reviewer": by, "assurance": said, "detail": json.dumps(detail)}

    return retell


@pytest.fixture
def retold(told: Told, proof_of, settings: Settings) -> Callable[[Callable], tuple[str, str]]:
    """The proof of a log whose decision was told otherwise, and the log's key."""

    def tell(retell: Callable) -> tuple[str, str]:
        lied(settings, proof_of(told[1]), retell)
        text, _ = prove(settings, open_store(settings.url), told[1])
        return text, str(public_key(settings))

    return tell


def test_who_signed_is_told_with_the_id_of_the_key(retold) -> None:
    story = "\n".join(check(*retold(signed(ANN))).story)
    assert f"“approve” by ann (signed by ann, key {ANN.verifier.key_id})" in story


def test_who_signed_in_is_told_as_what_the_server_says(retold) -> None:
    story = "\n".join(check(*retold(signed(SERVER, said="signed in"))).story)
    known = f"signed in, says the server, key {SERVER.name} {SERVER.verifier.key_id}"
    assert f"“approve” by ann ({known})" in story


def test_the_reviewers_own_key_can_be_insisted_on(retold, tmp_path, capsys) -> None:
    """By whoever has it from her, and not from the log."""
    text, key = retold(signed(ANN))
    assert check(text, key, str(ANN.verifier)).verdict == "improved"
    with pytest.raises(NotProven, match="the answer was signed by another key: ann"):
        check(text, key, str(SigningKey("ann", bytes(32)).verifier))
    file, pub = tmp_path / "a.proof", tmp_path / "ann.pub"
    file.write_text(text)
    pub.write_text(f"{BOB.verifier}\n")
    with pytest.raises(SystemExit) as ended:
        main([str(file), "--key", key, "--reviewer", str(pub)])
    assert ended.value.code == 1
    assert "signed by another key" in capsys.readouterr().err


@pytest.mark.parametrize(("key_of", "code"), [(ANN, 0), (BOB, 1)])
def test_grace_verify_insists_too(retold, tmp_path, capsys, key_of: SigningKey, code: int) -> None:
    text, key = retold(signed(ANN))
    (tmp_path / "a.proof").write_text(text)
    asked = ["verify", str(tmp_path / "a.proof"), "--key", key, "--reviewer", str(key_of.verifier)]
    with pytest.raises(SystemExit) as ended:
        grace(asked)
    assert (ended.value.code or 0) == code
    said = capsys.readouterr()
    assert ("signed by ann, key" if code == 0 else "signed by another key") in said.out + said.err


def test_what_is_only_declared_was_signed_by_nobody(told: Told, proof_of) -> None:
    with pytest.raises(NotProven, match="no answer in it was signed by a reviewer"):
        check(proof_of(told[1]), str(public_key(told[0])), str(ANN.verifier))


def other(**cells: object) -> Callable:
    """A good signature, and a row that says something else than what was signed."""

    def retell(table: str, row: dict) -> dict:
        told = signed(ANN)(table, row)
        return told if told == row else told | cells

    return retell


def without_proof(table: str, cells: dict) -> dict:
    told = signed(ANN)(table, cells)
    return told if told == cells else told | {"detail": cells["detail"]}


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (without_proof, "is called signature, and nothing is signed"),
        (other(assurance="declared"), "is called declared, and is signed"),
        (other(assurance="signed in"), "another assurance was signed"),
        (other(reviewer="bob"), "another reviewer was signed"),
        (other(reason="because"), "another reason was signed"),
        (signed(ANN, content="0" * 64), "another content was signed"),
        (signed(ANN, proposal="p-other"), "another proposal was signed"),
        (signed(ANN, asking="p-kept:answer-2"), "another asking was signed"),
        (signed(ANN, answer="reject"), "another answer was signed"),
        (signed(BOB), "was signed by bob"),
        (signed(ANN, said="signed in"), "was vouched for by ann, which is no server"),
    ],
)
def test_what_was_not_signed_so_is_no_proof(retold, lie: Callable, found: str) -> None:
    """Replayed from elsewhere, under a foreign key, or edited beside a good signature."""
    with pytest.raises(BadInput, match=re.escape(found)):
        retold(lie)


def test_a_spoilt_signature_is_no_proof(retold) -> None:
    """The time stands nowhere else, so only the signature tells."""

    def spoilt(table: str, cells: dict) -> dict:
        told = signed(ANN)(table, cells)
        changed = json.dumps(told.get("detail")).replace(f"{NOW:%Y}-", "2031-")
        return told if told == cells else told | {"detail": json.loads(changed)}

    with pytest.raises(BadInput, match="signature is wrong"):
        retold(spoilt)

"""One file proves one improvement, from its evidence to what became of it."""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import grace.verifier
from grace.cli import main
from grace.errors import BadInput
from grace.ledger.note import SigningKey
from grace.notary.keys import public_key
from grace.notary.signer import sign
from grace.proof.improvement import prove
from grace.settings import Settings
from grace.store import open_store
from grace.store.erasing import Erased, erase
from grace.verifier import NotProven, check
from tests.tampering import NOW, entropy, row_of

Told = tuple[Settings, str, str]
STRANGER = str(SigningKey("grace/main/0000000000000000", bytes(32)).verifier)


def key_of(settings: Settings) -> str:
    return str(public_key(settings))


def test_what_was_kept_is_proven_from_evidence_to_outcome(told: Told, proof_of) -> None:
    """In plain words: what was seen, proposed, agreed, done and measured."""
    settings, kept, _ = told
    proven = check(proof_of(kept), key_of(settings))
    assert (proven.state, proven.verdict, proven.erased) == ("kept", "improved", ())
    story = "\n".join(proven.story)
    for words in (
        "Raise tag:pages from 2 to 8",
        "mean excess wait 5.2 over 14 flow runs; e-value 2346, needed 1200",
        "Seen in the first 5 entries of the log",
        "The change: pages from 2 to 8",
        "“approve” by operator (declared): the service can take it",
        "apply: pages set to 8, done, found as 8",
        "to and fro for 14 blocks",
        "over 7 pairs, e-value 26.81",
        "The verdict: improved",
        "it stands as kept",
    ):
        assert words in story


def test_what_was_undone_is_proven_as_well(told: Told, proof_of) -> None:
    """A harm that was undone is as much worth proving as an improvement."""
    settings, _, undone = told
    proven = check(proof_of(undone), key_of(settings))
    assert (proven.state, proven.verdict) == ("rolled_back", "regressed")
    assert "undo: pages set to 8, done, found as 8." in "\n".join(proven.story)


def test_it_needs_nothing_but_one_file_and_the_key(told: Told, proof_of, tmp_path: Path) -> None:
    """Alone in an empty folder, isolated from everything that is installed as Grace."""
    settings, kept, _ = told
    shutil.copy(grace.verifier.__file__, tmp_path / "verifier.py")
    (tmp_path / "a.proof").write_text(proof_of(kept))
    source = (tmp_path / "verifier.py").read_text()
    assert not re.search(r"^\s*(from|import) grace", source, re.MULTILINE)
    command = [sys.executable, "-I", "verifier.py", "a.proof", "--key", key_of(settings)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Proven: all" in done.stdout


def refused(content: bytes, key: str) -> bool:
    try:
        check(content.decode(), key)
    except (NotProven, UnicodeDecodeError):
        return True
    return False


def one_byte_changed(text: str, rng: random.Random) -> bytes:
    spoilt = bytearray(text.encode())
    place = rng.randrange(len(spoilt))
    spoilt[place] ^= rng.randrange(1, 256)
    return bytes(spoilt)


def assert_no_change_passes(text: str, key: str, changes: int) -> None:
    rng = random.Random(20261123)
    passed = [number for number in range(changes) if not refused(one_byte_changed(text, rng), key)]
    assert passed == []


def test_no_changed_byte_passes(told: Told, proof_of) -> None:
    """Every byte of the file counts: a hundred places at random."""
    settings, kept, _ = told
    assert_no_change_passes(proof_of(kept), key_of(settings), 100)


@pytest.mark.slow
@pytest.mark.parametrize("which", [1, 2])
def test_none_of_a_thousand_changed_bytes_passes(told: Told, proof_of, which: int) -> None:
    """Of what was kept, and of what was undone."""
    assert_no_change_passes(proof_of(told[which]), key_of(told[0]), 1000)


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_what_only_looks_the_same_is_refused(told: Told, proof_of, spelling: Callable) -> None:
    """Hex digits in the other case, and white space: one spelling is accepted."""
    settings, kept, _ = told
    text = proof_of(kept)
    salt = re.search(r'"salt": "([0-9a-f]{32})"', text)
    assert salt is not None
    other = spelling(salt[1]) if spelling is str.upper else f" {salt[1]}"
    assert refused(text.replace(salt[1], other).encode(), key_of(settings))
    assert refused(f"{text}\n".encode(), key_of(settings))


def test_another_key_proves_nothing(told: Told, proof_of) -> None:
    """Neither a stranger's key nor one that takes this log's name."""
    settings, kept, _ = told
    text = proof_of(kept)
    name = key_of(settings).split("+")[0]
    for key in (STRANGER, str(SigningKey(name, bytes(32)).verifier)):
        with pytest.raises(NotProven, match="of another log or key"):
            check(text, key)


def test_a_row_that_is_left_out_is_missed(told: Told, proof_of) -> None:
    """Whoever hands the file on cannot leave out how it ended."""
    settings, kept, _ = told
    document = json.loads(proof_of(kept))
    states = [row for row in document["rows"] if row["table"] == "proposals"]
    document["rows"].remove(states[-2])
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    with pytest.raises(NotProven, match="a state of the proposal is missing"):
        check(text, key_of(settings))


def test_what_is_not_signed_yet_is_not_proven(settings: Settings, told: Told) -> None:
    """The file would prove nothing, so there is none."""
    told_settings, kept, _ = told
    store = open_store(told_settings.url)
    row = {"decision_id": "later", "proposal_id": kept, "question": "drift", "answer": "seen"}
    with store.writing(NOW) as writer:
        writer.append("decisions", [row])
    with pytest.raises(BadInput, match=r"`grace ledger sign` signs the rest"):
        prove(told_settings, store, kept)
    sign(told_settings, store, datetime.now(UTC))
    assert prove(told_settings, store, kept)[1].state == "kept"


def test_after_an_erasure_it_still_proves_the_rest_and_says_what_is_gone(told: Told) -> None:
    """The reviewer's name is taken from the log; what was decided, done and measured stays."""
    settings, kept, _ = told
    store = open_store(settings.url)
    before, _ = prove(settings, store, kept)
    with store.writing(NOW) as writer:
        why = Erased("the reviewer left and asked for it", "alice", "bob")
        assert erase(writer, "decisions", f"{kept}:answer-1", why, erasure="e-1") == 1
    sign(settings, store, datetime.now(UTC))
    text, proven = prove(settings, store, kept)
    assert proven.verdict == "improved"
    (erased,) = proven.erased
    assert "of decisions" in erased
    assert "for bob: the reviewer left and asked for it" in erased
    assert '"reviewer": "operator"' in before
    assert '"reviewer": "operator"' not in text
    # and a file that was made before proves what it did
    assert check(before, key_of(settings)).verdict == "improved"


def test_a_payload_that_is_gone_without_an_erasure_is_refused(told: Told, proof_of) -> None:
    """Leaving out what one would rather not show is no erasure."""
    settings, kept, _ = told
    document = json.loads(proof_of(kept))
    row = next(row for row in document["rows"] if row["table"] == "decisions")
    kept_cells = ("id", "revision", "recorded_at", "source", "decision_id")
    row["salt"] = None
    row["cells"] |= {name: None for name in row["cells"] if name not in kept_cells}
    with pytest.raises(NotProven, match="lost its payload and no erasure says so"):
        check(json.dumps(document, indent=1, sort_keys=True) + "\n", key_of(settings))


def lied(settings: Settings, text: str, lie: Callable[[str, dict], dict | None]) -> str:
    """The proof of a log that was written and signed with a lie in it, by its own key."""
    store = open_store(settings.url)
    document = json.loads(text)
    with store.writing(NOW) as writer:
        before = range(document["evidence"]["size"])
        writer.append("goals", [row_of("goals", number) for number in before])
    for row in document["rows"]:
        cells = lie(row["table"], dict(row["cells"]))
        if cells is not None:
            given = {k: v for k, v in cells.items() if k not in ("id", "revision", "recorded_at")}
            _log(store, row["table"], given)
    sign(settings, store, NOW, entropy=entropy())
    prove(settings, store, document["proposal"])
    return ""


def _log(store, table: str, given: dict) -> None:
    from grace.store.schema import LOGS
    from grace.values import RawJson, from_microseconds

    kinds = LOGS[table].kinds
    for name, value in given.items():
        if value is not None and kinds[name] == "time":
            given[name] = from_microseconds(value)
        if value is not None and kinds[name] == "json":
            given[name] = RawJson(value)
        if value in ("inf", "-inf"):
            given[name] = float(value)
    with store.writing(NOW) as writer:
        writer.append(table, [given])


def no_answer(table: str, cells: dict) -> dict | None:
    return None if table == "decisions" and cells["answer"] == "approve" else cells


def better_than_measured(table: str, cells: dict) -> dict | None:
    if table == "verdicts" and cells["final"]:
        cells["e_value"] = 1000.0
    return cells


def the_other_verdict(table: str, cells: dict) -> dict | None:
    if cells.get("verdict") == "regressed":
        cells["verdict"] = "improved"
    return cells


def another_metric(table: str, cells: dict) -> dict | None:
    if table == "verdicts":
        cells["metric"] = "share of runs that fail so"
    return cells


def another_order(table: str, cells: dict) -> dict | None:
    if table == "actions" and cells["action_id"].endswith("block-3"):
        change = json.loads(cells["change"])
        cells["change"] = json.dumps(change | {"after": 99})
    return cells


def another_change(table: str, cells: dict) -> dict | None:
    if table == "actions" and cells["purpose"] == "apply":
        cells["change"] = json.dumps(json.loads(cells["change"]) | {"after": 7})
    return cells


def another_content(table: str, cells: dict) -> dict | None:
    if table == "proposals" and cells["state"] == "kept":
        cells["content"] = cells["content"].replace("14", "15")
    return cells


def skipped(table: str, cells: dict) -> dict | None:
    return None if table == "proposals" and cells["state"] == "applied" else cells


@pytest.mark.parametrize(
    ("which", "lie", "found"),
    [
        (1, no_answer, "it was applied, and nobody had agreed"),
        (1, better_than_measured, "its pairs have an e-value of 26.81, not 1000"),
        (2, the_other_verdict, "its pairs do not say improved"),
        (1, another_metric, "its metric is not the one that was fixed before the start"),
        (1, another_order, "block 3 is not as it was drawn before the start"),
        (1, another_change, "what was applied is not what was proposed"),
        (1, another_content, "what was proposed was changed on the way"),
        (1, skipped, "a proposal that is applying cannot become measuring"),
    ],
)
def test_a_signed_lie_is_told_from_a_story_that_hangs_together(
    told: Told, proof_of, settings: Settings, which: int, lie: Callable, found: str
) -> None:
    """The key's holder can sign false rows; a verdict that its own pairs deny is still seen."""
    text = proof_of(told[which])
    with pytest.raises(BadInput, match=re.escape(found)):
        lied(settings, text, lie)


def test_without_a_lie_the_same_rows_are_proven(told: Told, proof_of, settings: Settings) -> None:
    """So that the test above finds the lie and not the copying."""
    lied(settings, proof_of(told[1]), lambda table, cells: cells)


def test_the_commands_make_and_check_it(told: Told, tmp_path: Path, capsys, monkeypatch) -> None:
    """An operator writes the file, an auditor reads the story; a spoilt one ends with 1."""
    settings, kept, _ = told
    monkeypatch.setenv("GRACE_DATA_DIR", str(settings.data_dir))
    file = tmp_path / "a.proof"
    main_with("prove", kept, "--to", str(file))
    assert f"Written to {file}" in capsys.readouterr().out.replace("\n", "")
    main_with("--json", "verify", str(file), "--key", key_of(settings))
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["verdict"], said["size"] > 5) == (True, "improved", True)
    file.write_text(file.read_text().replace("approve", "aprove"))
    assert main_with("verify", str(file), "--key", key_of(settings)) == 1
    assert "is NOT proven: entry" in capsys.readouterr().err
    assert main_with("verify", str(tmp_path / "no.proof"), "--key", key_of(settings)) == 2
    assert main_with("verify", str(file), "--key", "no key") == 2


def main_with(*arguments: str) -> object:
    try:
        main(list(arguments))
    except SystemExit as end:
        return end.code
    return 0

"""Files that are put together to deceive, and logs that are odd and honest."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies
from hypothesis import settings as tuned

from grace.errors import BadInput
from grace.governance.asking import submit
from grace.governance.policy import load_policy
from grace.governance.register import Entry, move
from grace.measurement.plan import Plan
from grace.notary.signer import sign
from grace.proof.improvement import prove
from grace.proof.tlog import index_of
from grace.settings import Settings
from grace.states import State
from grace.store import Store, Writer, open_store
from grace.store.erasing import Erased, erase
from grace.verifier import NotProven, check, main
from grace.verifier import told as told_of
from tests.proof.test_improvement_proof import Told, key_of, lied, main_with
from tests.proposing import NOON, a_proposal
from tests.tampering import NOW

WHY = Erased("asked for", "alice", "bob")
ODD = [None, True, 1, -1, 2**70, 0.5, "", "x", "inf", "NaN", [], [None], {}, {"key": None}]


def spelled(document: object) -> str:
    return json.dumps(document, allow_nan=False, indent=1, sort_keys=True) + "\n"


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The way to every part of a JSON value."""
    if not isinstance(value, dict | list):
        return [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(way for name, each in parts for way in places(each, (*path, name)))]


def without(document: dict, leave_out: Callable[[dict], bool]) -> str:
    rows = [row for row in document["rows"] if not leave_out(row)]
    return spelled(document | {"rows": rows})


@pytest.fixture
def retold(told: Told, proof_of, settings: Settings) -> Callable[..., str]:
    """The proof of a log of its own whose rows, and whose content, were written otherwise."""

    def tell(which: int, lie: Callable, plan: dict | None = None) -> str:
        def changed(table: str, cells: dict) -> dict | None:
            if table == "proposals" and plan is not None:
                content = json.loads(cells["content"])
                content["plan"] |= plan
                cells["content"] = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            hashes[table] = sha256((cells.get("content") or "").encode()).hexdigest()
            if cells.get("content_hash"):
                cells["content_hash"] = hashes["proposals"]
            return lie(table, cells)

        hashes: dict[str, str] = {}
        lied(settings, proof_of(told[which]), changed)
        return prove(settings, open_store(settings.url), told[which])[0]

    return tell


def final(**cells: object) -> Callable[[str, dict], dict]:
    """The last verdict with other cells."""

    def lie(table: str, given: dict) -> dict:
        return given | cells if table == "verdicts" and given["final"] else given

    return lie


def test_whatever_is_in_the_file_there_is_an_answer(told: Told, proof_of) -> None:
    """Any part of it replaced by any kind of JSON: never proven, and never an error of Python."""
    document, key = json.loads(proof_of(told[1])), key_of(told[0])
    ways = places(document)

    @tuned(max_examples=250)
    @given(strategies.sampled_from(ways[1:]), strategies.sampled_from(ODD))
    def spoil(way: tuple, odd: object) -> None:
        spoilt = copy.deepcopy(document)
        inner = spoilt
        for name in way[:-1]:
            inner = inner[name]
        if json.dumps(inner[way[-1]]) == json.dumps(odd) or way == ("policy",):
            return
        inner[way[-1]] = odd
        with pytest.raises(NotProven):
            check(spelled(spoilt), key)

    spoil()
    for odd in ODD:
        for name in ("evidence", "proposal", "rows", "checkpoint", "format"):
            with pytest.raises(NotProven):
                check(spelled(document | {name: odd}), key)


def test_a_level_of_nothing_is_no_error_of_python(retold) -> None:
    """Only the log's own key can sign it; it is refused all the same."""
    with pytest.raises(BadInput, match="division by zero"):
        retold(1, lambda table, cells: cells, {"level": 0.0})


def test_consent_cannot_be_left_out_together_with_the_deed(told: Told, proof_of) -> None:
    """That it was approved is enough to ask who agreed."""
    document = json.loads(proof_of(told[1]))

    def silent(row: dict) -> bool:
        cells = row["cells"]
        return cells.get("answer") == "approve" or cells.get("purpose") == "apply"

    with pytest.raises(NotProven, match="nobody had agreed"):
        check(without(document, silent), key_of(told[0]))


def test_a_deed_cannot_be_left_out(told: Told, proof_of) -> None:
    """Neither what was applied nor what was undone; nor the row that says it was begun."""
    key = key_of(told[0])
    document = json.loads(proof_of(told[2]))
    with pytest.raises(NotProven, match="it is called applied, and no deed in it says so"):
        check(without(document, lambda row: row["cells"].get("purpose") == "apply"), key)
    with pytest.raises(NotProven, match="it is called rolled_back, and no deed in it says so"):
        check(without(document, lambda row: row["cells"].get("purpose") == "undo"), key)
    with pytest.raises(NotProven, match="a row before entry"):
        check(without(document, lambda row: row["cells"].get("status") == "started"), key)


def test_no_block_and_no_look_can_be_left_out(told: Told, proof_of) -> None:
    """Of a measurement that has ended: each of them, one at a time."""
    document, key = json.loads(proof_of(told[1])), key_of(told[0])
    ids = [
        row["cells"]["id"]
        for row in document["rows"]
        if row["table"] == "verdicts" or row["cells"].get("purpose") == "block"
    ]
    assert len(ids) == 7 + 2 * 14
    for one in ids:
        with pytest.raises(NotProven, match=r"missing|nothing was measured"):
            check(without(document, lambda row, one=one: row["cells"]["id"] == one), key)


def test_an_erased_row_of_another_change_hides_nothing(told: Told) -> None:
    """Its key is covered by no digest; so the erasure says whose row it was."""
    settings, kept, undone = told
    store = open_store(settings.url)
    with store.writing(NOW) as writer:
        assert erase(writer, "decisions", f"{undone}:answer-1", WHY, erasure="e-1") == 1
    sign(settings, store, datetime.now(UTC))
    mine = json.loads(prove(settings, store, kept)[0])
    other = json.loads(prove(settings, store, undone)[0])
    gone = [row for row in other["rows"] if row["salt"] is None or row["table"] == "erasures"]
    assert len(gone) == 2
    rows = [row for row in mine["rows"] if row["cells"].get("answer") != "approve"]
    for name in (f"{undone}:answer-1", f"{kept}:answer-1"):
        gone[0]["cells"]["decision_id"] = name
        rows_now = sorted([*rows, *gone], key=lambda row: row["index"])
        with pytest.raises(NotProven, match=r"of another proposal|not the row that was erased"):
            check(spelled(mine | {"rows": rows_now}), key_of(settings))


def test_an_erased_row_is_found_whatever_its_key(told: Told) -> None:
    """What the policy answered has a key that says nothing of the proposal."""
    settings, kept, _ = told
    store = open_store(settings.url)
    rows = json.loads(prove(settings, store, kept)[0])["rows"]
    asked = next(row["cells"] for row in rows if row["cells"].get("answer") == "ask")
    assert not asked["decision_id"].startswith(kept)
    with store.writing(NOW) as writer:
        erase(writer, "decisions", asked["decision_id"], WHY, erasure="e-1")
    sign(settings, store, datetime.now(UTC))
    (erased,) = prove(settings, store, kept)[1].erased
    assert "of decisions" in erased


def test_what_somebody_wrote_cannot_tell_the_story(retold, settings: Settings, capsys) -> None:
    """Neither lines of its own, nor colours, nor text that runs the other way."""
    words = (
        "x.\n\nProven: all\x1b[2J is \u202ewell\u2066 [black on black]and[/] [/none] \ud83d\ude00"
    )
    words = words.encode("utf-16", "surrogatepass").decode("utf-16")

    def lie(table: str, cells: dict) -> dict:
        return cells | {"reason": words} if cells.get("answer") == "approve" else cells

    text = retold(1, lie)
    story = check(text, key_of(settings)).story
    (line,) = [line for line in story if "Proven: all" in line]
    assert r"x.\n\nProven: all\x1b[2J is \u202ewell\u2066 [black on black]and[/] [/none] 😀" in line
    assert all(character.isprintable() for line in story for character in line)
    file = settings.data_dir / "a.proof"
    file.write_text(text)
    assert main_with("verify", str(file), "--key", key_of(settings)) == 0
    assert "[black on black]and[/] [/none]" in capsys.readouterr().out


def test_why_it_is_refused_is_told_in_one_line(told: Told, proof_of) -> None:
    """The file's words are in the reason too."""
    document = json.loads(proof_of(told[1]))
    document["checkpoint"] = document["checkpoint"].replace("— grace", "— \x1b[2J\u202egrace")
    with pytest.raises(NotProven, match=r"another log or key: .x1b.2J.u202egrace") as refusal:
        check(spelled(document), key_of(told[0]))
    assert str(refusal.value).isprintable()


def test_that_a_guardrail_ended_it_is_proven_and_told(retold, settings: Settings) -> None:
    """Whatever the pairs said by then; no guardrail makes an improvement."""
    stop = json.dumps({"differences": [], "blocks": [], "stop": "10 runs in a row failed"})
    ended = {"evidence": stop, "e_value": 1.0, "effect": None, "pairs": 0}
    proven = check(retold(2, final(**ended)), key_of(settings))
    assert proven.verdict == "regressed"
    assert "It ended early: 10 runs in a row failed." in proven.story


def test_no_guardrail_ends_in_an_improvement(retold) -> None:
    stop = json.dumps({"differences": [], "blocks": [], "stop": "10 runs in a row failed"})
    with pytest.raises(BadInput, match="its pairs do not say improved"):
        retold(1, final(evidence=stop, e_value=1.0))


def other_design(design: str, **cells: object) -> Callable[[str, dict], dict]:
    def lie(table: str, given: dict) -> dict:
        if table != "verdicts":
            return given
        given |= {"design": design, "e_value": None, "evidence": "{}"}
        return given | cells if given["final"] else given

    return lie


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ("before_after", "weak evidence: mean excess wait changed by -2 (95 % interval over both"),
        ("arms", "measured by arms: mean excess wait changed by -2 (95 % confidence sequence"),
    ],
)
def test_every_design_is_proven_and_told(retold, settings: Settings, design, said) -> None:
    """Before and after by days is said to be weak."""
    lie = other_design(design, effect=-2.0, interval_low=-3.0, interval_high=-1.0)
    story = check(retold(1, lie, {"design": design}), key_of(settings)).story
    assert said in "\n".join(story)


@pytest.mark.parametrize("design", ["before_after", "arms"])
def test_a_verdict_that_its_interval_denies_is_refused(retold, design: str) -> None:
    lie = other_design(design, effect=-2.0, interval_low=-3.0, interval_high=1.0)
    with pytest.raises(BadInput, match="its interval does not say improved"):
        retold(1, lie, {"design": design})


def test_a_target_moved_by_others_behind_the_verdict_is_proven(retold, settings) -> None:
    """It was measured, and is called insufficient: the smaller word of the two."""

    def lie(table: str, cells: dict) -> dict:
        moved = table == "proposals" and cells["state"] == "kept"
        return cells | {"verdict": "insufficient_data"} if moved else cells

    assert check(retold(1, lie), key_of(settings)).verdict == "insufficient_data"


def test_an_infinite_interval_is_told(retold, settings: Settings) -> None:
    lie = final(interval_low=-9.0, interval_high=float("inf"))
    story = "\n".join(check(retold(1, lie), key_of(settings)).story)
    assert "The verdict: improved" in story
    assert "confidence sequence" not in story


def test_true_is_not_one(retold) -> None:
    """To Python they are equal."""

    def lie(table: str, cells: dict) -> dict:
        if table == "actions" and cells["purpose"] == "apply":
            cells["change"] = json.dumps(json.loads(cells["change"]) | {"after": True})
        return cells

    with pytest.raises(BadInput, match="what was applied is not what was proposed"):
        retold(2, lie)


def test_the_end_that_is_left_out_is_not_claimed(told: Told, proof_of) -> None:
    """No file can show that the log says no more: it says up to where it goes."""
    settings, _, undone = told
    document = json.loads(proof_of(undone))
    begun = next(r["index"] for r in document["rows"] if r["cells"].get("question") == "undo")
    proven = check(without(document, lambda row: row["index"] >= begun), key_of(settings))
    last = max(row["index"] for row in document["rows"] if row["index"] < begun)
    assert (proven.state, proven.last) == ("measuring", last)
    assert f"the log says more of it behind entry {last}," in told_of(proven)


def test_a_key_of_another_kind_is_no_key(told: Told, proof_of, tmp_path: Path, capsys) -> None:
    """Binary, or text of another use: the file is not called a forgery for it."""
    with pytest.raises(NotProven, match="the key is no public key of a log"):
        check(proof_of(told[1]), "ssh-ed25519 AAAA")
    (tmp_path / "a.proof").write_text(proof_of(told[1]))
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path / "a.proof"), "--key", str(tmp_path / "key")])
    assert end.value.code == 2


def test_a_row_whose_key_has_a_stroke_is_found(told: Told) -> None:
    """As erasing finds it: only the first one ends the table's name."""
    settings, kept, _ = told
    store = open_store(settings.url)
    with store.writing(NOW) as writer:
        row = {"decision_id": "a/b", "proposal_id": kept, "question": "drift", "answer": "seen"}
        (landed,) = writer.append("decisions", [row])
    assert index_of(store, "decisions/a/b") == landed.ledger_index
    with pytest.raises(BadInput, match="no row is"):
        index_of(store, "9" * 5000)


ENDS: dict[str, tuple[State, ...]] = {
    "rejected": ("rejected",),
    "expired": ("expired",),
    "superseded": ("approved", "superseded"),
    "failed": ("approved", "applying", "failed"),
    "rollback_failed": ("approved", "applying", "applied", "rolling_back", "rollback_failed"),
}


@pytest.mark.parametrize("end", ["awaiting_approval", *ENDS])
def test_every_end_of_a_proposal_is_proven(store: Store, settings: Settings, end: str) -> None:
    """By hand, without figures, answered for another content, times left out."""
    policy = load_policy(settings)
    hand = a_proposal(
        kind="by_hand", plan=Plan(design="unmeasured", subject="x", smallest_effect=0.5)
    )
    seen = hand.evidence.model_copy(update={"ledger_size": 0})
    entry = submit(store, hand.model_copy(update={"evidence": seen}), policy, NOON)
    with store.writing(NOON) as writer:
        about = {"proposal_id": entry.id, "question": "a person's answer"}
        writer.append("decisions", [about | {"answer": "refused", "content_hash": "other"}])
        writer.append("decisions", [about | {"answer": "invalid"}])
        for state in ENDS.get(end, ()):
            if state == "approved":
                agreed = about | {"answer": "approve", "content_hash": entry.content_hash}
                writer.append("decisions", [agreed])
            if state == "applying":
                _deed(writer, entry, "failed" if end == "failed" else "done")
            entry = move(writer, entry, state)
    sign(settings, store, NOON)
    assert prove(settings, store, entry.id)[1].state == end


def _deed(writer: Writer, entry: Entry, status: str) -> None:
    change = entry.proposal.change.model_dump(mode="json")
    for each in ("started", status):
        row = {"action_id": f"{entry.id}:apply", "proposal_id": entry.id, "purpose": "apply"}
        writer.append("actions", [row | {"change": change, "status": each}])

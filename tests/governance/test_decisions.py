"""The trail of decisions: each recorded once, with its spine line and its event."""

import hashlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from grace.governance.decisions import (
    Decision,
    agreed_hash,
    count_decisions,
    is_paused,
    record_decision,
    was_decided,
)
from grace.store.read import newest
from grace.store.schema import LOGS, outbox


def decide(store, now, *decisions: Decision) -> None:
    with store.writing(now) as writer:
        for decision in decisions:
            record_decision(writer, decision)


def answer(text: str = "approve", **fields) -> Decision:
    given = {"question": "a person's answer", "reason": "fine", "proposal_id": "p-1"} | fields
    return Decision(answer=text, **given)


def test_a_decision_is_kept_as_it_was_taken(store, now):
    """Every column that was given is there, and the time is the transaction's."""
    decide(
        store,
        now,
        answer(
            reviewer="ann",
            assurance="declared",
            policy_digest="d",
            content_hash="c",
            run_id="r",
            decision_id="d-1",
            detail={"given": {"answer": "approve"}},
        ),
    )
    (row,) = newest(store, "decisions").to_dict("records")
    assert {name: row[name] for name in ("decision_id", "proposal_id", "question", "answer")} == {
        "decision_id": "d-1",
        "proposal_id": "p-1",
        "question": "a person's answer",
        "answer": "approve",
    }
    assert (row["reviewer"], row["assurance"], row["reason"]) == ("ann", "declared", "fine")
    assert (row["policy_digest"], row["content_hash"], row["run_id"]) == ("d", "c", "r")
    assert json.loads(row["detail"]) == {"given": {"answer": "approve"}}
    assert row["decided_at"] == now


def test_a_decision_leaves_a_spine_line_and_an_event(store, now):
    """Decisions are analysed with all others, and told to whoever listens."""
    decide(store, now, answer("reject", reviewer="ann", reason="too much", decision_id="d-1"))
    (line,) = newest(store, "agentic_spine_logs").to_dict("records")
    assert (line["log_id"], line["decision_type"]) == ("decision/d-1", "a person's answer")
    assert (line["chosen_action"], line["rationale"]) == ("reject", "too much")
    assert (line["actor"], line["resource"], line["status"]) == ("grace", "p-1", "completed")
    (event,) = newest(store, "trigger_mesh_logs").to_dict("records")
    assert (event["event_type"], event["resource"]) == ("decision.recorded", "proposal/p-1")
    assert json.loads(event["payload"]) == {
        "decision_id": "d-1",
        "question": "a person's answer",
        "answer": "reject",
        "reviewer": "ann",
        "reason": "too much",
    }
    with store.reading() as connection:
        waiting = connection.execute(sa.select(outbox.c.ledger_index)).scalars().all()
    assert waiting == [event["ledger_index"]]


def test_a_decision_about_no_proposal_is_about_the_installation(store, now):
    decide(store, now, Decision(question="pause", answer="pause", reason="freeze", reviewer="ann"))
    (event,) = newest(store, "trigger_mesh_logs").to_dict("records")
    assert event["resource"] == "installation"


def test_the_same_decision_again_adds_nothing(store, now):
    """A run that is taken up again answers again under the same id: rows and ledger stay."""
    decide(store, now, answer(decision_id="d-1"))
    with store.writing(now) as writer:
        size = writer.size
    decide(store, now + timedelta(hours=1), answer("reject", decision_id="d-1"))
    with store.writing(now) as writer:
        assert writer.size == size == 3
    assert newest(store, "decisions")["answer"].tolist() == ["approve"]


def test_decisions_without_an_id_are_all_kept(store, now):
    """Two pauses are two decisions, each with an id of its own."""
    pause = Decision(question="pause", answer="pause", reason="freeze", reviewer="ann")
    decide(store, now, pause, pause)
    assert newest(store, "decisions")["decision_id"].nunique() == 2


def test_a_decision_and_its_traces_are_written_together_or_not_at_all(store, now):
    """When the transaction fails after a decision, nothing of it stays."""

    def fail_after_deciding() -> None:
        with store.writing(now) as writer:
            record_decision(writer, answer(decision_id="d-1"))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_after_deciding()
    assert not was_decided(store, "d-1")
    assert newest(store, "agentic_spine_logs").empty
    assert newest(store, "trigger_mesh_logs").empty


def test_what_was_decided_is_known_by_its_id(store, now):
    decide(store, now, answer(decision_id="d-1"))
    assert was_decided(store, "d-1")
    assert not was_decided(store, "d-2")


def test_the_database_refuses_to_change_a_decision(store, now):
    """Not through Grace, and not by SQL either."""
    decide(store, now, answer(decision_id="d-1"))
    edit = LOGS["decisions"].table.update().values(answer="reject")
    with (
        store.engine.connect() as connection,
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
    ):
        connection.execute(edit)


def test_pause_holds_until_resume(store, now):
    """The last word counts, and says by whom and why."""
    words = (("pause", "freeze"), ("resume", "over"), ("pause", "again"))
    seen = [is_paused(store)]
    for hour, (word, reason) in enumerate(words):
        decision = Decision(question="pause", answer=word, reason=reason, reviewer="ann")
        decide(store, now + timedelta(hours=hour), decision)
        seen.append(is_paused(store))
    assert seen == [None, "paused by ann: freeze", None, "paused by ann: again"]


def test_an_answer_to_a_proposal_pauses_nothing(store, now):
    """Only a decision on the question *pause* does, whatever its answer is called."""
    decide(store, now, answer("pause"))
    assert is_paused(store) is None


def test_what_was_agreed_is_the_hash_that_was_approved_or_permitted(store, now):
    """Neither a rejection nor an undo agrees to anything, and another's approval is not ours."""
    digest = hashlib.sha256(b"content").hexdigest()
    decide(
        store,
        now,
        answer("reject", content_hash="rejected"),
        answer("approve", content_hash="other", proposal_id="p-2"),
        answer("approve", content_hash="undone", question="undo"),
    )
    assert agreed_hash(store, "p-1") is None
    decide(store, now, answer("permit", content_hash=digest, question="may it be done"))
    assert agreed_hash(store, "p-1") == digest


def test_equal_answers_are_counted(store, now):
    decide(store, now, answer("invalid"), answer("invalid"), answer("invalid", reason="other"))
    assert count_decisions(store, "p-1", answer="invalid", reason="fine") == 2
    assert count_decisions(store, "p-2", answer="invalid", reason="fine") == 0

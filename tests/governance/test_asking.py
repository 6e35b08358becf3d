"""From a proposal to a person's answer, in a real database."""

import json
from datetime import timedelta

import pytest

from grace.errors import BadInput
from grace.governance.asking import NO_ANSWER, submit, take_answer
from grace.governance.consent import Answer
from grace.governance.register import find
from grace.store.read import newest
from tests.ruling import a_policy, a_rule


@pytest.fixture
def ask(store, policy, now):
    """Take an answer; returns what follows from it."""

    def asked(entry, reviewer="ann", answer="approve", **differs):
        given = answer and Answer(answer=answer, reviewer=reviewer, reason="because")
        how = {"asked_hash": entry.content_hash, "decision_id": "answer-1", "now": now} | differs
        return take_answer(store, policy, entry, given or None, run_id="run-1", **how)

    return asked


@pytest.fixture
def waiting(store, policy, now, propose):
    return submit(store, propose(), policy, now)


def last_decision(store):
    return newest(store, "decisions").to_dict("records")[-1]


@pytest.mark.parametrize(
    ("answer", "state"),
    [("forbid", "forbidden"), ("ask", "awaiting_approval"), ("permit", "approved")],
)
def test_a_proposal_goes_where_the_policy_sends_it(store, now, propose, answer, state):
    """The ruling is recorded with the digest of the policy and the hash of what was judged."""
    rules = [] if answer == "ask" else [a_rule(answer, reason="the rule's words")]
    policy = a_policy(*rules, digest="d" * 64)
    entry = submit(store, propose(), policy, now)
    assert find(store, "p-1").state == entry.state == state
    decision = last_decision(store)
    assert (decision["question"], decision["answer"]) == ("may it be done", answer)
    assert decision["policy_digest"] == "d" * 64
    assert decision["content_hash"] == entry.content_hash
    assert decision["reason"] == entry.reason
    places = [] if answer == "ask" else ["policy.cedar, line 1"]
    assert json.loads(decision["detail"]) == {"rules": places}


def test_what_is_open_already_leaves_no_second_decision(store, policy, now, propose, waiting):
    """A refused duplicate takes its ruling with it: nothing of the transaction stays."""
    with pytest.raises(BadInput, match="open already"):
        submit(store, propose("p-2"), policy, now)
    assert len(newest(store, "decisions")) == 1


@pytest.mark.parametrize(("answer", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_an_answer_moves_the_proposal_and_is_recorded(store, ask, waiting, answer, state):
    assert ask(waiting, answer=answer) == state
    assert find(store, "p-1").state == state
    decision = last_decision(store)
    assert (decision["reviewer"], decision["answer"], decision["reason"]) == (
        "ann",
        answer,
        "because",
    )
    assert (decision["assurance"], decision["run_id"]) == ("declared", "run-1")
    assert decision["content_hash"] == waiting.content_hash


def test_the_engines_own_proposal_makes_the_rule_vacuous_and_says_so(store, ask, waiting):
    ask(waiting)
    assert json.loads(last_decision(store)["detail"])["own proposal"].startswith("vacuous")


@pytest.mark.parametrize(
    ("reviewer", "answer", "reason"),
    [
        ("eve", "approve", "not on the list"),
        ("grace", "approve", "only a person"),
        ("bob", "approve", "proposed this by hand"),
        ("ann", None, NO_ANSWER),
    ],
)
def test_what_is_no_consent_leaves_the_proposal_waiting(
    store, ask, policy, now, propose, reviewer, answer, reason
):
    """An unlisted name, the engine's, none at all, one's own: recorded as invalid, asked again."""
    proposal = propose(kind="by_hand", proposed_by="bob")
    assert ask(submit(store, proposal, policy, now), reviewer, answer) == "ask again"
    assert find(store, "p-1").state == "awaiting_approval"
    decision = last_decision(store)
    assert decision["answer"] == "invalid"
    assert reason in decision["reason"]


def test_after_an_invalid_answer_a_valid_one_counts(store, ask, waiting):
    assert ask(waiting, "eve") == "ask again"
    assert ask(waiting, "ann", decision_id="answer-2") == "approved"


def test_an_answer_too_late_expires_the_proposal(store, ask, waiting, now):
    late = now + timedelta(hours=72, microseconds=1)
    assert ask(waiting, now=late) == "closed"
    assert find(store, "p-1").state == "expired"
    assert last_decision(store)["answer"] == "refused"


def test_an_answer_to_another_content_supersedes_the_proposal(store, ask, waiting):
    """What was shown is not what stands there: nobody was asked, and nobody will be."""
    assert ask(waiting, asked_hash="0" * 64) == "closed"
    assert find(store, "p-1").state == "superseded"


def test_a_second_answer_changes_nothing(store, ask, waiting):
    """Whoever answers what is rejected already is recorded and refused."""
    ask(waiting, answer="reject")
    assert ask(find(store, "p-1"), "bob", decision_id="answer-2") == "closed"
    assert find(store, "p-1").state == "rejected"
    assert last_decision(store)["answer"] == "refused"


def test_a_run_that_is_taken_up_again_meets_its_old_answer(store, ask, waiting):
    """The same decision id again is neither recorded nor carried out a second time."""
    assert ask(waiting, answer="reject") == "rejected"
    assert ask(waiting, answer="approve") == "rejected"
    assert newest(store, "decisions")["answer"].tolist() == ["ask", "reject"]

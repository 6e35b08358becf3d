"""Answers with a proof: recorded as what was proven, or as invalid with the reason."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from grace.governance.asking import submit, take_answer
from grace.governance.consent import Answer
from grace.governance.governing import Needed
from grace.governance.register import attach_run, find
from grace.governance.reviewing import change_reviewers
from grace.identity.statement import asking_id
from grace.store.read import newest
from tests.identity.people import ANN, BOB, ORIGIN, SERVER, known_people, statement
from tests.ruling import a_policy

REASON = "the service can take it"


@pytest.fixture
def known(settings, store, now):
    """Ann and bob with their keys, as the ledger recorded them."""
    people = known_people()
    change_reviewers(settings, store, "adopt", lambda _: people.roster, by="root", now=now)
    return people


@pytest.fixture
def signing():
    """A policy under which every answer must be signed."""
    return a_policy(assurance=Needed(low="signature", medium="signature", high="signature"))


@pytest.fixture
def waiting(store, signing, now, propose):
    return submit(store, propose(), signing, now)


@pytest.fixture
def answer(store, signing, now, known):
    """Give an answer to an entry; what it came to, and what was recorded."""

    def given(entry, proof, *, policy=signing, number=1, run="run-1", known=known, now=now, **how):
        said = {"answer": "approve", "reviewer": "ann", "reason": REASON} | how
        outcome = take_answer(
            store,
            policy,
            find(store, entry.id),
            Answer(**said, proof=proof),
            asked_hash=entry.content_hash,
            decision_id=asking_id(entry.id, run, f"answer-{number}"),
            now=now,
            run_id=run,
            known=known,
        )
        return outcome, newest(store, "decisions").to_dict("records")[-1]

    return given


def signed(entry, key=ANN, number=1, run="run-1", **differing):
    asked = {"proposal": entry.id, "content": entry.content_hash, "reason": REASON}
    asked["asking"] = asking_id(entry.id, run, f"answer-{number}")
    return statement(**asked | differing).signed(key)


def test_a_signed_answer_is_recorded_whole(waiting, answer):
    """With the statement and the key, so that anyone can check it again."""
    proof = signed(waiting)
    outcome, row = answer(waiting, proof)
    assert (outcome, row["answer"], row["assurance"]) == ("approved", "approve", "signature")
    detail = json.loads(row["detail"])
    assert (detail["proof"], detail["key"]) == (proof, str(ANN.verifier))


def test_a_rejection_can_be_signed_too(waiting, answer):
    outcome, row = answer(waiting, signed(waiting, answer="reject"), answer="reject")
    assert (outcome, row["assurance"]) == ("rejected", "signature")


@pytest.mark.parametrize(
    ("needed", "given", "enough"),
    [
        ("declared", "declared", True),
        ("declared", "signed in", True),
        ("declared", "signature", True),
        ("signed in", "declared", False),
        ("signed in", "signed in", True),
        ("signed in", "signature", True),
        ("signature", "declared", False),
        ("signature", "signed in", False),
        ("signature", "signature", True),
    ],
)
def test_the_policy_says_what_a_tier_needs(waiting, answer, needed, given, enough):
    """What is less is recorded as invalid, with how it is done, and asked again."""
    tiers = {"low": needed, "medium": "signature", "high": "signature"}
    policy = a_policy(assurance=Needed(**tiers))
    key = {"declared": None, "signed in": SERVER, "signature": ANN}[given]
    proof = key and signed(waiting, key, assurance=given)
    outcome, row = answer(waiting, proof, policy=policy)
    if enough:
        assert (outcome, row["assurance"]) == ("approved", given)
    else:
        assert (outcome, row["answer"]) == ("ask again", "invalid")
        assert row["reason"].startswith("a change of low risk needs an answer that is sign")
        assert row["reason"].endswith(f"this one is {given}")


def refused(outcome_and_row) -> str:
    outcome, row = outcome_and_row
    assert (outcome, row["answer"], row["assurance"]) == ("ask again", "invalid", "declared")
    return row["reason"]


def test_a_signature_counts_for_one_time_of_asking(waiting, answer):
    """Not for the next question of the same run, nor for that of another run."""
    proof = signed(waiting)
    assert "its asking is" in refused(answer(waiting, proof, number=2))
    assert "its asking is" in refused(answer(waiting, proof, run="run-2"))


def test_the_same_answer_taken_up_again_changes_nothing(waiting, answer, store):
    proof = signed(waiting)
    answer(waiting, proof)
    assert answer(waiting, proof)[0] == "approved"
    assert newest(store, "decisions")["answer"].tolist().count("approve") == 1


def test_a_signature_counts_for_one_proposal(waiting, answer, store, signing, now, propose):
    other = submit(store, propose("p-2", target="tag:other"), signing, now)
    assert "its proposal is 'p-1'" in refused(answer(other, signed(waiting)))


def test_a_signature_counts_in_one_log(waiting, answer, known):
    """The same proposal in a copy of the log under another key is another one."""
    there = replace(known, origin="grace/main/ffffffffffffffff")
    assert f"its log is {ORIGIN!r}" in refused(answer(waiting, signed(waiting), known=there))


def test_in_a_log_that_was_never_signed_nothing_can_be_proven(waiting, answer, known):
    nowhere = replace(known, origin=None)
    proof = signed(waiting, log="")
    assert "never signed" in refused(answer(waiting, proof, known=nowhere))


def test_a_foreign_signature_is_no_answer_even_where_none_is_needed(waiting, answer):
    """A proof that does not hold is worse than none."""
    anything = a_policy()
    assert "not signed by a key of ann" in refused(
        answer(waiting, signed(waiting, BOB), policy=anything)
    )
    assert "cannot be read" in refused(answer(waiting, "", policy=anything, number=2))


def test_who_was_removed_after_signing_is_no_reviewer(settings, store, waiting, answer, known, now):
    """The signature is good, and hers; she may no longer answer."""
    proof = signed(waiting)
    gone = change_reviewers(
        settings, store, "remove", lambda there: there.without("ann"), name="ann", by="bob", now=now
    )
    without = a_policy(reviewers=gone.names)
    reason = refused(answer(waiting, proof, policy=without, known=replace(known, roster=gone)))
    assert reason == "'ann' is not on the list of reviewers (bob)"


def test_a_list_that_somebody_edited_lets_nobody_in(waiting, answer, known):
    """Mallory put a key of his own beside ann's name."""
    edited = replace(known, roster=known.roster.without_key("ann", ANN.verifier.key_id))
    reason = refused(answer(waiting, signed(waiting), known=edited))
    assert "not the one that the ledger recorded last" in reason
    assert "not the one" in refused(
        answer(waiting, None, policy=a_policy(), known=replace(known, roster=None), number=2)
    )


def test_the_run_of_another_proposal_cannot_answer(store, waiting, answer, now):
    """Its parameters were changed; what was read there was another page."""
    with store.writing(now) as writer:
        attach_run(writer, waiting, "run-1")
    proof = signed(waiting, run="run-2")
    reason = refused(answer(waiting, proof, run="run-2"))
    assert reason == "run run-2 does not ask about this proposal: run-1 does"
    assert answer(waiting, signed(waiting))[0] == "approved"


def test_a_clock_that_was_put_back_brings_no_deadline_back(store, waiting, answer, now):
    """The log was written to after the deadline: then it is after it."""
    with store.writing(now + timedelta(hours=73)) as writer:
        writer.append("healing_attempts", [{"attempt_id": "late", "error_type": "E"}])
    assert "after the deadline: set the clock right" in refused(answer(waiting, signed(waiting)))


def test_a_log_written_to_before_the_deadline_says_nothing(store, waiting, answer, now):
    with store.writing(now + timedelta(hours=71)) as writer:
        writer.append("healing_attempts", [{"attempt_id": "early", "error_type": "E"}])
    assert answer(waiting, signed(waiting))[0] == "approved"


def test_a_policy_edited_after_the_proposal_makes_no_answer_easier(
    store, signing, now, propose, answer
):
    """What was proposed under a policy that wants signatures is not approved without one."""
    waiting = submit(store, propose(assurance_needed="signature"), signing, now)
    easier = a_policy(digest="e" * 64)
    outcome, row = answer(waiting, None, policy=easier)
    assert (outcome, row["answer"], row["policy_digest"]) == ("ask again", "invalid", "e" * 64)
    assert row["reason"].endswith("this one is declared")
    outcome, row = answer(waiting, signed(waiting, number=2), policy=easier, number=2)
    assert (outcome, row["assurance"]) == ("approved", "signature")

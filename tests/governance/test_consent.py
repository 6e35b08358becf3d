"""What counts as consent, and everything that does not."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from pydantic import ValidationError

from grace.errors import NotAllowed
from grace.governance.consent import (
    Answer,
    check_can_answer,
    check_is_asked,
    check_is_reviewer,
)
from grace.governance.policy import Policy
from grace.governance.proposal import content_hash, content_text
from grace.governance.register import Entry
from grace.states import STATES


@pytest.fixture
def waiting(propose, now):
    """An entry that waits for an answer; the arguments are those of the proposal."""

    def entry(**differs) -> Entry:
        proposal = propose(**differs)
        return Entry(proposal, content_hash(content_text(proposal)), "awaiting_approval", now)

    return entry


def approve(reviewer: str = "ann", **differs) -> Answer:
    return Answer(**{"answer": "approve", "reviewer": reviewer, "reason": "fine"} | differs)


def test_a_listed_reviewer_may_answer_what_was_shown(waiting, policy, now):
    """The one case that is consent raises nothing."""
    entry = waiting()
    check_can_answer(approve(), entry, policy)
    check_is_asked(entry, entry.content_hash, now)


@pytest.mark.parametrize("missing", ["answer", "reviewer", "reason"])
def test_nothing_has_a_default(missing):
    """A form that was sent off without being filled in is no answer."""
    given = {"answer": "approve", "reviewer": "ann", "reason": "fine"}
    del given[missing]
    with pytest.raises(ValidationError, match=missing):
        Answer(**given)


@pytest.mark.parametrize(
    "wrong",
    [{"answer": text} for text in ("yes", "", "APPROVE", "approved", True, None)]
    + [{"reviewer": text} for text in ("", " ", "\t\n", None)]
    + [{"reason": text} for text in ("", "   ", None)]
    + [{"comment": "one field too many"}],
)
def test_an_answer_in_other_words_is_none(wrong):
    """Blank reviewers, blank reasons, other words for approve, and fields nobody asked for."""
    with pytest.raises(ValidationError):
        approve(**wrong)


def test_space_around_a_name_is_not_part_of_it(waiting, policy):
    answer = approve("  ann \n")
    assert answer.reviewer == "ann"
    check_can_answer(answer, waiting(), policy)


@pytest.mark.parametrize("reviewer", ["eve", "Ann", "an", "ann,bob", "ann, bob", "*"])
def test_who_is_not_on_the_list_cannot_answer(waiting, policy, reviewer):
    """The name must be one of the list exactly; the message says who is on it."""
    with pytest.raises(NotAllowed, match=r"is not on the list of reviewers \(ann, bob\)"):
        check_can_answer(approve(reviewer), waiting(), policy)


@pytest.mark.parametrize("name", ["grace", "Grace", "GRACE"])
def test_the_engine_cannot_consent_even_if_it_is_listed(waiting, name):
    careless = Policy(reviewers=("ann", name))
    with pytest.raises(NotAllowed, match="only a person"):
        check_can_answer(approve(name), waiting(), careless)
    with pytest.raises(NotAllowed, match="only a person"):
        check_is_reviewer(name, careless)


@pytest.mark.parametrize("proposer", ["ann", "Ann", " ann "])
def test_nobody_answers_their_own_proposal(waiting, policy, proposer):
    """However they wrote their name when they proposed; another reviewer may answer it."""
    entry = waiting(proposed_by=proposer, kind="by_hand")
    with pytest.raises(NotAllowed, match="somebody else must answer"):
        check_can_answer(approve("ann"), entry, policy)
    check_can_answer(approve("bob"), entry, policy)


def test_nobody_rejects_their_own_proposal_either(waiting, policy):
    """An answer is an answer."""
    entry = waiting(proposed_by="ann", kind="by_hand")
    with pytest.raises(NotAllowed, match="somebody else must answer"):
        check_can_answer(approve("ann", answer="reject"), entry, policy)


def test_an_answer_to_another_content_is_none(waiting, now):
    """What was shown had another hash: nobody was asked about this."""
    with pytest.raises(NotAllowed, match="another hash"):
        check_is_asked(waiting(), "0" * 64, now)


@pytest.mark.parametrize("state", sorted(set(STATES) - {"awaiting_approval"}))
def test_only_what_waits_can_be_answered(waiting, now, state):
    entry = replace(waiting(), state=state)
    with pytest.raises(NotAllowed, match=f"is {state}, no longer waiting"):
        check_is_asked(entry, entry.content_hash, now)


def test_an_answer_after_the_deadline_is_none(waiting):
    """At the deadline it still counts, a microsecond later it does not."""
    entry = waiting()
    deadline = entry.proposal.deadline
    check_is_asked(entry, entry.content_hash, deadline)
    with pytest.raises(NotAllowed, match="deadline 2026-03-04 12:00:00 UTC"):
        check_is_asked(entry, entry.content_hash, deadline + timedelta(microseconds=1))


def test_the_deadline_is_told_in_utc(waiting, now):
    """Whatever zone the proposal was made in."""
    entry = waiting(created_at=now.astimezone(timezone(timedelta(hours=-7))))
    with pytest.raises(NotAllowed, match="deadline 2026-03-04 12:00:00 UTC"):
        check_is_asked(entry, entry.content_hash, now + timedelta(days=30))

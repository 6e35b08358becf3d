"""The immutable content of a proposal and its hash."""

import hashlib
import json
import math
from datetime import timedelta, timezone

import pytest
from pydantic import ValidationError

from grace.governance.proposal import Proposal, content_hash, content_text


def test_the_hash_is_that_of_the_text(propose):
    """SHA-256 of the UTF-8 bytes, so that anybody can compute it again."""
    text = content_text(propose())
    assert content_hash(text) == hashlib.sha256(text.encode()).hexdigest()


def test_the_text_is_compact_json_with_sorted_keys(propose):
    """One text for one content, whatever the order in which it was put together."""
    text = content_text(propose())
    assert text == json.dumps(
        json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )


def test_what_was_read_back_has_the_same_hash(propose):
    """Reading and writing again changes nothing, umlauts and all."""
    proposal = propose(target="tag:größe")
    again = Proposal.model_validate_json(content_text(proposal))
    assert again == proposal
    assert content_text(again) == content_text(proposal)


@pytest.mark.parametrize(
    "edit",
    [
        {"after": 9},
        {"target": "tag:other"},
        {"metric": "mean execution time"},
        {"proposed_by": "ann"},
        {"proposal_id": "p-2"},
        {"kind": "by_hand"},
    ],
)
def test_any_edit_is_another_hash(propose, edit):
    """An edited proposal is one that nobody was asked about."""
    assert content_hash(content_text(propose(**edit))) != content_hash(content_text(propose()))


def test_a_proposal_cannot_be_edited(propose):
    with pytest.raises(ValidationError, match="frozen"):
        propose().title = "another"


def test_an_open_interval_is_valid_json_and_comes_back_open(propose):
    """A wait has no upper limit; JSON has no infinity, so the text says null."""
    proposal = propose()
    text = content_text(proposal)
    assert json.loads(text, parse_constant=pytest.fail)["evidence"]["interval"] == [3.1, None]
    assert Proposal.model_validate_json(text).evidence.interval == (3.1, math.inf)


def test_the_engine_is_told_from_a_person_with_its_name(propose):
    """A proposal by hand is a person's, even if that person calls itself grace."""
    assert propose().by_engine
    assert not propose(proposed_by="ann", kind="by_hand").by_engine
    assert not propose(proposed_by="grace", kind="by_hand").by_engine


def test_an_opportunity_is_named_by_its_metric_and_a_wish_by_its_values(propose):
    """The engine raises one metric of a target once; by hand each step is its own matter."""
    assert propose(after=8).fingerprint == propose(after=9).fingerprint == "mean excess wait"
    assert propose(kind="by_hand", after=8).fingerprint == "2 -> 8"
    long, other = (propose(kind="by_hand", after=[each] * 2000).fingerprint for each in (1, 2))
    assert long != other
    assert len(long) == len(other) == 64  # an index of PostgreSQL holds no long text


def test_a_proposal_is_overdue_after_its_deadline_and_not_at_it(propose, now):
    """In any zone."""
    deadline = propose().deadline
    tokyo = timezone(timedelta(hours=9))
    assert not propose().is_overdue(deadline)
    assert not propose().is_overdue(deadline.astimezone(tokyo))
    assert propose().is_overdue(deadline + timedelta(microseconds=1))


def test_times_without_a_zone_are_refused(propose, now):
    with pytest.raises(ValidationError, match="timezone"):
        propose(created_at=now.replace(tzinfo=None))

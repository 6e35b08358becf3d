"""Who may answer is changed in one place, and every change stands in the ledger."""

import os
from datetime import timedelta

import pytest

from grace.errors import BadInput, NotAllowed
from grace.governance.policy import load_policy
from grace.governance.reviewing import change_reviewers, check_as_recorded
from grace.identity.passwords import hash_password
from grace.identity.roster import Roster, read_roster, write_roster
from grace.store.read import newest
from tests.identity.people import ANN
from tests.proposing import NOON


@pytest.fixture
def change(settings, store):
    """Make one change of the list, as the machine's user."""

    def changed(what, edit, name=None):
        return change_reviewers(settings, store, what, edit, name=name, by="root", now=NOON)

    return changed


@pytest.fixture
def added(change):
    return lambda name: change("add", lambda roster: roster.with_new(name), name)


def test_without_a_list_the_operator_may_answer(settings):
    assert load_policy(settings).reviewers == ("operator",)


def test_the_first_reviewer_ends_the_operator(settings, added):
    """Who is nobody in particular, and would be a way around every password."""
    added("ann")
    assert load_policy(settings).reviewers == ("ann",)
    added("bob")
    assert load_policy(settings).reviewers == ("ann", "bob")


def test_who_is_removed_may_answer_no_longer(settings, added, change):
    """When the last one goes, nobody may; the operator does not come back."""
    added("ann")
    change("remove", lambda roster: roster.without("ann"), "ann")
    assert load_policy(settings).reviewers == ()


def test_each_change_is_a_decision_without_a_secret(store, added, change):
    """Who changed what, whose it is, with which public keys; and no password, nor its hash."""
    added("ann")
    hashed = hash_password("correct horse battery", os.urandom)
    change("password", lambda roster: roster.with_password("ann", hashed), "ann")
    change("add key", lambda roster: roster.with_key("ann", ANN.verifier), "ann")
    rows = newest(store, "decisions").to_dict("records")
    assert [(row["question"], row["answer"], row["reviewer"]) for row in rows] == [
        ("reviewers", what, "root") for what in ("add", "password", "add key")
    ]
    assert '"password":true' in rows[-1]["detail"].replace(" ", "")
    assert str(ANN.verifier) in rows[-1]["detail"]
    everything = str(rows)
    assert not any(secret in everything for secret in (hashed.digest, hashed.salt, "horse"))


def test_a_list_in_governance_and_one_beside_it_cannot_both_be(settings, added, change):
    """Whichever comes second is refused, with what to do."""
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    governance = settings.log_dir / "governance.toml"
    governance.write_text('reviewers = ["zoe"]\n')
    with pytest.raises(BadInput, match="take this line away, and add each of them there"):
        added("ann")
    assert read_roster(settings) is None
    governance.unlink()
    added("ann")
    governance.write_text('reviewers = ["zoe"]\n')
    with pytest.raises(BadInput, match="take this line away, and add each of them there"):
        load_policy(settings)


def test_an_edited_list_is_not_the_recorded_one(settings, store, added, change):
    """Nor a deleted one; neither is built upon, until somebody answers for it."""
    roster = added("ann")
    check_as_recorded(store, roster)
    for other in (roster.with_new("mallory"), roster.with_key("ann", ANN.verifier), None):
        with pytest.raises(NotAllowed, match="not the one that the ledger recorded last"):
            check_as_recorded(store, other)
    write_roster(settings, roster.with_new("mallory"))
    with pytest.raises(NotAllowed, match="grace reviewers adopt"):
        added("bob")
    change("adopt", lambda there: there)
    added("bob")
    assert load_policy(settings).reviewers == ("ann", "mallory", "bob")


def test_a_list_that_is_gone_can_be_begun_anew(settings, added, change):
    added("ann")
    settings.reviewers_file.unlink()
    change("adopt", lambda there: there)
    assert load_policy(settings).reviewers == ()
    added("bob")
    assert load_policy(settings).reviewers == ("bob",)


def test_what_is_refused_changes_nothing(settings, store, added):
    added("ann")
    with pytest.raises(BadInput, match="'ann' is a reviewer already"):
        added("ANN")
    assert len(newest(store, "decisions")) == 1
    check_as_recorded(store, read_roster(settings))


def test_a_list_that_cannot_be_written_is_not_recorded(settings, store, added, monkeypatch):
    """Record and file are of one transaction."""
    added("ann")
    monkeypatch.setattr(
        "grace.governance.reviewing.write_roster",
        lambda settings, roster: (_ for _ in ()).throw(OSError("disk full")),
    )
    with pytest.raises(OSError, match="disk full"):
        added("bob")
    check_as_recorded(store, read_roster(settings))
    assert newest(store, "decisions", until=NOON + timedelta(1))["answer"].tolist() == ["add"]


def test_an_empty_list_is_one(settings):
    write_roster(settings, Roster())
    assert load_policy(settings).reviewers == ()

"""The list of reviewers: who is on it, how it is kept, and what it refuses."""

import os
import stat

import pytest

from grace.errors import BadInput, NotOurs
from grace.identity.passwords import hash_password
from grace.identity.roster import Roster, read_roster, write_roster
from grace.ledger.note import SigningKey
from tests.identity.people import ANN, BOB

PASSWORD = "correct horse battery"


def test_it_is_kept_for_its_owner_alone_and_holds_no_password(settings):
    roster = Roster().with_new("ann").with_password("ann", hash_password(PASSWORD, os.urandom))
    write_roster(settings, roster.with_key("ann", ANN.verifier))
    file = settings.reviewers_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    assert read_roster(settings) == roster.with_key("ann", ANN.verifier)


def test_where_there_is_none_nothing_is_said(settings):
    assert read_roster(settings) is None


def test_one_that_others_can_read_is_refused(settings):
    """Its hashes are what passwords are tried against."""
    write_roster(settings, Roster().with_new("ann"))
    settings.reviewers_file.chmod(0o640)
    with pytest.raises(BadInput, match="is open to others: chmod 600"):
        read_roster(settings)


@pytest.mark.parametrize("text", ["", "{}x", '{"reviewers": [{"name": "a", "keys": ["k"]}]}', "[]"])
def test_what_grace_did_not_write_is_refused_in_one_line(settings, text):
    write_roster(settings, Roster())
    settings.reviewers_file.write_text(text)
    with pytest.raises(NotOurs, match="is no list of reviewers of Grace: put it back"):
        read_roster(settings)


@pytest.mark.parametrize(
    "name",
    ["", " ", "ann smith", "a+b", "a:b", "sign-in/1", "grace", "GRACE", "a\n", "x" * 65, "-a"],
)
def test_what_could_be_taken_for_something_else_is_no_name(name):
    """Spaces, what ends a name in a sign-in or a key, machines, and the engine."""
    with pytest.raises(BadInput, match="cannot be a reviewer's name"):
        Roster().with_new(name)


@pytest.mark.parametrize("name", ["ann", "Ann.Smith", "jos\u00e9", "a@example.org", "x"])
def test_these_are_names(name):
    assert Roster().with_new(name).names == (name,)


def test_two_spellings_are_one_person():
    with pytest.raises(BadInput, match="'ann' is a reviewer already"):
        Roster().with_new("ann").with_new("ANN")


def test_who_was_removed_has_neither_password_nor_key():
    """Also where somebody of that name comes back."""
    roster = Roster().with_new("ann").with_key("ann", ANN.verifier)
    gone = roster.without("ann")
    assert (gone.names, list(gone.keys_of("ann")), gone.active("ann")) == ((), [], None)
    back = gone.with_new("ann")
    assert (back.names, list(back.keys_of("ann"))) == (("ann",), [])
    with pytest.raises(BadInput, match="'ann' is no reviewer"):
        gone.with_key("ann", ANN.verifier)


def test_a_key_belongs_to_one_person():
    """It bears the name, and stands with nobody else."""
    roster = Roster().with_new("ann").with_new("bob").with_key("ann", ANN.verifier)
    with pytest.raises(BadInput, match="the key is of 'bob', not of 'ann'"):
        roster.with_key("ann", BOB.verifier)
    for name in ("ann", "bob"):
        with pytest.raises(BadInput, match="on the list already"):
            roster.with_key(name, SigningKey(name, ANN.seed).verifier)


def test_a_key_is_taken_away_by_its_id():
    roster = Roster().with_new("ann").with_key("ann", ANN.verifier)
    assert list(roster.without_key("ann", ANN.verifier.key_id).keys_of("ann")) == []
    with pytest.raises(BadInput, match="ann has no key 'abc'"):
        roster.without_key("ann", "abc")

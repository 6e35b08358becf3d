"""A proof is of one answer, of one person, to one question; anything else is no proof."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from grace.errors import NotAllowed
from grace.identity.knowing import NOBODY, check_proof
from grace.identity.roster import Roster
from grace.identity.statement import NAMES, Statement, read_statement
from grace.ledger.note import SigningKey, sign_note
from tests.identity.people import ANN, BOB, ORIGIN, SERVER, known_people, statement
from tests.proposing import NOON

MINUTE = timedelta(minutes=1)


def check(proof: str, given: Statement | None = None, known=None, since=NOON - MINUTE):
    return check_proof(known or known_people(), proof, given or statement(), since)


def refused(*arguments, **named) -> str:
    with pytest.raises(NotAllowed) as caught:
        check(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_a_reviewer_signed_is_a_signature():
    proven = check(statement().signed(ANN))
    assert (proven.assurance, proven.key) == ("signature", ANN.verifier)


def test_what_the_server_signed_is_signed_in():
    proven = check(statement(assurance="signed in").signed(SERVER))
    assert (proven.assurance, proven.key) == ("signed in", SERVER.verifier)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("log", "grace/main/ffff"),
        ("proposal", "p-2"),
        ("content", "0" * 64),
        ("asking", "p-1:run-1:answer-2"),
        ("asking", "p-1:run-2:answer-1"),
        ("answer", "reject"),
        ("reviewer", "bob"),
        ("reason", "the service cannot take it"),
    ],
)
def test_a_signature_is_carried_over_to_nothing_else(name, other):
    """Another log, proposal, content, question, answer, person or reason."""
    given = replace(statement(), **{name: other})
    assert f"the proof is of another answer: its {name} is" in refused(
        statement().signed(ANN), given
    )


def test_one_reviewer_cannot_sign_for_another():
    """Bob's key is on the list, as bob's."""
    assert "not signed by a key of ann" in refused(statement().signed(BOB))


def test_a_key_that_is_not_on_the_list_signs_nothing():
    """Though it bears ann's name."""
    forged = SigningKey("ann", b"\1" * 32)
    assert "not signed by a key of ann that is on the list" in refused(statement().signed(forged))


def test_the_server_cannot_sign_as_a_person_nor_a_person_as_the_server():
    """Who signs is told by the kind of key, not by what is claimed."""
    assert "not signed by a key of ann" in refused(statement().signed(SERVER))
    signed_in = statement(assurance="signed in")
    assert "not signed by a key of the server" in refused(signed_in.signed(ANN))
    assert "not signed by a key of ann" in refused(statement(assurance="declared").signed(ANN))


def test_a_reviewer_who_was_removed_signs_no_more():
    known = known_people()
    gone = replace(known, roster=known.roster.without("ann"))
    assert "not signed by a key of ann" in refused(statement().signed(ANN), known=gone)
    back = replace(known, roster=gone.roster.with_new("ann"))
    assert "not signed by a key of ann" in refused(statement().signed(ANN), known=back)


def test_where_nobody_is_known_nothing_is_proven():
    nobody = replace(NOBODY, origin=ORIGIN)
    assert "on the list" in refused(statement().signed(ANN), known=nobody)
    assert "on the list" in refused(statement().signed(ANN), known=replace(nobody, roster=Roster()))


@pytest.mark.parametrize(
    ("hours", "holds"), [(0, True), (-0.01, True), (0.08, True), (0.09, False), (-1, False)]
)
def test_the_time_of_a_signature_lies_between_the_question_and_now(hours, holds):
    """Five minutes may lie between two clocks; signed earlier, it is of something else."""
    proof = statement(at=NOON + timedelta(hours=hours)).signed(ANN)
    if holds:
        assert check(proof)
    else:
        assert "when nobody was asked" in refused(proof)


def test_a_changed_byte_is_found():
    """Behind the signature, where all that is left can be read and fits the answer."""
    proof = statement().signed(ANN)
    assert proof.count("T12:00:00Z") == 1
    spoilt = proof.replace("T12:00:00Z", "T12:00:01Z")
    assert "not signed by a key of ann that is on the list" in refused(spoilt)


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "signed",
        "grace-answer/1\n\n— ann AAAA\n",
        "\N{LATIN SMALL LETTER E WITH ACUTE}" * 9999,
        sign_note("grace-answer/1\n", ANN),
        sign_note(f"{ORIGIN}\n5\nAAAA\n", ANN),
        sign_note(statement().text.replace("grace-answer/1", "grace-answer/2"), ANN),
        sign_note(statement().text.replace('"ann"', "7"), ANN),
        sign_note(statement().text.replace('"ann"', "[" * 99), ANN),
        sign_note(statement().text.replace("12:00:00Z", "12:00:00"), ANN),
        sign_note(statement().text.replace('log "', 'log  "'), ANN),
        sign_note(statement().text + 'more "x"\n', ANN),
    ],
)
def test_what_is_no_statement_is_refused_in_one_line(proof):
    """A checkpoint of the log, too, signed by the same key."""
    assert "the proof with the answer cannot be read" in refused(proof)


def test_a_reason_of_many_lines_is_one_line_of_the_statement():
    """No value can write a line of its own."""
    reason = 'fine\nanswer "reject"\n\n— ann \u2028 "quoted" \\'
    stated = statement(reason=reason)
    assert read_statement(stated.signed(ANN)) == stated
    assert len(stated.text.splitlines()) == len(NAMES) + 1


def test_a_time_is_told_in_utc_to_the_second():
    at = NOON.astimezone(timezone(timedelta(hours=-7))) + timedelta(microseconds=5)
    stated = read_statement(statement(at=at).signed(ANN))
    assert (stated.at, stated.at.tzinfo) == (NOON, UTC)

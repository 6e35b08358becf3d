"""The register against rivals that write at once, and against hands in the file."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from grace.errors import LedgerBroken, NotAllowed
from grace.governance.consent import check_is_asked
from grace.governance.register import find, list_entries, move
from grace.states import State
from grace.store import open_store


def test_of_two_that_make_the_same_move_the_second_is_refused(settings, store, now, enter):
    """Eight at once, each with a connection of its own: one approves, seven get NotAllowed."""
    entry, at_once = enter("p-1", "awaiting_approval"), Barrier(8)

    def approve(_: int) -> str:
        own = open_store(settings.url)
        try:
            at_once.wait()
            with own.writing(now) as writer:
                return move(writer, entry, "approved").state
        except NotAllowed as refusal:
            return str(refusal)
        finally:
            own.engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(approve, range(8)))
    refusal = "a proposal that is approved cannot become approved; what may follow: "
    assert outcomes == [refusal + "applying, superseded"] * 7 + ["approved"]
    assert find(store, "p-1").state == "approved"


def test_of_two_answers_at_once_one_counts(settings, store, now, enter):
    """Approve and reject race: whichever came first stands, the other is refused."""
    entry, at_once = enter("p-1", "awaiting_approval"), Barrier(2)

    def answer(state: State) -> str:
        own = open_store(settings.url)
        try:
            at_once.wait()
            with own.writing(now) as writer:
                return move(writer, entry, state).state
        except NotAllowed:
            return "refused"
        finally:
            own.engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(answer, ["approved", "rejected"]))
    (stood,) = outcomes - {"refused"}
    assert len(outcomes) == 2
    assert find(store, "p-1").state == stood


@pytest.fixture
def edit(settings):
    """Somebody with the file removes the trigger, edits a text in every content, and leaves."""

    def edited(old: str, new: str) -> None:
        file = sqlite3.connect(settings.log_dir / "grace.db")
        file.execute("DROP TRIGGER proposals_no_update")
        change = "UPDATE proposals SET content = replace(content, ?, ?) WHERE content LIKE ?"
        assert file.execute(change, (old, new, f"%{old}%")).rowcount > 0
        file.commit()
        file.close()

    return edited


def test_content_that_was_edited_in_the_file_has_another_hash(store, now, enter, edit):
    """The limit that was agreed to was raised: what stands there is not what was asked."""
    asked = enter("p-1", "awaiting_approval")
    edit('"after":8', '"after":900')
    found = find(store, "p-1")
    assert found.proposal.change.after == 900
    assert found.content_hash != asked.content_hash
    with pytest.raises(NotAllowed, match="not the one that was shown"):
        check_is_asked(found, asked.content_hash, now)


@pytest.mark.parametrize("read", [lambda store: find(store, "p-1"), list_entries])
@pytest.mark.parametrize(
    ("old", "new"), [('"after":8', '"after":'), ('"lever":', '"liver":'), ('"n":14', '"n":"many"')]
)
def test_content_that_is_no_proposal_any_more_breaks_the_ledger(store, enter, edit, read, old, new):
    """Found wherever it is read, with the command that finds out more."""
    enter("p-1", "awaiting_approval")
    edit(old, new)
    with pytest.raises(LedgerBroken, match="p-1 is no proposal: run `grace ledger verify`"):
        read(store)


def test_the_file_cannot_be_edited_as_long_as_its_triggers_are_there(settings, enter):
    enter("p-1")
    file = sqlite3.connect(settings.log_dir / "grace.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        file.execute("UPDATE proposals SET content = '{}'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        file.execute("DELETE FROM proposals")
    file.close()

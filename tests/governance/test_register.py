"""The register: one entry an opportunity, and one move from a state."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from grace.errors import BadInput, NotAllowed
from grace.governance.register import (
    EVENTS,
    attach_run,
    find,
    list_entries,
    move,
)
from grace.states import OPEN, STATES, TRANSITIONS
from grace.store.read import newest
from grace.store.schema import LOGS, proposal_heads


def present(store, proposal_id):
    """The state as the heads tell it, and as the newest row does."""
    with store.reading() as connection:
        head = sa.select(proposal_heads.c.state).where(proposal_heads.c.proposal_id == proposal_id)
        return connection.execute(head).scalar_one(), find(store, proposal_id).state


def test_a_new_proposal_is_found_as_it_was_entered(store, now, propose, enter):
    entry = enter()
    assert find(store, "p-1") == entry
    assert (entry.state, entry.changed_at, entry.proposal) == ("proposed", now, propose())


def test_the_row_tells_the_content_in_columns_and_in_full(store, propose, enter, now):
    """The columns are for queries, the content and its hash are what was agreed to."""
    entry = enter()
    (row,) = newest(store, "proposals").to_dict("records")
    assert (row["kind"], row["target"]) == ("reduce_wait_time", "tag:pages")
    assert row["fingerprint"] == "mean excess wait"
    assert row["title"] == "Raise tag:pages from 2 to 8"
    assert (row["risk"], row["tier"], row["proposed_by"]) == (0.15, "low", "grace")
    assert (row["created_at"], row["deadline"]) == (now, now + timedelta(hours=72))
    assert json.loads(row["content"]) == propose().model_dump(mode="json")
    assert row["content_hash"] == entry.content_hash


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_open_opportunity_is_not_raised_twice(store, enter, state):
    """Kind, target and fingerprint are the same: refused, and nothing of the second is there."""
    enter("p-1", state)
    with pytest.raises(BadInput, match="the same proposal for tag:pages is open already"):
        enter("p-2", after=9)
    assert [entry.id for entry in list_entries(store)] == ["p-1"]


@pytest.mark.parametrize("state", sorted(set(STATES) - OPEN))
def test_a_closed_opportunity_may_be_raised_again(store, now, enter, state):
    enter("p-1", state)
    enter("p-2", created_at=now + timedelta(hours=1))
    assert [entry.state for entry in list_entries(store)] == [state, "proposed"]


@pytest.mark.parametrize(
    "differs",
    [{"kind": "reduce_execution_time"}, {"target": "tag:b"}, {"metric": "mean execution time"}],
)
def test_another_opportunity_may_be_open_beside_it(store, enter, differs):
    enter("p-1")
    enter("p-2", **differs)
    assert len(list_entries(store)) == 2


def test_the_database_itself_refuses_the_second_open_opportunity(store, enter):
    """Even one that never went through the register, by a unique index."""
    enter("p-2", "rejected")
    enter("p-1")
    reopen = (
        proposal_heads.update()
        .where(proposal_heads.c.proposal_id == "p-2")
        .values(state="awaiting_approval")
    )
    with (
        store.engine.connect() as connection,
        pytest.raises(sa.exc.IntegrityError, match="UNIQUE"),
    ):
        connection.execute(reopen)


@pytest.mark.parametrize("old", STATES)
def test_from_each_state_only_the_allowed_moves_are_made(store, now, enter, old):
    """All pairs of states: what the table allows is recorded, the rest refused without a trace."""
    for number, new in enumerate(STATES):
        entry = enter(f"p-{number}", old, target=f"tag:{number}")
        with store.writing(now) as writer:
            if new in TRANSITIONS[old]:
                move(writer, entry, new)
            else:
                with pytest.raises(NotAllowed, match=f"that is {old} cannot become {new}"):
                    move(writer, entry, new)
        expected = new if new in TRANSITIONS[old] else old
        assert present(store, entry.id) == (expected, expected)


def test_every_state_that_can_be_entered_has_its_event():
    entered = frozenset().union(*TRANSITIONS.values())
    assert set(EVENTS) == entered == set(STATES) - {"proposed"}


def test_a_move_leaves_a_revision_and_an_event(store, now, enter):
    """Verdict, reason and run are kept, and told to whoever listens."""
    entry = enter("p-1", "measuring")
    later = now + timedelta(hours=2)
    with store.writing(later) as writer:
        move(writer, entry, "kept", reason="it helped", verdict="improved", run_id="run-9")
    found = find(store, "p-1")
    assert (found.state, found.changed_at, found.verdict) == ("kept", later, "improved")
    assert (found.reason, found.run_id) == ("it helped", "run-9")
    event = newest(store, "trigger_mesh_logs").to_dict("records")[-1]
    assert (event["event_type"], event["resource"]) == ("improvement.kept", "proposal/p-1")
    told = json.loads(event["payload"])
    assert (told["state"], told["verdict"], told["run_id"]) == ("kept", "improved", "run-9")


def test_the_verdict_and_the_run_outlive_a_move_and_the_reason_does_not(store, now, enter):
    """A reason belongs to its move."""
    entry = enter("p-1", "measuring")
    with store.writing(now) as writer:
        entry = move(
            writer, entry, "rolling_back", reason="worse", verdict="regressed", run_id="run-9"
        )
        move(writer, entry, "rolled_back")
    found = find(store, "p-1")
    assert (found.verdict, found.run_id, found.reason) == ("regressed", "run-9", None)


def test_the_run_in_which_a_person_is_asked_is_noted(store, now, enter):
    """It changes neither the state nor the content."""
    entry = enter("p-1", "awaiting_approval")
    with store.writing(now + timedelta(minutes=1)) as writer:
        attached = attach_run(writer, entry, "run-7")
    assert find(store, "p-1") == attached
    assert (attached.run_id, attached.state) == ("run-7", "awaiting_approval")
    assert attached.content_hash == entry.content_hash


def test_every_state_a_proposal_went_through_is_in_the_log(store, enter, way_to):
    """Append-only: seven states are seven revisions of one content."""
    enter("p-1", "rolled_back")
    table = LOGS["proposals"].table
    with store.reading() as connection:
        rows = connection.execute(
            sa.select(table.c.state, table.c.revision, table.c.content_hash).order_by(
                table.c.revision
            )
        ).all()
    assert [row.state for row in rows] == ["proposed", *way_to("rolled_back")]
    assert [row.revision for row in rows] == list(range(1, len(rows) + 1))
    assert len({row.content_hash for row in rows}) == 1


def test_a_refused_move_takes_its_transaction_with_it(store, now, enter):
    """What was written before it in the same transaction is gone too."""
    entry = enter("p-1", "rejected")
    fact = {"cube_id": "c-1", "metric_value": 1.0, "timestamp": now}

    def move_after_writing() -> None:
        with store.writing(now) as writer:
            writer.append("data_cube", [fact])
            move(writer, entry, "approved")

    with pytest.raises(NotAllowed):
        move_after_writing()
    assert newest(store, "data_cube").empty


@pytest.mark.parametrize("part", ["0123-first", "0123", "first", "second"])
def test_a_proposal_is_found_by_how_its_id_begins_or_ends(store, enter, part):
    enter("0123-first")
    enter("0987-second", target="tag:other")
    assert find(store, part).id == ("0987-second" if part == "second" else "0123-first")


@pytest.mark.parametrize(
    ("part", "said"),
    [("0", "2 proposals"), ("", "2 proposals"), ("23-f", "no proposal"), ("%", "no proposal")],
)
def test_an_id_that_names_none_or_several_is_refused(store, enter, part, said):
    """What stands in the middle of an id names nothing, and % is no wildcard."""
    enter("0123-first")
    enter("0987-second", target="tag:other")
    with pytest.raises(BadInput, match=f"^{said} with id"):
        find(store, part)


def test_entries_are_listed_oldest_first(store, now, enter):
    enter("p-2", created_at=now, target="tag:b")
    enter("p-1", created_at=now - timedelta(hours=1))
    assert [entry.id for entry in list_entries(store)] == ["p-1", "p-2"]

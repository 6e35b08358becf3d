"""Undoing asks governance too: whether the engine may do it by itself, and a person at all."""

import json

import pytest
import sqlalchemy as sa

from grace.actions.applying import apply_approved
from grace.actions.undoing import undo
from grace.errors import NotAllowed
from grace.governance.asking import submit
from grace.governance.register import Entry, find
from grace.store.append_only import drop_triggers
from grace.store.read import newest
from grace.store.schema import LOGS
from tests.ruling import INVERSE, a_policy, a_rule


@pytest.fixture
def undone(store, lever, clock):
    """Undo as the engine, or as the reviewer who is named."""

    def undo_it(entry, policy, reviewer=None) -> Entry:
        now = find(store, entry.id)
        return undo(store, lever, now, policy, clock, reason="slow", reviewer=reviewer)

    return undo_it


def test_what_a_person_approved_the_engine_undoes(
    store, lever, policy, clock, make, approved, undone
):
    entry = apply_approved(store, lever, approved(make()), policy, clock, None)
    assert (undone(entry, policy).state, lever.read("pages")) == ("rolled_back", 2)
    decision = newest(store, "decisions").to_dict("records")[-1]
    assert decision["reason"] == "slow; approving a change approves its inverse"
    assert json.loads(decision["detail"])["rules"] == ["policy.cedar, line 1"]


def test_what_only_the_policy_permitted_the_engine_leaves_to_people(
    store, lever, clock, make, undone
):
    """Nobody approved it, so no approval covers its inverse; a reviewer undoes it at once."""
    policy = a_policy(a_rule("permit"), INVERSE)
    entry = submit(store, make(), policy, clock())
    entry = apply_approved(store, lever, entry, policy, clock, None)
    with pytest.raises(NotAllowed, match="does not permit undoing this: no rule permits it"):
        undone(entry, policy)
    assert lever.read("pages") == 8
    assert undone(entry, policy, reviewer="ann").state == "rolled_back"


def test_an_undo_that_the_policy_forbids_is_not_done_by_anybody(
    store, lever, policy, clock, make, approved, undone
):
    entry = apply_approved(store, lever, approved(make()), policy, clock, None)
    stuck = a_policy(INVERSE, a_rule("forbid", reason="not now", action="inverse"))
    for reviewer in (None, "ann"):
        with pytest.raises(NotAllowed, match="not now"):
            undone(entry, stuck, reviewer)
    assert lever.read("pages") == 8


def test_an_approval_of_another_content_does_not_cover_the_inverse(
    store, lever, policy, clock, make, approved, undone
):
    """Somebody with the database writes another value to go back to: nobody approved that."""
    entry = apply_approved(store, lever, approved(make()), policy, clock, None)
    table = LOGS["proposals"].table
    with store.engine.begin() as connection:
        for statement in drop_triggers():
            connection.exec_driver_sql(statement)
        edited = sa.func.replace(table.c.content, '"before":2', '"before":1')
        connection.execute(table.update().values(content=edited))
    with pytest.raises(NotAllowed, match="no rule permits it"):
        undone(entry, policy)
    assert lever.sets == [8]


def test_an_undo_cut_short_is_ended_as_it_was_decided(store, lever, clock, make, undone):
    """A reviewer's undo of what only the policy permitted: the engine ends what was begun."""
    policy = a_policy(a_rule("permit"), INVERSE)
    entry = submit(store, make(), policy, clock())
    entry = apply_approved(store, lever, entry, policy, clock, None)
    lever.dies_after_setting = True
    with pytest.raises(KeyboardInterrupt):
        undone(entry, policy, reviewer="ann")
    lever.dies_after_setting = False
    with pytest.raises(NotAllowed, match="not on the list"):
        undone(entry, policy, reviewer="mallory")
    assert undone(entry, policy).state == "rolled_back"
    assert newest(store, "decisions")["question"].tolist().count("undo") == 1


def test_a_lever_without_a_way_back_is_not_asked_to_go_it(
    store, lever, policy, clock, make, approved, undone, monkeypatch
):
    """One line, nothing recorded, and the change stays as it is."""
    entry = apply_approved(store, lever, approved(make()), policy, clock, None)
    decided = len(newest(store, "decisions"))
    monkeypatch.setattr(type(lever), "reversible", False)
    for reviewer in (None, "ann"):
        with pytest.raises(NotAllowed, match="pages cannot be undone: file has no way back"):
            undone(entry, policy, reviewer)
    assert (find(store, entry.id).state, lever.read("pages")) == ("applied", 8)
    assert len(newest(store, "decisions")) == decided

"""An approved change is applied once, or not at all and the record says why."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from grace.actions.action import done_actions, pending_action
from grace.actions.applying import apply_approved, recover_applying
from grace.errors import NotAllowed
from grace.governance.decisions import Decision, record_decision
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, find
from grace.governance.request import about_proposal
from grace.store import Store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS
from tests.ruling import INVERSE, a_policy, a_rule

Approve = Callable[[Proposal], Entry]


def test_an_approved_change_is_set_and_recorded(store, lever, policy, clock, make, approved):
    """The target reads the new value, the state is applied, and the action is in the log."""
    entry = apply_approved(store, lever, approved(make()), policy, clock, "run-1")
    assert (entry.state, lever.read("pages"), lever.sets) == ("applied", 8, [8])
    (done,) = done_actions(store, entry.id)
    assert (done.purpose, done.target, done.value) == ("apply", "pages", 8)


def test_a_target_that_moved_meanwhile_is_left_alone(store, lever, policy, clock, make, approved):
    """Drift guard: the proposal saw 2, somebody set 5; it is superseded with both values named."""
    entry = approved(make())
    lever.file.write_text('{"pages": 5}')
    ended = apply_approved(store, lever, entry, policy, clock, None)
    assert (ended.state, lever.sets) == ("superseded", [])
    assert ended.reason == "pages is 5, no longer 2 as the proposal saw it"


def test_a_lever_that_refuses_fails_the_proposal(store, lever, policy, clock, make, approved):
    """What could not be set waits for a person, with the lever's own words."""
    lever.broken = "apply"
    ended = apply_approved(store, lever, approved(make()), policy, clock, None)
    assert (ended.state, ended.reason) == ("failed", "the file cannot be written")
    assert done_actions(store, ended.id) == []


def test_a_value_that_does_not_take_fails_the_proposal(store, lever, policy, clock, make, approved):
    """Applying is verified: a lever that says nothing and does nothing is found out."""
    lever.broken = "silently"
    ended = apply_approved(store, lever, approved(make()), policy, clock, None)
    assert (ended.state, ended.reason) == ("failed", "pages was set but reads 2")


def test_a_target_that_cannot_be_read_changes_nothing(store, lever, policy, clock, make, approved):
    """The proposal stays approved, to be tried again."""
    entry = approved(make())
    lever.broken = "read"
    with pytest.raises(Exception, match="does not answer"):
        apply_approved(store, lever, entry, policy, clock, None)
    assert find(store, entry.id).state == "approved"


@pytest.mark.parametrize("moment", ["before the deed", "after the deed"])
def test_a_process_killed_while_applying_is_recovered_once(
    store, lever, policy, clock, make, approved, moment
):
    """Killed before the record: recovery sets what was not set, and never sets it twice."""
    entry = approved(make())
    lever.dies_after_setting = moment == "after the deed"
    killing = lever if lever.dies_after_setting else _Dying(lever)
    with pytest.raises(KeyboardInterrupt):
        apply_approved(store, killing, entry, policy, clock, None)
    lever.dies_after_setting = False
    cut_short = find(store, entry.id)
    assert (cut_short.state, pending_action(store, entry.id)) == ("applying", "apply")
    ended = recover_applying(store, lever, cut_short, clock, None)
    assert (ended.state, lever.read("pages"), lever.sets) == ("applied", 8, [8])
    assert [done.name for done in done_actions(store, entry.id)] == ["apply"]


def test_recovery_does_not_fight_somebody_else(store, lever, policy, clock, make, approved):
    """A target that was moved elsewhere after the crash is left, and the proposal failed."""
    entry = approved(make())
    with pytest.raises(KeyboardInterrupt):
        apply_approved(store, _Dying(lever), entry, policy, clock, None)
    lever.file.write_text('{"pages": 6}')
    ended = recover_applying(store, lever, find(store, entry.id), clock, None)
    assert (ended.state, lever.read("pages"), lever.sets) == ("failed", 6, [])


def test_of_two_at_once_one_applies(store, lever, policy, clock, make, approved):
    """Both read *approved*; the second cannot begin, and the target is set once."""
    entry = approved(make())
    apply_approved(store, lever, entry, policy, clock, "first")
    lever.file.write_text('{"pages": 2}')
    with pytest.raises(NotAllowed, match=r"applied cannot become applying|changing"):
        apply_approved(store, lever, entry, policy, clock, "second")
    assert lever.sets == [8]


def test_nothing_is_applied_while_paused(store, lever, policy, clock, make, approved):
    """The pause holds what was approved before it, and lets it go on after."""
    entry = approved(make())
    _say(store, clock, "pause")
    with pytest.raises(NotAllowed, match="paused by ann: release week"):
        apply_approved(store, lever, entry, policy, clock, None)
    _say(store, clock, "resume")
    assert apply_approved(store, lever, entry, policy, clock, None).state == "applied"


def test_no_more_changes_a_day_than_allowed(store, lever, policy, clock, make, approved):
    """The count is of proposals applied within 24 hours, and time heals it."""
    strict = policy.model_copy(update={"changes_a_day": 0})
    entry = approved(make())
    with pytest.raises(NotAllowed, match="0 changes were applied within a day"):
        apply_approved(store, lever, entry, strict, clock, None)


def test_a_policy_that_forbids_it_by_now_supersedes(store, lever, policy, clock, make, approved):
    """What counts is the policy when it is applied, not only when it was proposed."""
    above_4 = "context.after has number && context.after.number.ceiling > 4"
    stricter = a_policy(a_rule("forbid", above_4, reason="at most 4"))
    ended = apply_approved(store, lever, approved(make()), stricter, clock, None)
    assert (ended.state, lever.sets) == ("superseded", [])
    assert ended.reason == "the policy now forbids it: at most 4"


def test_a_freeze_holds_back_until_it_is_over(store, lever, clock, make, approved):
    """On a Sunday nothing is applied; the proposal stays approved, and on Monday it is."""
    weekend = a_rule("forbid", "context.weekday >= 6", "not at weekends", action="apply")
    policy, entry = a_policy(weekend, INVERSE), approved(make())
    with pytest.raises(NotAllowed, match="holds it back for now: not at weekends"):
        apply_approved(store, lever, entry, policy, clock, None)
    assert (find(store, entry.id).state, lever.sets) == ("approved", [])
    clock.pass_(24 * 3600)
    assert apply_approved(store, lever, entry, policy, clock, None).state == "applied"


def test_the_same_is_asked_when_it_is_applied_as_when_it_was_proposed(
    store, lever, clock, make, approved
):
    """A rule that goes by opportunity, tier, proposer and values forbids at both moments."""
    exactly = (
        'context.kind == "reduce_wait_time" && context.tier == "low" && '
        'context.proposed_by == "grace" && context.before.json == "2" && '
        'context.after.json == "8" && resource == Target::"pages"'
    )
    policy = a_policy(a_rule("forbid", exactly, reason="exactly this"))
    assert policy.rule(about_proposal(make(), "change", clock())).answer == "forbid"
    ended = apply_approved(store, lever, approved(make()), policy, clock, None)
    assert (ended.state, ended.reason) == ("superseded", "the policy now forbids it: exactly this")


def test_a_proposal_edited_after_approval_is_not_applied(
    store, lever, policy, clock, make, approved
):
    """Somebody with the database writes 400 for 8: the hash is not the approved one."""
    entry = approved(make())
    table = LOGS["proposals"].table
    with store.engine.begin() as connection:
        for statement in drop_triggers():
            connection.exec_driver_sql(statement)
        edited = sa.func.replace(table.c.content, '"after":8', '"after":4')
        connection.execute(table.update().values(content=edited))
    ended = apply_approved(store, lever, find(store, entry.id), policy, clock, None)
    assert (ended.state, lever.sets) == ("superseded", [])
    assert "edited after it was approved" in str(ended.reason)


def test_without_an_approval_nothing_is_applied(store, lever, policy, clock, make, approved):
    """A state forced to *approved* without a decision finds no agreed content."""
    from grace.governance.asking import submit

    entry = replace(submit(store, make(), policy, clock()), state="approved")
    with pytest.raises(NotAllowed, match="nobody has approved it"):
        apply_approved(store, lever, entry, policy, clock, None)
    assert lever.sets == []


class _Dying:
    """The lever of a process that is killed just before it sets."""

    def __init__(self, lever):
        self.lever = lever
        self.name, self.reach, self.reversible = lever.name, lever.reach, lever.reversible

    def read(self, target):
        return self.lever.read(target)

    def check(self, target, value):
        return

    def apply(self, target, value):
        raise KeyboardInterrupt


def _say(store: Store, clock, answer: str) -> None:
    decision = Decision(question="pause", answer=answer, reason="release week", reviewer="ann")
    with store.writing(clock()) as writer:
        record_decision(writer, decision)

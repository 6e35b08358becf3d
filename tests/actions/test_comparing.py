"""Arms side by side, step by step: the units are split once, and a verdict ends it for all."""

from datetime import timedelta

import pytest

from grace import assign
from grace.account import account, look_page
from grace.actions.action import done_actions, pending_action
from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring, step_due
from grace.actions.undoing import undo
from grace.governance.decisions import Decision, record_decision
from grace.governance.register import find
from grace.measurement.arms import PATIENCE
from grace.measurement.blocks import Unit
from tests.actions.file_lever import FileLever
from tests.measurement.test_arms import arms_plan

SPLIT = {"experiment": "e", "share": 0.5, "before": 2, "after": 8}


class SplitLever(FileLever):
    """One value a unit."""

    reach = "unit"

    def split(self, change, experiment, share):
        return {"experiment": experiment, "share": share} | {
            "before": change.before,
            "after": change.after,
        }


@pytest.fixture
def lever(lever) -> SplitLever:
    return SplitLever(lever.file)


class Trial:
    """An applied proposal; a run a minute is worth what `value_of` says of the value it meets."""

    def __init__(self, store, lever, policy, clock, entry, value_of):
        self.store, self.lever, self.clock, self.entry = store, lever, clock, entry
        self.measuring = Measuring(store, lever, policy, clock)
        self.units, self.runs, self.value_of = [], 0, value_of

    def step(self):
        return self.measuring.step(find(self.store, self.entry.id), self.units, self.clock())

    def hour(self):
        for _ in range(60):
            self.runs += 1
            number = self.runs
            queued = self.clock.pass_(60)
            value = self.value_of(self._met(f"run-{number}"), number)
            self.units.append(Unit(queued, queued, value, f"run-{number}", 1.0, 0.0))

    def _met(self, unit):
        value = self.lever.read("pages")
        if not isinstance(value, dict):
            return value
        return value[assign(value["experiment"], unit, share=value["share"])]

    def to_the_end(self, most=800):
        for _ in range(most):
            step = self.step()
            if step.next_at is None:
                return step
            self.hour()
        raise AssertionError("no end")


@pytest.fixture
def trial(store, lever, policy, clock, make, approved):
    def begin(value_of, tier="low", **differing):
        plan = arms_plan(metric="mean execution time", smallest_effect=0.5, **differing)
        proposal = make(tier=tier).model_copy(update={"plan": plan})
        entry = apply_approved(store, lever, approved(proposal), policy, clock, None)
        return Trial(store, lever, policy, clock, entry, value_of)

    return begin


def better_with(value, number):
    return 10 / value + number % 3


def test_a_change_that_helps_is_kept_for_all(trial, lever, store) -> None:
    """The lever is moved to the split once, and then to the new value; nothing goes to and fro."""
    ended = trial(better_with).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "improved")
    assert lever.sets == [8, SPLIT, 8]
    assert ended.look.judgement.effect == pytest.approx(10 / 8 - 10 / 2, abs=0.5)
    assert "runs with it" in ended.entry.reason
    page = look_page(ended.entry, account(store, ended.entry).look)
    assert "| sample ratio | as assigned, 50 % to *after* |" in page


def test_a_change_that_harms_is_undone_by_itself(trial, lever) -> None:
    ended = trial(lambda value, number: value + number % 3).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("rolled_back", "regressed")
    assert lever.read("pages") == 2


def test_what_changes_nothing_is_undone(trial, lever) -> None:
    ended = trial(lambda value, number: 5.0 + number % 3).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("rolled_back", "no_effect")


@pytest.mark.parametrize(("tier", "state"), [("low", "kept"), ("high", "rolled_back")])
def test_arms_that_lack_runs_end_by_the_rule_of_the_tier(trial, tier, state) -> None:
    """Whoever meets the old value leaves no trace every other time."""
    measured = trial(better_with, tier=tier)
    whole = measured.hour

    def with_gaps():
        whole()
        measured.units[:] = [
            unit
            for unit in measured.units
            if unit.id.endswith(tuple("02468")) or assign("e", unit.id) == "after"
        ]

    measured.hour = with_gaps
    measured.value_of = lambda value, number: 5.0 + 40 * (number % 2)
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == (state, "insufficient_data")
    assert "runs are lost" in ended.entry.reason


def test_a_look_comes_when_it_is_due_and_not_before(trial, store, clock) -> None:
    measured = trial(lambda value, number: 5.0 + number % 30)
    first = measured.step()
    assert first.next_at == clock() + timedelta(hours=1) == step_due(store, first.entry)
    clock.pass_(1800)
    assert measured.step().look is None
    measured.hour()
    looked = measured.step()
    assert looked.look.number == 1
    assert looked.next_at == clock() + timedelta(hours=1)
    assert measured.step().look.number == 1


def test_somebody_elses_hand_ends_it_and_is_left(trial, lever, clock) -> None:
    measured = trial(better_with)
    measured.step()
    lever.apply("pages", 5)
    measured.hour()
    ended = measured.step()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "insufficient_data")
    assert "reverted outside" in ended.entry.reason
    assert lever.read("pages") == 5


def test_a_crash_while_the_units_are_split_is_recovered(trial, lever, store) -> None:
    measured = trial(better_with)
    lever.dies_after_setting = True
    with pytest.raises(KeyboardInterrupt):
        measured.step()
    assert pending_action(store, measured.entry.id) == "arms"
    lever.dies_after_setting = False
    ended = measured.to_the_end()
    assert ended.entry.verdict == "improved"
    assert lever.sets == [8, SPLIT, 8]


def test_a_crash_between_verdict_and_keeping_is_recovered(trial, lever, store) -> None:
    """The look stands in the log with its verdict: it is not taken a second time."""
    measured = trial(better_with)
    measured.step()
    for _ in range(3):
        measured.hour()
    lever.dies_after_setting = True
    with pytest.raises(KeyboardInterrupt):
        measured.step()
    lever.dies_after_setting = False
    ended = measured.step()
    assert (ended.entry.state, ended.look.number) == ("kept", 1)
    assert [each.name for each in done_actions(store, ended.entry.id)] == ["apply", "arms", "keep"]


def test_a_pause_holds_the_keeping_and_no_undoing(trial, lever, store, clock) -> None:
    measured = trial(better_with)
    measured.step()
    for _ in range(3):
        measured.hour()
    pause(store, clock, "pause")
    held = measured.step()
    assert (held.entry.state, lever.read("pages")) == ("measuring", SPLIT)
    pause(store, clock, "resume")
    assert measured.step().entry.state == "kept"


def test_a_reviewer_undoes_it_while_it_runs(trial, lever, store, policy, clock) -> None:
    measured = trial(better_with)
    entry = measured.step().entry
    undone = undo(store, lever, entry, policy, clock, reason="enough", reviewer="ann")
    assert (undone.state, lever.read("pages")) == ("rolled_back", 2)


def test_runs_under_way_are_waited_for(trial, clock) -> None:
    """The first hangs: nothing counts until it is given up."""
    measured = trial(better_with)
    measured.step()
    measured.units.append(Unit(clock(), None, 0.0, "hangs"))
    for _ in range(3):
        measured.hour()
    assert measured.step().look.judgement.n_control == 0
    for _ in range(int(PATIENCE.total_seconds() / 3600)):
        measured.hour()
    assert measured.step().entry.verdict == "improved"


def pause(store, clock, answer) -> None:
    decision = Decision(question="pause", answer=answer, reason="a test", reviewer="ann")
    with store.writing(clock()) as writer:
        record_decision(writer, decision)

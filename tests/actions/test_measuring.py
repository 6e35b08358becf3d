"""A measurement moves the target to and fro, judges each pair, and ends in kept or undone."""

from datetime import timedelta

import pytest

from grace.account import look_page
from grace.actions.action import done_actions, pending_action
from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring
from grace.actions.undoing import undo
from grace.errors import NotAllowed
from grace.governance.decisions import Decision, record_decision
from grace.governance.register import find
from grace.measurement.blocks import Unit
from grace.measurement.looks import last_look
from grace.measurement.plan import guardrail
from grace.store.read import newest

ORDER = (("before", "after"), ("after", "before")) * 15


class Trial:
    """An applied proposal and its measurement: one unit a block, worth what `value_of` says."""

    def __init__(self, store, lever, policy, clock, entry, value_of):
        self.store, self.lever, self.clock, self.entry = store, lever, clock, entry
        self.measuring = Measuring(store, lever, policy, clock)
        self.units, self.value_of = [], value_of

    def step(self):
        step = self.measuring.step(find(self.store, self.entry.id), self.units, self.clock())
        if step.next_at is not None:
            self._run_a_unit()
            self.clock.pass_(60)
        return step

    def _run_a_unit(self):
        queued = self.clock() + timedelta(seconds=10)
        value = self.value_of(self.lever.read("pages"), len(self.units))
        self.units.append(Unit(queued, queued + timedelta(seconds=20), value))

    def to_the_end(self, most=100):
        for _ in range(most):
            step = self.step()
            if step.next_at is None:
                return step
        raise AssertionError("no end")


@pytest.fixture
def trial(store, lever, policy, clock, make, approved):
    def begin(value_of, kind=Trial, **differing):
        proposal = make(arms=ORDER, **differing)
        entry = apply_approved(store, lever, approved(proposal), policy, clock, None)
        return kind(store, lever, policy, clock, entry, value_of)

    return begin


def waits(limit, number):
    """Waits fall with the limit, and drift upward over time whatever the limit."""
    return 10 / limit + 0.01 * number


def test_a_change_that_helps_is_kept_after_seven_pairs(trial, lever, store):
    """Seven equal signs are an e-value of 26.8: improved, kept, the target at the new value."""
    measured = trial(waits)
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "improved")
    assert ended.look.judgement.pairs == 7
    assert ended.look.judgement.e_value == pytest.approx(26.8125)
    assert lever.read("pages") == 8
    assert ended.look.judgement.effect == pytest.approx(10 / 8 - 10 / 2, abs=0.02)


def test_the_order_of_the_blocks_is_the_one_that_was_hashed(trial, lever, store):
    """Every block sets what its arm says, in the plan's order."""
    measured = trial(waits)
    measured.to_the_end()
    done = done_actions(store, measured.entry.id)
    blocks = [action.value for action in done if action.purpose == "block"]
    arms = {"before": 2, "after": 8}
    assert blocks == [arms[arm] for arm in measured.entry.proposal.plan.arms[:14]]


def test_a_change_that_harms_is_undone_by_itself(trial, lever, store):
    """Regressed: the inverse is applied, verified and recorded without anybody's word."""
    ended = trial(waits, after=1).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("rolled_back", "regressed")
    assert lever.read("pages") == 2
    last = done_actions(store, ended.entry.id)[-1]
    assert (last.purpose, last.value) == ("undo", 2)


def test_a_change_that_does_nothing_is_undone_where_the_policy_says(trial, lever):
    """Differences that stay within the smallest effect, and no evidence of a sign: no_effect."""
    ended = trial(lambda limit, number: 5 + 0.1 * (-1) ** (number // 2)).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("rolled_back", "no_effect")
    assert lever.read("pages") == 2


def test_a_change_that_does_nothing_is_kept_where_the_policy_says(trial, lever):
    """The same with on_no_effect = keep."""
    ended = trial(
        lambda limit, number: 5 + 0.1 * (-1) ** (number // 2), on_no_effect="keep"
    ).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "no_effect")
    assert lever.read("pages") == 8


@pytest.mark.parametrize(("tier", "state"), [("low", "kept"), ("high", "rolled_back")])
def test_without_data_nothing_is_success(trial, tier, state):
    """All pairs void: insufficient_data at the last; kept as unverified, undone where risky."""
    measured = trial(waits, tier=tier)
    measured._run_a_unit = lambda: None
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == (state, "insufficient_data")
    assert ended.look.judgement.e_value == pytest.approx(1)
    assert ended.look.judgement.void_pairs == 30


def test_a_step_before_the_border_changes_nothing(trial, lever, store, clock):
    """Two chains of steps are as good as one: the early one is told when the block is due."""
    measured = trial(waits)
    first = measured.step()
    early = measured.measuring.step(
        find(store, measured.entry.id), measured.units, first.next_at - timedelta(seconds=1)
    )
    assert (early.next_at, early.block) == (first.next_at, 0)
    assert len(done_actions(store, measured.entry.id)) == 2


def test_a_step_killed_after_setting_goes_on_where_it_was(trial, lever, store, clock):
    """The block was set but not recorded: the next step records it and takes nothing for drift."""
    measured = trial(waits)
    measured.step()
    measured.step()
    lever.dies_after_setting = True
    with pytest.raises(KeyboardInterrupt):
        measured.to_the_end()
    lever.dies_after_setting = False
    cut_short = pending_action(store, measured.entry.id)
    assert cut_short.startswith("block-")
    clock.pass_(5)
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "improved")
    names = [done.name for done in done_actions(store, measured.entry.id)]
    assert len(names) == len(set(names))


def test_somebody_elses_hand_ends_it_without_a_fight(trial, lever):
    """A target set from outside while measuring is left, and nothing is claimed."""
    measured = trial(waits)
    measured.step()
    measured.step()
    lever.file.write_text('{"pages": 5}')
    ended = measured.step()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "insufficient_data")
    assert ended.entry.reason.startswith("reverted outside: somebody else set pages to 5")
    assert lever.read("pages") == 5


def test_a_pause_holds_the_next_block(trial, lever, store, clock):
    """Paused, the running block is prolonged and nothing is set; resumed, it goes on."""
    measured = trial(waits)
    measured.step()
    _say(store, clock, "pause")
    sets = list(lever.sets)
    held = measured.step()
    assert held.next_at == clock()
    assert lever.sets == sets
    _say(store, clock, "resume")
    assert measured.to_the_end().entry.verdict == "improved"


def test_late_data_do_not_turn_a_pair_that_was_judged(trial, store):
    """A unit that becomes known after the look leaves the recorded difference as it was."""
    measured = trial(waits)
    for _ in range(3):
        measured.step()
    before = last_look(store, measured.entry.id, measured.entry.proposal.plan)
    first = measured.units[0]
    measured.units.insert(1, Unit(first.queued, first.completed, 1000.0))
    for _ in range(2):
        measured.step()
    after = last_look(store, measured.entry.id, measured.entry.proposal.plan)
    assert after.differences[: before.number] == before.differences


def test_a_reviewer_undoes_at_once_while_it_is_measured(trial, lever, store, policy, clock):
    """`grace undo` does not wait for a verdict, and the next step finds the measurement over."""
    measured = trial(waits)
    measured.step()
    undone = undo(
        store,
        lever,
        find(store, measured.entry.id),
        policy,
        clock,
        reason="the service is slow",
        reviewer="ann",
    )
    assert (undone.state, undone.verdict, lever.read("pages")) == ("rolled_back", None, 2)
    assert measured.step().next_at is None


def test_only_a_reviewer_undoes_by_hand(trial, lever, store, policy, clock):
    """Somebody not on the list is refused, and nothing moves."""
    measured = trial(waits)
    with pytest.raises(NotAllowed, match="'mallory' is not on the list"):
        undo(
            store,
            lever,
            find(store, measured.entry.id),
            policy,
            clock,
            reason="because",
            reviewer="mallory",
        )
    assert lever.read("pages") == 8


def test_an_undo_that_fails_waits_for_a_person(trial, lever, store, policy, clock):
    """rollback_failed, with the lever's words; taken up again it would be done."""
    measured = trial(waits)
    lever.broken = "apply"
    undone = undo(
        store,
        lever,
        find(store, measured.entry.id),
        policy,
        clock,
        reason="slow",
        reviewer="ann",
    )
    assert (undone.state, undone.reason) == ("rollback_failed", "the file cannot be written")


def test_an_undo_killed_half_way_is_ended_by_the_next_step(trial, lever, store, policy, clock):
    """The target was put back but the record not written: the step writes it, setting nothing."""
    measured = trial(waits)
    lever.dies_after_setting = True
    with pytest.raises(KeyboardInterrupt):
        undo(
            store,
            lever,
            find(store, measured.entry.id),
            policy,
            clock,
            reason="slow",
            reviewer="ann",
        )
    lever.dies_after_setting = False
    sets = list(lever.sets)
    ended = measured.step()
    assert (ended.entry.state, ended.entry.reason) == ("rolled_back", "slow")
    assert lever.sets == sets


def _say(store, clock, answer):
    decision = Decision(question="pause", answer=answer, reason="release week", reviewer="ann")
    with store.writing(clock()) as writer:
        record_decision(writer, decision)


GUARDRAILS = (guardrail("failure share", 0.3),)


class ServiceTrial(Trial):
    """Six short runs a block, which wait less the more are allowed at once; `value_of` says what
    share of them the service refuses then."""

    def _run_a_unit(self):
        limit = self.lever.read("pages")
        for second in range(5, 50, 8):
            queued, number = self.clock() + timedelta(seconds=second), len(self.units)
            failed = float((number * 7) % 10 < 10 * self.value_of(limit))
            ended = queued + timedelta(seconds=2)
            self.units.append(Unit(queued, ended, 10 / limit, str(number), 1.0, failed))


def refusing_above_four(limit):
    return 0.9 if limit > 4 else 0.0


def test_a_change_under_which_runs_fail_is_undone_at_once(trial, lever):
    """What is refused waits for nothing, so the metric would call it better: the guardrail ends it
    before seven pairs are over."""
    measured = trial(refusing_above_four, kind=ServiceTrial, guardrails=GUARDRAILS)
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("rolled_back", "regressed")
    assert ended.look.judgement.pairs < 7
    assert "the failure share of the treated runs passed 30.0 %" in ended.entry.reason
    assert lever.read("pages") == 2


def test_the_metric_alone_would_have_kept_it(trial):
    """The naive judgement of the same runs: improved."""
    ended = trial(refusing_above_four, kind=ServiceTrial).to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "improved")


def test_runs_that_fail_as_they_always_did_trip_nothing(trial):
    """A share of failures below the bound under both values: the verdict is the metric's."""
    measured = trial(lambda limit: 0.1, kind=ServiceTrial, guardrails=GUARDRAILS)
    ended = measured.to_the_end()
    assert (ended.entry.state, ended.entry.verdict) == ("kept", "improved")
    assert ended.look.judgement.pairs == 7


def test_what_a_guardrail_said_is_recorded_once(trial, store):
    """One final verdict, with the reason, that its page shows and a step taken again finds."""
    measured = trial(refusing_above_four, kind=ServiceTrial, guardrails=GUARDRAILS)
    entry = measured.to_the_end().entry
    seen = last_look(store, entry.id, entry.proposal.plan)
    assert seen.stop.startswith("the failure share")
    assert f"| ended | {seen.stop} |" in look_page(entry, seen)
    verdicts = newest(store, "verdicts")
    assert verdicts["final"].sum() == 1
    assert verdicts[verdicts["final"]]["verdict"].tolist() == ["regressed"]

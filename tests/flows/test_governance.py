"""The sweep takes up what a crash or a brake left undone, and one trouble hides nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.governance.decisions import Decision, record_decision
from grace.governance.register import move
from grace.measurement.looks import last_look
from tasks import sweep
from tests.desk import run_deployed

SWEEP = "governance/every-10-minutes"


@pytest.fixture
def impatient(monkeypatch):
    """What is unfinished is taken for lost at once."""
    monkeypatch.setattr(sweep, "PATIENCE", timedelta(0))


def approve(desk, value=8):
    """A proposal that is approved, and whose run was lost before it applied anything."""
    entry = desk.propose(value)
    with desk.store.writing(datetime.now(UTC)) as writer:
        record_decision(
            writer,
            Decision(
                question="a person's answer",
                answer="approve",
                reason="fine",
                reviewer="ann",
                proposal_id=entry.id,
                content_hash=entry.content_hash,
            ),
        )
        return move(writer, entry, "approved", run_id=entry.run_id)


def test_what_was_approved_is_applied_though_its_run_was_lost(desk):
    """Approved, then the machine went away: the sweep applies it and has it measured."""
    entry = approve(desk)
    assert run_deployed(SWEEP).is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("applied", 8)


def test_a_pause_holds_until_it_is_resumed(desk):
    """Approved changes wait through a pause, and the next sweep after it applies them."""
    entry = approve(desk)
    pause(desk, "pause")
    assert run_deployed(SWEEP).is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("approved", 2)
    pause(desk, "resume")
    run_deployed(SWEEP)
    assert (desk.entry(entry).state, desk.limit) == ("applied", 8)


def test_a_measurement_whose_step_was_lost_goes_on(desk, impatient):
    """No run takes the first step: the sweep does, and sets the first block."""
    desk.set_policy(least_block_seconds=1)
    entry = approve(desk)
    run_deployed(SWEEP)
    assert run_deployed(SWEEP).is_completed()
    assert desk.entry(entry).state == "measuring"
    plan = entry.proposal.plan
    # a sweep within the second that a block lasts finds nothing due
    while (seen := last_look(desk.store, entry.id, plan)) is None:
        assert run_deployed(SWEEP).is_completed()
    assert seen.judgement.void_pairs == seen.number == 1


def test_one_that_cannot_be_carried_on_does_not_keep_the_others(desk, monkeypatch):
    """A target that is gone fails its own task and the run; the other change is applied."""
    from tasks.levers.concurrency_limit import ConcurrencyLimit

    good = approve(desk)
    real, calls = ConcurrencyLimit.read, []

    def read(self, target):
        calls.append(target)
        if len(calls) == 1:
            raise RuntimeError("the first target is gone")
        return real(self, target)

    other = desk.another()
    bad = approve(other)
    monkeypatch.setattr(ConcurrencyLimit, "read", read)
    state = run_deployed(SWEEP)
    monkeypatch.undo()
    assert state.is_failed()
    applied = {desk.entry(good).state, desk.entry(bad).state}
    assert applied == {"approved", "applied"}


def test_nothing_to_do_is_done_quickly_and_signed(desk):
    """An empty sweep completes and leaves a signed checkpoint."""
    desk.propose(8)
    assert run_deployed(SWEEP).is_completed()
    assert desk.settings.checkpoint_file.exists()


def pause(desk, answer):
    decision = Decision(question="pause", answer=answer, reason="release week", reviewer="ann")
    with desk.store.writing(datetime.now(UTC)) as writer:
        record_decision(writer, decision)

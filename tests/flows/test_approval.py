"""A person answers a suspended run; what is no consent changes nothing, and the record says why."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.states import Completed, Scheduled

from grace.errors import BadInput
from grace.governance.asking import NO_ANSWER
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS
from tasks import sweep
from tasks.runs import answer_run, read_run
from tests.desk import steps_of


def set_state(run_id, state):
    """What somebody with the API does who wants a run to go on whatever it waits for."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), state, force=True)


def take_the_form_away(run_id):
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(UUID(run_id)).state.state_details.run_input_keyset
        client.delete_flow_run_input(UUID(run_id), keys["schema"])


def edit(store, old, new):
    """What somebody with the database does to a proposal."""
    table = LOGS["proposals"].table
    with store.engine.begin() as connection:
        for statement in drop_triggers(connection.dialect.name):
            connection.exec_driver_sql(statement)
        connection.execute(
            table.update().values(content=sa.func.replace(table.c.content, old, new))
        )


@pytest.mark.both_databases
def test_an_approved_change_is_applied_in_the_resumed_run(desk):
    """The run suspends; after the answer it sets the limit and starts the measurement."""
    entry = desk.propose(8)
    assert desk.carry_on(entry).name == "Suspended"
    assert desk.limit == 2
    assert desk.answer(entry).is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("applied", 8)
    assert desk.decisions(entry) == [("approve", "as agreed")]
    assert [run.name for run in steps_of(entry)] == [f"measure {entry.id[-8:]} first"]


def test_a_rejected_change_is_not_applied(desk):
    """The answer, the person and the reason are in the record, as declared."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    assert desk.answer(entry, "reject").is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("rejected", 2)
    assert desk.decisions(entry) == [("reject", "as agreed")]


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"answer": "approve"},
        {"answer": "yes", "reviewer": "ann", "reason": "x"},
        {"answer": "approve", "reviewer": "", "reason": "x"},
        {"answer": "approve", "reviewer": "ann", "reason": ""},
    ],
)
def test_an_incomplete_form_is_refused_at_the_door(desk, given):
    """Nothing has a default: Prefect refuses the resume and the run waits on."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    with pytest.raises(BadInput, match="Prefect did not take the answer"):
        answer_run(entry.run_id, given)
    assert read_run(entry.run_id).stands == "asking"
    assert (desk.entry(entry).state, desk.limit) == ("awaiting_approval", 2)


def test_a_forced_state_is_no_consent(desk):
    """Forced to go on, the run finds no answer, records that, and asks again."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    set_state(entry.run_id, Scheduled())
    assert desk.carry_on(entry).name == "Suspended"
    assert (desk.entry(entry).state, desk.limit) == ("awaiting_approval", 2)
    assert desk.decisions(entry) == [("invalid", NO_ANSWER)]
    assert desk.answer(entry).is_completed()
    assert desk.limit == 8


def test_a_run_forced_to_its_end_is_no_consent(desk):
    """Completed by hand: the sweep records it and asks in a new run."""
    from tasks.sweep import LOST, restart_lost_approvals

    entry = desk.propose(8)
    desk.carry_on(entry)
    set_state(entry.run_id, Completed())
    assert restart_lost_approvals.fn(desk.settings) == [entry.id]
    assert restart_lost_approvals.fn(desk.settings) == []
    again = desk.entry(entry)
    assert again.run_id != entry.run_id
    assert (again.state, desk.limit) == ("awaiting_approval", 2)
    assert desk.decisions(entry) == [("invalid", LOST)]


def test_a_reviewer_not_on_the_list_is_asked_again(desk):
    """Mallory's approval is recorded as invalid; ann's counts."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    assert desk.answer(entry, reviewer="mallory").name == "Suspended"
    assert (desk.entry(entry).state, desk.limit) == ("awaiting_approval", 2)
    (recorded,) = desk.decisions(entry)
    assert recorded == ("invalid", "'mallory' is not on the list of reviewers (ann, ben)")
    assert desk.answer(entry).is_completed()
    assert desk.limit == 8


def test_nobody_approves_what_they_proposed_by_hand(desk):
    """Ann is a reviewer, but not of her own proposal; ben is."""
    entry = desk.propose(8, by="ann")
    desk.carry_on(entry)
    assert desk.answer(entry, reviewer="ann").name == "Suspended"
    (recorded,) = desk.decisions(entry)
    assert recorded[0] == "invalid"
    assert "proposed this by hand" in recorded[1]
    assert desk.limit == 2
    desk.answer(entry, reviewer="ben")
    assert desk.limit == 8


def test_an_answer_after_the_deadline_expires_the_proposal(desk):
    """Too late is no consent, whoever says it."""
    desk.set_policy(deadline_hours=1e-6)
    entry = desk.propose(8)
    desk.carry_on(entry)
    assert desk.answer(entry).is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("expired", 2)
    (recorded,) = desk.decisions(entry)
    assert recorded[0] == "refused"
    assert "after the deadline" in recorded[1]


def test_the_sweep_expires_what_nobody_answered(desk):
    """Overdue, it becomes expired, and then its run is cancelled."""
    from tasks.sweep import expire_overdue

    desk.set_policy(deadline_hours=1e-6)
    entry = desk.propose(8)
    desk.carry_on(entry)
    assert expire_overdue.fn(desk.settings) == [entry.id]
    assert read_run(entry.run_id).state == "Cancelled"
    assert desk.entry(entry).state == "expired"
    assert expire_overdue.fn(desk.settings) == []


def test_a_run_that_waits_without_a_form_is_replaced_by_one_that_can_be_answered(desk, monkeypatch):
    """Its process died between the suspension and the form: nobody could ever answer it."""
    monkeypatch.setattr(sweep, "PATIENCE", timedelta(0))
    entry = desk.propose(8)
    desk.carry_on(entry)
    assert sweep.restart_lost_approvals.fn(desk.settings) == []
    take_the_form_away(entry.run_id)
    assert sweep.restart_lost_approvals.fn(desk.settings) == [entry.id]
    assert read_run(entry.run_id).state == "Cancelled"
    again = desk.entry(entry)
    assert (again.state, again.run_id != entry.run_id) == ("awaiting_approval", True)
    desk.carry_on(again)
    assert desk.answer(again).is_completed()
    assert desk.limit == 8


def test_an_edited_proposal_was_never_asked_about(desk):
    """Somebody writes 7 for 8 in the database: the hash is not the one that was shown."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    edit(desk.store, '"after":8', '"after":7')
    assert desk.answer(entry).is_completed()
    assert (desk.entry(entry).state, desk.limit) == ("superseded", 2)
    (recorded,) = desk.decisions(entry)
    assert recorded[0] == "refused"
    assert "not the one that was shown" in recorded[1]


def test_a_second_approval_changes_nothing(desk):
    """The run no longer waits, so there is nothing to answer."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    desk.answer(entry)
    with pytest.raises(BadInput, match="not paused"):
        answer_run(entry.run_id, {"answer": "reject", "reviewer": "ben", "reason": "late"})
    assert desk.entry(entry).state == "applied"


def test_a_forbidden_change_is_never_asked_about(desk):
    """Outside the bounds: recorded as forbidden, with the rule's words, and no run waits."""
    entry = desk.propose(9)
    assert (entry.state, entry.run_id, desk.limit) == ("forbidden", None, 2)
    assert entry.reason == "a limit grows to at most four times itself at one step"


def test_one_open_proposal_a_target(desk):
    """A second one is refused with the first one's name."""
    first = desk.propose(8)
    with pytest.raises(BadInput, match=f"{first.id[-12:]} .* awaiting_approval already"):
        desk.propose(4)


def test_the_form_shows_the_brief(desk):
    """What is stored with the suspended run is the page: change, risk and how it is undone."""
    entry = desk.propose(8)
    desk.carry_on(entry)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(entry.run_id))
        keyset = run.state.state_details.run_input_keyset
        page = client.read_flow_run_input(run.id, keyset["description"])
    assert "- 2\\n+ 8" in page
    assert "What it risks" in page
    assert entry.content_hash[:16] in page

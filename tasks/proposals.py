"""Asking a person: a proposal enters the register, and a suspended run of its own waits."""

from datetime import UTC, datetime
from typing import Literal

from prefect import task
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import ConfigDict, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from grace.brief import brief
from grace.errors import BadInput
from grace.governance.asking import Outcome, submit, take_answer
from grace.governance.consent import Answer
from grace.governance.policy import Policy, load_policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, attach_run, find
from grace.identity.knowing import Known
from grace.identity.roster import read_roster
from grace.identity.signing_in import log_origin, server_key
from grace.identity.statement import Statement, asking_id
from grace.ledger.note import SigningKey
from grace.settings import Settings
from grace.store import open_store
from tasks.notices import tell_waiting
from tasks.record import lines_beside
from tasks.runs import question_of, start_run

__all__ = [
    "ApprovalForm",
    "ask",
    "ask_person",
    "present",
    "record_answer",
    "sign_answer",
    "submit_proposal",
]


class ApprovalForm(RunInput):
    """What people fill in is required and has no default: silence is no answer.

    `proof` is no field that the page shows. The command line and the server put it in, and what it
    is worth the resumed run finds out.
    """

    model_config = ConfigDict(
        json_schema_extra={"patternProperties": {"^proof$": {"type": "string"}}}
    )

    answer: Literal["approve", "reject"] = Field(description="Approve or reject the change.")
    reviewer: str = Field(min_length=1, description="Your name, as it stands in the policy.")
    reason: str = Field(min_length=1, description="Why; it goes into the record.")
    proof: SkipJsonSchema[str | None] = None


def submit_proposal(settings: Settings, proposal: Proposal, policy: Policy) -> Entry:
    """Enter a proposal; where the policy asks, a run begins to wait for the answer."""
    store = open_store(settings.url)
    entry = submit(store, proposal, policy, datetime.now(UTC))
    return ask_person(settings, entry) if entry.state == "awaiting_approval" else entry


def ask_person(settings: Settings, entry: Entry, attempt: int = 1) -> Entry:
    """Start the run that waits for an answer, and say so; the same attempt is the same run."""
    run_id = start_run(
        settings,
        "approval",
        "on-proposal",
        {"proposal_id": entry.id, "content_hash": entry.content_hash},
        key=f"{settings.log}:{entry.id}:approval-{attempt}",
        name=f"approve {entry.proposal.title}",
    )
    if run_id == entry.run_id:
        return entry
    with open_store(settings.url).writing(datetime.now(UTC)) as writer:
        entry = attach_run(writer, entry, run_id)
    tell_waiting(settings, entry, run_id)
    return entry


def present(settings: Settings, proposal_id: str) -> tuple[Entry, str]:
    """The proposal and the page that is shown with the form; reads and changes nothing."""
    store, policy = open_store(settings.url, create=False), load_policy(settings)
    entry = find(store, proposal_id)
    return entry, brief(entry, policy, lines_beside(store, policy, entry, datetime.now(UTC)))


def ask(page: str, number: int) -> Answer | None:
    """Suspend this run until somebody answers; None where it went on without an answer."""
    form = ApprovalForm.with_initial_data(description=page)
    try:
        given = suspend_flow_run(wait_for_input=form, key=f"answer-{number}", timeout=None)
        return Answer(
            answer=given.answer, reviewer=given.reviewer, reason=given.reason, proof=given.proof
        )
    except ValidationError:
        return None


@task
def record_answer(
    settings: Settings, proposal_id: str, content_hash: str, answer: Answer | None, number: int
) -> Outcome:
    """What the answer comes to; recorded once, however often the run is taken up again."""
    store = open_store(settings.url, create=False)
    return take_answer(
        store,
        load_policy(settings),
        find(store, proposal_id),
        answer,
        asked_hash=content_hash,
        decision_id=asking_id(proposal_id, flow_run.id, f"answer-{number}"),
        now=datetime.now(UTC),
        run_id=flow_run.id,
        known=Known(read_roster(settings), log_origin(settings), server_key(settings)),
    )


def sign_answer(
    settings: Settings, entry: Entry, answer: Answer, key: SigningKey, now: datetime
) -> Answer:
    """The answer with a statement of it under the reviewer's own key, for the question of now.

    Raises BadInput where the log was never signed, or no run asks.
    """
    if (origin := log_origin(settings)) is None or entry.run_id is None:
        raise BadInput("the log was never signed, or no run asks yet; try again in a minute")
    statement = Statement(
        log=origin,
        proposal=entry.id,
        content=entry.content_hash,
        asking=asking_id(entry.id, entry.run_id, question_of(entry.run_id)),
        answer=answer.answer,
        reviewer=answer.reviewer,
        reason=answer.reason,
        assurance="signature",
        at=now,
    )
    return answer.model_copy(update={"proof": statement.signed(key)})

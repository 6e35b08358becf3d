"""One proposal, one waiting run: a person answers in its form, and the same run carries it out."""

from itertools import count

from prefect import flow

from grace.settings import Settings
from tasks.changes import apply_change
from tasks.proposals import ask, present, record_answer

__all__ = ["approval"]


@flow(name="approval", retries=0, log_prints=True)
def approval(proposal_id: str, content_hash: str) -> None:
    """Waits for a person, holding no worker and no process; applies what was approved.

    After an answer it runs again from the top: up to the form it only reads. An answer that is no
    consent is recorded and asked again.
    """
    settings = Settings()
    _, page = present(settings, proposal_id)
    for number in count(1):
        answer = ask(page, number)
        outcome = record_answer(settings, proposal_id, content_hash, answer, number)
        if outcome != "ask again":
            break
    print(f"{proposal_id}: {outcome}")
    if outcome == "approved":
        print(apply_change(settings, proposal_id).told)

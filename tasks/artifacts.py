"""Pages in the Prefect UI: the proposal as it was asked, and where its measurement stands."""

from datetime import UTC, datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.account import look_page
from grace.brief import brief
from grace.governance.policy import Policy
from grace.governance.register import Entry, find
from grace.measurement.looks import last_look
from grace.settings import Settings
from grace.store import open_store
from tasks.record import lines_beside

__all__ = ["publish_brief", "publish_look"]


def publish_brief(settings: Settings, entry: Entry, policy: Policy) -> None:
    """The brief; its key is the proposal's, so that the versions stay together."""
    store = open_store(settings.url, create=False)
    beside = lines_beside(store, policy, entry, datetime.now(UTC))
    create_markdown_artifact(
        brief(entry, policy, beside), key=f"proposal-{entry.id}", description=entry.proposal.title
    )


@task
def publish_look(settings: Settings, proposal_id: str) -> None:
    """What the pairs of blocks say by now, or said in the end."""
    store = open_store(settings.url, create=False)
    entry = find(store, proposal_id)
    page = look_page(entry, last_look(store, entry.id, entry.proposal.plan))
    create_markdown_artifact(
        f"{page}\n{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n",
        key=f"measurement-{entry.id}",
        description=entry.proposal.title,
    )

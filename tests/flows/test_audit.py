"""The audit runs each night, and is a failed run where the log was changed."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.audit import ledger_audit
from grace.settings import Settings
from tests.tampering import Log


@pytest.fixture
def log(settings: Settings) -> Log:
    made = Log(settings)
    made.write(2)
    made.sign()
    return made


def newest_page(settings: Settings) -> str:
    key = ArtifactFilterKey(any_=[f"ledger-audit-{settings.log}"])
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=key))
    return str(max(found, key=lambda each: each.created).data)


def test_a_log_that_holds_is_audited_in_one_line(log: Log, prefect_api: str) -> None:
    """What was checked stands in the run and on its page; the rows of the audit are signed too."""
    assert ledger_audit() == "the log holds: 32 rows, signed up to 32"
    page = newest_page(log.settings)
    assert "The log holds: 32 rows, signed up to 32." in page
    assert "| signed | 32 |" in page


def test_a_changed_log_fails_the_run_and_names_the_place(log: Log, prefect_api: str) -> None:
    """Found and told apart: here a row was edited behind the log's back."""
    with log.attack() as connection:
        connection.execute("UPDATE goals SET title = 'met' WHERE ledger_index = 8")
    state = ledger_audit(return_state=True)
    assert state.is_failed()
    assert "edited, first bad index 8: the row at index 8 was edited" in state.message
    assert "does NOT hold" in newest_page(log.settings)

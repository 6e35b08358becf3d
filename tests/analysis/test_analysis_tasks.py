"""The task: an analysis of the log, shown in Prefect."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact

from grace.settings import Settings
from grace.store import open_store
from tasks.analysis import publish_analysis
from tests.analysis.conftest import write
from tests.analysis.logs import Entry

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)


def decision(key: int, status: str) -> Entry:
    row = {"log_id": str(key), "timestamp": NOON, "status": status, "source": "logger"}
    return "agentic_spine_logs", row, NOON


def artifacts(key: str) -> list[Artifact]:
    found = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=found)


@pytest.mark.parametrize("sample", [False, True])
def test_the_analysis_is_shown_as_an_artifact(
    settings: Settings, prefect_api: str, sample: bool
) -> None:
    """One key a log, the page as its content, the health as its description."""
    of = settings.for_log("sample" if sample else "main")
    store = open_store(of.url)
    write(store, [decision(n, "executed" if n < 9 else "failed") for n in range(12)])
    window = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    before = len(artifacts(f"analysis-{of.log}"))
    publish_analysis(of, *window)
    shown = artifacts(f"analysis-{of.log}")
    assert len(shown) == before + 1
    told = [one.description for one in shown if "| decisions executed | 75.0 % |" in str(one.data)]
    without = "healing success rate and ML confidence: no data"
    assert told[-1] == f"Health: 100 of 100, grade A, without {without}"

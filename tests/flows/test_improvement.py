"""The hourly cycle: what it shows, and that a part that fails hides nothing of the others."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

import flows.improvement
from grace.opportunities.enhance_healing import TARGET
from grace.store.read import newest
from tests.desk import Desk, run_deployed

HOUR = timedelta(hours=1)


def cycle() -> object:
    return run_deployed("proactive-improvement/hourly")


def pages(key: str) -> list[str]:
    found = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return [str(one.data) for one in client.read_artifacts(artifact_filter=found)]


def test_a_cycle_shows_the_analysis_of_the_last_day(desk: Desk) -> None:
    with desk.store.writing(datetime.now(UTC)) as writer:
        row = {"log_id": "1", "timestamp": datetime.now(UTC), "status": "executed"}
        writer.append("agentic_spine_logs", [row | {"source": "logger"}])
    before = pages("analysis-main")
    assert cycle().is_completed()
    (page,) = set(pages("analysis-main")) - set(before)
    assert "## What could be better" in page


@pytest.mark.parametrize(
    "part", ["ingest_prefect_runs", "learn_patterns", "publish_analysis", "find_poor_healing"]
)
def test_a_part_that_fails_is_named_and_the_cycle_still_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    @task(name=part)
    def broken(*_: object) -> None:
        raise OSError("the disk is gone")

    if part.startswith("find"):
        monkeypatch.setattr(flows.improvement, "KINDS", (*flows.improvement.KINDS, broken))
    else:
        monkeypatch.setattr(flows.improvement, part, broken)
    with desk.store.writing(datetime.now(UTC)) as writer:
        row = {"attempt_id": "1", "attempted_at": datetime.now(UTC) - HOUR, "success": True}
        writer.append("healing_attempts", [row], source="governed")
    state = cycle()
    assert state.is_failed()
    assert "the disk is gone" in state.message
    (logged,) = newest(desk.store, "meta_loop_logs").itertuples()
    findings = json.loads(logged.snapshot_after)["findings"]
    assert TARGET in {finding["target"] for finding in findings}

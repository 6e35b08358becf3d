"""The drill says whether the newest backup can be restored, and leaves nothing behind."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    ArtifactFilter,
    ArtifactFilterKey,
)
from prefect.client.schemas.objects import ArtifactCollection

from flows.drill import restore_drill
from grace import mesh
from grace.export.drill import last_drill
from grace.export.history import Finished
from grace.settings import Settings
from tests.export.conftest import Exporting


@pytest.fixture
def drilled(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_api: str
) -> Exporting:
    """A log whose rows are valid, which the flow's `Settings()` finds."""
    monkeypatch.setenv("GRACE_DATA_DIR", str(settings.data_dir))
    made = Exporting(settings, tmp_path)
    made.write("goals", {"goal_id": "g-1", "title": "fewer waits", "status": "active"})
    return made


def page_of(key: str) -> ArtifactCollection:
    """The newest of a drill."""
    named = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        (page,) = client.read_latest_artifacts(artifact_filter=named)
    return page


def left(settings: Settings) -> list[Path]:
    return list(settings.log_dir.glob(".drill*"))


def spoil(finished: Finished) -> None:
    path = Path(finished.path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_backup_that_can_be_restored_is_said_to_be(drilled: Exporting) -> None:
    """Every row proven; it stands in the log that was backed up, and on its status page."""
    finished = drilled.export()
    restore_drill()
    drill = last_drill(drilled.settings)
    assert drill is not None
    assert (drill.ok, drill.path, drill.rows) == (True, finished.path, finished.rows)
    (event,) = mesh.subscribe("restore.*", store=drilled.store())
    assert (event.type, event.resource) == ("restore.drilled", f"backup/{finished.path}")
    assert left(drilled.settings) == []
    key = ArtifactFilterKey(any_=["restore-drill-progress-main"])
    with get_client(sync_client=True) as client:
        shown = client.read_artifacts(artifact_filter=ArtifactFilter(key=key))
    assert 100 in [float(each.data) for each in shown]
    page = page_of("restore-drill-main")
    assert page.description == "the newest backup can be restored"
    assert f"| restored | {finished.rows:,} rows, in 1 of " in page.data


def test_a_spoilt_backup_fails_the_run(drilled: Exporting) -> None:
    """One byte: the run fails with the reason, which is in the log too."""
    finished = drilled.export()
    spoil(finished)
    state = restore_drill(return_state=True)
    assert state.is_failed()
    assert f"{finished.path} cannot be restored" in state.message
    drill = last_drill(drilled.settings)
    assert drill is not None
    assert not drill.ok
    (event,) = mesh.subscribe("restore.*", store=drilled.store())
    assert event.type == "restore.drill_failed"
    assert left(drilled.settings) == []
    page = page_of("restore-drill-main")
    assert page.description == "the newest backup CANNOT be restored"
    assert "| reason | " in page.data


def test_a_backup_that_is_gone_fails_the_run(drilled: Exporting) -> None:
    """Somebody tidied up: better known by a drill than by a fire."""
    finished = drilled.export()
    Path(finished.path).unlink()
    state = restore_drill(return_state=True)
    assert state.is_failed()
    assert "there is no such archive on this machine" in state.message


def test_without_a_backup_there_is_nothing_to_try(drilled: Exporting) -> None:
    """Said in one line."""
    state = restore_drill(return_state=True)
    assert state.is_failed()
    assert "there is no backup to try: `grace export` makes one" in state.message

"""Runs of a real Prefect server in the log: each once, with the figures of the server's own API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from prefect import get_client, tags
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.ingestion import ingestion
from grace.errors import Unreachable
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tasks.ingest_prefect import SETTLE, Counts, ingest_prefect_runs
from tests.tasks.conftest import Ran, nested

RUNS = "parallel_process_logs"


pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, ran, prefect_server: str) -> Settings:
    """A log that one ingestion filled; nothing is added to it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("logged"))
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        ingest(settings)
    return settings


def ingest(settings: Settings) -> Counts:
    """As a flow does, a little later: what ended just now is left for the next time."""
    return ingest_prefect_runs.fn(settings, datetime.now(UTC) + SETTLE)


def rows(settings: Settings, table: str = RUNS) -> pd.DataFrame:
    return newest(open_store(settings.url), table)


def row(settings: Settings, run_id: str) -> pd.Series:
    found = rows(settings).set_index("process_id").loc[run_id]
    assert isinstance(found, pd.Series)
    return found


def of(ran: Ran, settings: Settings) -> pd.DataFrame:
    """What the log holds of these runs alone: others end on this server at any time."""
    ids = list(vars(ran).values())
    found = rows(settings).set_index("process_id").sort_index()
    return found.loc[found.index.isin(ids) | found["parent_process"].isin(ids)]


def ledger_size(settings: Settings) -> int:
    with open_store(settings.url).reading() as connection:
        return int(connection.exec_driver_sql("SELECT size FROM ledger_head").scalar_one())


def asked(path: str, **wanted: object) -> list[dict[str, object]]:
    with get_client(sync_client=True) as client:
        return client.request("POST", path, json=wanted).json()


def task_runs_of(run_id: str) -> list[dict[str, object]]:
    return asked("/task_runs/filter", flow_runs={"id": {"any_": [run_id]}}, limit=200)


def seconds(run: dict[str, object], begin: str, end: str) -> float:
    first, last = (datetime.fromisoformat(str(run[name])) for name in (begin, end))
    return (last - first).total_seconds()


def test_each_task_run_is_one_row_with_the_server_s_figures(logged: Settings, ran) -> None:
    """Wait is first Running less expected start; a subflow's wrapper is no run of its own."""
    found = rows(logged).set_index("process_id")
    work = [run for run in task_runs_of(ran.governed) if not run["name"].startswith("nested")]
    assert len(task_runs_of(ran.governed)) == len(work) + 1
    mine = found[(found["parent_process"] == ran.governed) & (found["process_type"] == "task_run")]
    assert set(mine.index) == {run["id"] for run in work}
    for run in work:
        assert mine.loc[run["id"], "wait_time_seconds"] == pytest.approx(
            seconds(run, "expected_start_time", "start_time")
        )
        assert mine.loc[run["id"], "execution_time_seconds"] == pytest.approx(run["total_run_time"])
        assert mine.loc[run["id"], "success"] == (run["state_type"] == "COMPLETED")


def test_a_limit_of_one_makes_two_of_three_tasks_wait(logged: Settings, ran) -> None:
    """What is logged is enough to see the limit: its value, and that no two ran at once."""
    mine = rows(logged).sort_values("started_at")
    mine = mine[(mine["task_name"] == "contend") & (mine["parent_process"] == ran.governed)]
    limits = [json.loads(payload)["limits"] for payload in mine["task_payload"]]
    assert limits == [{"tag:ingest-test": 1}] * 3
    assert (mine["started_at"].iloc[1:].array >= mine["completed_at"].iloc[:-1].array).all()
    assert (mine["wait_time_seconds"] > 0.2).sum() >= 2


def test_a_task_that_waits_for_others_is_ready_when_they_ended(logged: Settings, ran) -> None:
    frame = rows(logged)
    mine = frame[frame["parent_process"] == ran.governed]
    (total,) = mine[mine["task_name"] == "add_up"].itertuples()
    last = mine.loc[mine["task_name"] == "contend", "completed_at"].max()
    assert datetime.fromisoformat(json.loads(total.task_payload)["ready_at"]) == last


def test_a_flow_run_carries_deployment_and_limit(logged: Settings, ran) -> None:
    found = row(logged, ran.governed)
    payload = json.loads(found["task_payload"])
    assert found["task_name"] == payload["deployment"] == "governed/here"
    assert payload["limits"] == {"deployment:governed/here": 3}
    assert payload["tags"] == ["nightly"]
    assert found["success"]


def test_a_subflow_run_belongs_to_its_caller(logged: Settings, ran) -> None:
    assert row(logged, ran.subflow)["parent_process"] == ran.governed
    assert row(logged, ran.subflow)["task_name"] == "nested"


def test_a_run_cancelled_before_its_start_counts_neither_way(logged: Settings, ran) -> None:
    found = row(logged, ran.cancelled)
    assert found["status"] == "Cancelled"
    assert pd.isna(found["success"])
    assert pd.isna(found["wait_time_seconds"])
    assert pd.isna(found["started_at"])


def test_each_retry_is_a_healing_attempt_with_the_error_it_answers(settings: Settings, ran) -> None:
    """One task heals at its second attempt, another fails three times."""
    counts = ingest(settings)
    healed = rows(settings, "healing_attempts")
    mine = healed[[json.loads(one)["flow_run"] == ran.governed for one in healed["metadata"]]]
    told = mine.sort_values("error_message")[["error_message", "success"]].to_numpy().tolist()
    assert told == [
        ["ConnectionError('failure 1 of 1')", True],
        ["ConnectionError('failure 1 of 9')", False],
        ["ConnectionError('failure 2 of 9')", False],
    ]
    assert counts.errors_unknown == healed["error_message"].isna().sum()


def test_grace_itself_and_the_sample_are_left_out(settings: Settings, ran) -> None:
    """An engine's subflow carries no tag: it is Grace's all the same."""
    counts = ingest(settings)
    subflow = asked("/flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [ran.engine]}})[
        0
    ]
    assert subflow["tags"] == []
    grace = {ran.engine, ran.sample, subflow["id"]}
    grace |= {run["id"] for one in grace for run in task_runs_of(str(one))}
    assert not grace & set(rows(settings)["process_id"])
    assert counts.left_out >= len(grace) - 1  # the wrapper is not even read


def test_the_sample_log_holds_the_sample_alone(settings: Settings, ran) -> None:
    sample = settings.for_log("sample")
    ingest(sample)
    found = set(rows(sample)["process_id"])
    assert found >= {ran.sample} | {str(run["id"]) for run in task_runs_of(ran.sample)}
    assert not found & {ran.governed, ran.subflow, ran.engine, ran.suspended}


def test_twice_adds_nothing(settings: Settings, ran) -> None:
    first = ingest(settings)
    before = of(ran, settings)
    assert first.added[RUNS] == len(rows(settings)) >= len(before) > 0
    assert ledger_size(settings) == sum(first.added.values())
    again = ingest(settings)
    assert again.read >= len(before)
    assert_frame_equal(of(ran, settings), before)
    assert ledger_size(settings) == sum([*first.added.values(), *again.added.values()])


def test_a_limit_changed_later_does_not_change_what_was_logged(
    settings: Settings, ran, limit_tag: Callable[[int], None]
) -> None:
    ingest(settings)
    before = of(ran, settings)
    limit_tag(5)
    ingest(settings)
    assert_frame_equal(of(ran, settings), before)


def test_a_suspended_run_is_under_way_until_it_ends(settings: Settings, ran) -> None:
    """Its end is a later revision of the same row, and the days it waited are not its wait."""
    ingest(settings)
    before = row(settings, ran.suspended)
    assert before["status"] == "Suspended"
    assert pd.isna(before["completed_at"])
    ingest(settings)
    assert row(settings, ran.suspended)["revision"] == before["revision"]
    ran.resume()
    ingest(settings)
    after = row(settings, ran.suspended)
    assert (after["status"], after["revision"]) == ("Completed", before["revision"] + 1)
    assert after["wait_time_seconds"] == before["wait_time_seconds"]
    between = (after["completed_at"] - after["started_at"]).total_seconds()
    assert after["execution_time_seconds"] < between


def test_a_server_that_does_not_answer_is_one_clear_line(settings: Settings) -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(
            Unreachable, match=r"^Prefect does not answer \(.*\); is it up\? `grace up`$"
        ),
    ):
        ingest_prefect_runs.fn(settings, datetime.now(UTC))
    assert ledger_size(settings) == 0
    assert open_store(settings.url).cursor("prefect") is None


def test_the_flow_logs_what_ran_and_shows_it(settings: Settings, ran, until) -> None:
    """What ended within the last ten seconds is left for the next time."""
    (governed,) = asked("/flow_runs/filter", flow_runs={"id": {"any_": [ran.governed]}})
    ended = datetime.fromisoformat(str(governed["end_time"]))
    until(lambda: datetime.now(UTC) - ended > timedelta(seconds=10))
    nested()
    with tags("grace"):
        ingestion()
    done, found = datetime.now(UTC), rows(settings)
    assert ran.governed in set(found["process_id"])
    since = (done - found["completed_at"]).dropna()
    assert (since >= timedelta(seconds=9)).all()
    (artifact,) = asked(
        "/artifacts/filter", artifacts={"key": {"any_": ["ingestion-main"]}}, limit=1
    )
    assert f"| parallel_process_logs | {len(found)} |" in str(artifact["data"])

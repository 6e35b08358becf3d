"""Every cause on a real server: pools, queues, limits, runs and the reading are the real ones.

One hour in which each deployment has one trouble of its own; the cause finder names it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.opportunities.finding import Finding
from grace.settings import Settings
from tasks.ingest_prefect import SETTLE, read_history
from tasks.performance import find_causes
from tests.serving import serving_prefect
from tests.workload import POLL, Run, Workload, burst

# with the settling time of the ingestion, now
END = 3300.0
BURSTS = [200.0 * number for number in range(12)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Its folder, with the clients of this module talking to it."""
    home = tmp_path_factory.mktemp("causes-server")
    with serving_prefect(home) as url, temporary_settings({PREFECT_API_URL: url}):
        yield home


@pytest.fixture(scope="module")
def hour(server: Path) -> Workload:
    begin = datetime.now(UTC) - timedelta(seconds=END)
    work = Workload(server / "prefect.db", begin)
    for trouble in (_pool, _queue, _deployment, _saturated, _polled, _together, _tag, _slow, _few):
        work.happen(trouble(work))
    return work


def _fours(name: str, slots: int, held: float = 20) -> list[Run]:
    return [run for at in BURSTS for run in burst(name, at, [held] * 4, slots)]


def _pool(work: Workload) -> list[Run]:
    return _fours(work.deploy("in-pool", work.pool("narrow", 1)), 1)


def _queue(work: Workload) -> list[Run]:
    pool = work.pool("roomy", 50)
    return _fours(work.deploy("in-queue", pool, work.queue(pool, "thin", 1)), 1)


def _deployment(work: Workload) -> list[Run]:
    return _fours(work.deploy("alone", work.pool("wide"), limit=1), 1)


def _saturated(work: Workload) -> list[Run]:
    return _fours(work.deploy("crowded", work.pool("one-at-a-time")), 1)


def _polled(work: Workload) -> list[Run]:
    name = work.deploy("quiet", work.pool("seldom-asked"))
    return [Run(name, at, at + 9, at + 11) for at in BURSTS]


def _together(work: Workload) -> list[Run]:
    """Two schedules at the same second; the one place is wanted for 40 s of 200."""
    pool = work.pool("shared", 1)
    first, second = work.deploy("twin-a", pool), work.deploy("twin-b", pool)
    runs = []
    for at in BURSTS:
        runs.append(Run(first, at, at + POLL, at + POLL + 20, scheduled=True))
        runs.append(Run(second, at, at + POLL + 20, at + POLL + 40, scheduled=True))
    return runs


def _tag(work: Workload) -> list[Run]:
    """Six pages of 5 s, two at a time."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("tag:pages", 2)
    name = work.deploy("paged", work.pool("for-pages"))
    return [_paged(name, at, 2) for at in BURSTS]


def _paged(name: str, at: float, slots: int) -> Run:
    begin = at + 1
    waits = [5.0 * (page // slots) for page in range(6)]
    tasks = [("page", begin, begin + wait, begin + wait + 5, ("pages",)) for wait in waits]
    return Run(name, at, begin, begin + max(waits) + 5, tasks=tuple(tasks))


def _slow(work: Workload) -> list[Run]:
    name = work.deploy("crunching", work.pool("for-numbers"))
    return [
        Run(name, at, at + 1, at + 15, tasks=(("crunch", at + 1, at + 1, at + 14, ()),))
        for at in BURSTS
    ]


def _few(work: Workload) -> list[Run]:
    name = work.deploy("seldom", work.pool("for-seldom"))
    return [Run(name, at, at + 1, at + 2) for at in BURSTS[:4]]


@pytest.fixture(scope="module")
def found(hour: Workload, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("causes"))
    now = datetime.now(UTC)
    read_history(settings, now + SETTLE, lambda _: None)
    return {each.target: each for each in find_causes.fn(settings, now)}


@pytest.mark.parametrize(
    ("deployment", "cause"),
    [
        ("in-pool", "work pool"),
        ("in-queue", "work queue"),
        ("alone", "deployment limit"),
        ("crowded", "worker saturation"),
        ("quiet", "worker poll"),
        ("twin-b", "schedules firing together"),
        ("paged", "tag limit"),
        ("crunching", "one slow task"),
    ],
)
def test_the_right_cause_is_named(found: dict[str, Finding], deployment: str, cause: str) -> None:
    """And all nine are told of, the global limit as what cannot be told apart."""
    told = found[f"deployment:{deployment}/often"].reason
    assert told.startswith(f"{cause} binds.\n")
    assert "A global limit cannot be told apart" in told
    assert found[f"deployment:{deployment}/often"].n == len(BURSTS) * (
        4 if deployment in ("in-pool", "in-queue", "alone", "crowded") else 1
    )


def test_the_full_queue_is_told_from_the_pool_with_room(found: dict[str, Finding]) -> None:
    told = found["deployment:in-queue/often"].reason
    assert "work-queue:roomy/thin (limit 1) was found full by 36 of 48 flow runs" in told
    assert "work-pool:roomy (limit 50) was found full by 0 of 48 flow runs" in told


def test_a_limit_is_told_of_under_its_own_name(found: dict[str, Finding]) -> None:
    """So that `grace status --why tag:pages` says what it costs whom."""
    assert found["tag:pages"].reason.startswith("Of paged/often: tag limit binds.\n")


def test_too_few_runs_are_insufficient_data(found: dict[str, Finding]) -> None:
    reason = found["deployment:seldom/often"].reason
    assert reason == "insufficient data: 4 of 5 flow runs"


def test_an_idle_server_is_insufficient_data(tmp_path: Path, server: Path) -> None:
    """Its log is empty: nothing is named, and it is said why."""
    (told,) = find_causes.fn(Settings(data_dir=tmp_path / "idle"), datetime.now(UTC))
    assert (told.target, told.n) == ("runs", 0)
    assert told.reason == "insufficient data: 0 of 5 flow runs in the last 1 h"

"""Watching an installation: every figure is the server's own, and it is never more than read."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.connection import Connection
from grace.installation.reaching import look_at
from grace.store import open_store
from grace.store.read import newest
from tasks.ingest_prefect import ingest_prefect_runs
from tests.foreign import Foreign
from tests.watched.conftest import COPIES, Watched
from tests.watched.expected import assert_equal_figures, figures_of
from tests.watched.proxy import is_read
from tests.watched.system import TARGET


def test_every_figure_of_the_log_equals_that_of_the_api(watched: Watched, foreign: Foreign) -> None:
    """Runs by state, waits, execution times, outcomes, retries, automations and workers."""
    watched.connect()
    counts = watched.read()
    assert_equal_figures(watched.store, foreign)
    states = {state for _, state in figures_of(foreign).states}
    assert states == {"Completed", "Failed", "Crashed", "Cancelled", "Paused", "Suspended"}
    assert counts.left_out > 0
    assert sum(watched.read().added.values()) == 0


def test_nothing_but_reads_is_asked_and_nothing_on_the_server_changes(
    watched: Watched, foreign: Foreign
) -> None:
    """Connecting, reading, and both engines, with a credential that may only read."""
    before = foreign.content()
    watched.connect()
    watched.read()
    assert watched.cycle().is_completed()
    assert watched.cycle("proactive-improvement/hourly").is_completed()
    assert watched.finding().standing == "would propose"
    assert watched.proxy.refused == []
    assert len(watched.proxy.asked) > 50
    assert all(is_read(one.method, one.path) for one in watched.proxy.asked)
    assert foreign.content() == before


def test_what_would_be_proposed_says_what_a_person_would_be_asked(watched: Watched) -> None:
    """The change, the waits it is for, what is foreseen, and how to be asked; no proposal."""
    watched.connect()
    assert watched.cycle().is_completed()
    found = watched.finding()
    assert found.standing == "would propose"
    assert f"Raise {TARGET} from 1 to " in found.reason
    assert "s longer than they must" in found.reason
    assert "Foreseen: mean excess wait" in found.reason
    assert f"grace --log prod enable {TARGET} --as REVIEWER --reason WHY" in found.reason
    assert watched.proposals() == []


def test_runs_of_every_grace_on_the_server_are_left_out(watched: Watched, foreign: Foreign) -> None:
    """Two of them live there; their flow runs, subflows and task runs count nowhere."""
    watched.connect()
    watched.read()
    runs = foreign.all("/flow_runs/filter")
    found = foreign.all("/deployments/filter")
    graces = {each["id"] for each in found if "grace" in each["tags"]}
    theirs = {run["id"] for run in runs if run["deployment_id"] in graces}
    tasks = foreign.all("/task_runs/filter")
    callers = {run["id"] for run in tasks if run["flow_run_id"] in theirs}
    below = {run["id"] for run in runs if run["parent_task_run_id"] in callers}
    assert len(graces) == 2
    assert len(theirs) == len(below) >= 2 * COPIES
    theirs |= below
    log = newest(watched.store, "parallel_process_logs")
    assert not theirs & set(log["process_id"])
    assert not theirs & set(log["parent_process"].dropna())


def test_the_own_log_does_not_count_the_engines_of_a_watched_one(watched: Watched) -> None:
    """They run on Grace's own server, where `main` reads."""
    watched.connect()
    assert watched.cycle().is_completed()
    main = watched.settings.for_log("main")
    ingest_prefect_runs.fn(main, datetime.now(UTC) + timedelta(minutes=1))
    names = newest(open_store(main.url), "parallel_process_logs")["task_name"]
    assert not [name for name in names if name.startswith(("performance-optimizer", "approval"))]


def test_a_server_without_protection_against_forgery_is_watched_too(
    prefect_server: str,
) -> None:
    """It has no token to give, and asks for none."""
    plain = Connection(api_url=prefect_server, version="", connected_at=datetime.now(UTC))
    assert look_at(plain, "plain").startswith("3.")


@pytest.mark.slow
def test_two_thousand_runs_are_read_as_they_are(watched: Watched, foreign: Foreign) -> None:
    foreign.copy_history(range(100, 240))
    watched.connect()
    watched.read()
    assert len(foreign.all("/flow_runs/filter")) >= 2000
    assert_equal_figures(watched.store, foreign)

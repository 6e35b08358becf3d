"""One real `grace up --sample`, and what a person may do to it.

Server, worker, signers and sample service are started once for this file, in a folder and on a
port of their own. Each test leaves them up.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from grace.installation import crash_lost_runs, read_installation
from grace.installation.deployments import declared
from grace.installation.environment import mark
from grace.installation.people import service_credential
from grace.installation.prefect_api import connected
from grace.installation.processes import environment, is_alive, marked
from grace.installation.services import POOL, wanted
from grace.installation.starting import PREFECT_FILE
from grace.settings import PROJECT
from grace.store import open_store
from tests.running import PAGE_REFRESH, System, until

DEAD_PID = 2**22  # above the highest pid that Linux gives


def test_server_worker_and_everything_declared_is_there(system: System) -> None:
    assert system.get("/health") is True
    assert set(system.deployments()) == set(declared(PREFECT_FILE, sample=True))
    assert set(system.processes) == set(wanted(system.installation))
    for log in ("main", "sample"):
        open_store(system.settings.for_log(log).url, create=False).engine.dispose()
    workers = f"/work_pools/{POOL}/workers/filter"
    until(lambda: [one["status"] for one in system.ask(workers, {})].count("ONLINE") == 1)


def test_runs_find_the_project_wherever_grace_up_was_called(system: System) -> None:
    """The folder that a run is told to work in is the project's, not the caller's."""
    (step,) = system.deployment()["pull_steps"]
    assert step["prefect.deployments.steps.set_working_directory"]["directory"] == str(PROJECT)


def test_it_took_the_next_free_port_and_is_seen_from_this_machine_only(system: System) -> None:
    taken = system.settings.port
    assert taken < system.installation.port < taken + 10
    for port in (system.installation.port, system.installation.service_port):
        assert port
        with socket.socket() as caller:
            # another address of this very machine, on which only a server for all would listen
            assert caller.connect_ex(("127.0.0.2", port)) != 0


def test_a_schedule_yields_scheduled_runs(system: System) -> None:
    """With SQLAlchemy 2.1 everything looks healthy and no schedule ever fires."""
    to_come = {"after_": datetime.now(UTC).isoformat()}
    body = {
        "deployments": {"id": {"any_": [system.deployment()["id"]]}},
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": to_come,
        },
        "sort": "EXPECTED_START_TIME_ASC",
    }
    until(lambda: len(system.ask("/flow_runs/filter", body)) >= 3)
    _, first, second = system.ask("/flow_runs/filter", body)[:3]
    assert first["auto_scheduled"]
    begin, end = (datetime.fromisoformat(run["expected_start_time"]) for run in (first, second))
    assert end - begin == timedelta(seconds=30)


def test_up_again_changes_nothing(system: System) -> None:
    until(lambda: system.deployment()["status"] == "READY")
    processes, deployments = system.processes, system.deployments()
    assert system.grace("up", "--sample")["changed"] is False
    assert system.processes == processes
    assert {name: one["schedules"] for name, one in system.deployments().items()} == {
        name: one["schedules"] for name, one in deployments.items()
    }


def test_a_killed_service_comes_back_and_the_others_are_left_alone(system: System) -> None:
    before = system.processes
    os.kill(before["sample-service"].pid, signal.SIGKILL)
    until(lambda: not is_alive(before["sample-service"]))
    assert system.grace("up", "--sample")["changed"] is True
    changed = {name for name, process in system.processes.items() if process != before[name]}
    assert changed == {"sample-service"}
    with httpx.Client(trust_env=False) as client:
        until(lambda: client.get(f"{system.installation.service_url}/health").is_success)


def test_the_tag_limit_is_set_once_and_then_belongs_to_others(system: System) -> None:
    limit = "/v2/concurrency_limits/tag:sample-pages"
    assert system.get(limit)["limit"] == 2
    system.ask(limit, {"limit": 5}, method="PATCH")
    try:
        assert system.grace("up", "--sample")["changed"] is False
        assert system.get(limit)["limit"] == 5
    finally:
        system.ask(limit, {"limit": 2}, method="PATCH")


def test_after_a_power_cut_dead_runs_are_crashed_and_waiting_ones_wait(system: System) -> None:
    """A run left Running by a dead process, with the slot its task held; and an approval."""
    dead = system.run("RUNNING", infrastructure_pid=f"{socket.gethostname()}:{DEAD_PID}")
    elsewhere = system.run("RUNNING", infrastructure_pid=f"not-{socket.gethostname()}:{DEAD_PID}")
    waiting = system.run("PAUSED", "Suspended", infrastructure_pid=str(DEAD_PID))
    task = system.ask(
        "/task_runs/",
        {"flow_run_id": dead, "task_key": "k", "dynamic_key": "0", "state": {"type": "RUNNING"}},
    )["id"]
    before = system.processes
    os.kill(before["server"].pid, signal.SIGKILL)
    until(lambda: not is_alive(before["server"]))

    system.grace("up", "--sample")

    names = [system.state(run) for run in (dead, elsewhere, waiting)]
    assert names == ["Crashed", "running", "Suspended"]
    assert system.get(f"/task_runs/{task}")["state"]["type"] == "CRASHED"
    assert system.processes["worker"] == before["worker"], "the worker lived and was left alone"
    system.ask(f"/flow_runs/{elsewhere}", method="DELETE")


def test_the_sweep_crashes_what_lost_its_process_while_nobody_could_be_told(
    system: System,
) -> None:
    """Two minutes it has: until then what is noted may be the process of before an answer."""
    place = f"{socket.gethostname()}:{DEAD_PID}"
    runs = [system.run(state, infrastructure_pid=place) for state in ("RUNNING", "PENDING")]
    waiting = system.run("PAUSED", "Suspended", infrastructure_pid=place)
    since = [_since(system, run) for run in runs]
    # beside one that an earlier test ended, for as long as Prefect believes in it, none is judged
    with connected(system.installation.api_url, service_credential(system.settings)) as api:
        until(lambda: api.workers(POOL) == 1)

    def lost(now: datetime) -> list[str]:
        """Of these alone: a run on a schedule may have lost its process to an earlier test."""
        return sorted({run.id for run in crash_lost_runs(system.settings, now)} & set(runs))

    assert lost(min(since) + timedelta(seconds=119)) == []
    assert lost(max(since) + timedelta(seconds=121)) == sorted(runs)
    assert [system.state(run) for run in (*runs, waiting)] == ["Crashed", "Crashed", "Suspended"]


def _since(system: System, run: str) -> datetime:
    """When Prefect noted its state; a busy one may take long over the next request."""
    return datetime.fromisoformat(system.get(f"/flow_runs/{run}")["state"]["timestamp"])


def test_down_ends_all_of_it_with_its_runs_and_nothing_else(system: System) -> None:
    """And what waits for a person still waits afterwards, whoever brings it up again."""
    waiting = system.run("PAUSED", "Suspended")
    running = _a_run_at_work(system)
    # Prefect cancels what is late while another run, killed by now, is said to have its slot
    _allow_page_refreshes(system, 100)
    queued = _a_run_in_the_queue(system)
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    port = system.installation.port

    assert system.grace("down") == {"stopped": True}

    assert marked(mark(system.settings)) == []
    assert read_installation(system.settings) is None
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", port)) != 0
    assert bystander.poll() is None
    bystander.communicate()
    assert system.grace("down") == {"stopped": False}

    _two_hours_pass(system)
    _up_cut_short(system)
    deployed = (system.settings.run_dir / "deployed.json").read_bytes()
    server = system.processes["server"]
    system.grace("up", "--sample")

    assert system.is_whole()
    assert system.processes["server"] == server, "what the first attempt started is used"
    assert (system.settings.run_dir / "deployed.json").read_bytes() == deployed
    assert system.state(waiting) == "Suspended"
    assert system.state(running) == "Crashed"
    assert system.get(f"/flow_runs/{queued}"), "what had its turn before is not missed"
    (left,) = _missed(system)  # of all that was missed one run makes up for the rest
    assert left["state_name"] != "Cancelled"
    _allow_page_refreshes(system, 1)


def _a_run_at_work(system: System) -> str:
    """The id of a run that goes on for an hour: a page refresh might end before `grace down`."""
    deployment = system.deployment("performance-optimizer/every-30-minutes")["id"]
    asked = {"parameters": {"interval_seconds": 3600, "cycles_at_most": 2}}
    run = str(system.ask(f"/deployments/{deployment}/create_flow_run", asked)["id"])
    until(lambda: system.state(run) == "Running")
    return run


def _allow_page_refreshes(system: System, at_once: int) -> None:
    limit = system.deployment()["global_concurrency_limit"]["id"]
    system.ask(f"/v2/concurrency_limits/{limit}", {"limit": at_once}, method="PATCH")


def _a_run_in_the_queue(system: System) -> str:
    """The id of a run whose time came and that Prefect set back, for another has the only slot."""
    body = {
        "deployments": {"id": {"any_": [system.deployment()["id"]]}},
        "flow_runs": {"state": {"name": {"any_": ["Scheduled"]}}},
        "sort": "EXPECTED_START_TIME_DESC",
    }
    until(lambda: system.ask("/flow_runs/filter", body))
    run = system.ask("/flow_runs/filter", body)[0]
    set_back = {
        "type": "SCHEDULED",
        "name": "AwaitingConcurrencySlot",
        "state_details": {"scheduled_time": run["expected_start_time"]},
    }
    system.ask(f"/flow_runs/{run['id']}/set_state", {"state": set_back, "force": True})
    return str(run["id"])


def _two_hours_pass(system: System) -> None:
    """For Prefect, which is down: all that was to come would have been two hours ago.

    Not what waits for another's slot: that came before.
    """
    with sqlite3.connect(system.settings.prefect_home / "prefect.db") as database:
        for column in ("expected_start_time", "next_scheduled_start_time"):
            earlier = f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-2 hours')"
            database.execute(
                f"UPDATE flow_run SET {column} = {earlier} "
                "WHERE state_name IN ('Scheduled', 'Late')"
            )
    database.close()


def _missed(system: System) -> list[dict[str, Any]]:
    """The page refreshes that the schedule wanted more than an hour ago and that are left."""
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    body = {
        "deployments": {"id": {"any_": [system.deployment()["id"]]}},
        "flow_runs": {"expected_start_time": {"before_": long_ago}},
    }
    return [run for run in system.ask("/flow_runs/filter", body) if run["auto_scheduled"]]


def _up_cut_short(system: System) -> None:
    """Killed as soon as it has written down the worker: without a word to anybody."""
    up = subprocess.Popen(
        [sys.executable, "-m", "grace.cli", "up", "--sample"],
        env=system.environment,
        stdout=subprocess.DEVNULL,
    )
    until(lambda: (now := read_installation(system.settings)) and "worker" in now.processes)
    up.kill()
    up.wait()


def test_without_the_sample_its_deployments_rest_and_wake_with_it(system: System) -> None:
    """What a person paused stays paused. Without it this time in the foreground, as in a container:
    listening for others, with its database given, and all of it ends with the one process."""
    sample = set(declared(PREFECT_FILE, sample=True)) - set(declared(PREFECT_FILE, sample=False))
    persons = min(sample - {PAGE_REFRESH})
    assert system.deployment(persons)["paused"]
    system.grace("down")

    database = f"sqlite+aiosqlite:///{system.settings.prefect_home.absolute() / 'prefect.db'}"
    given = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database, "GRACE_HOST": "0.0.0.0"}
    foreground = subprocess.Popen(
        [sys.executable, "-m", "grace.cli", "up", "--foreground"],
        env=system.environment | given,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert foreground.stdout
    assert any("Grace is up" in line for line in foreground.stdout)
    assert system.deployment()["paused"]
    processes = system.processes
    told = {name for name, each in processes.items() if database in str(environment(each.pid))}
    assert (set(processes), told) == ({"server", "worker", "signer", "mesh"}, {"server"})
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.2", system.installation.port)) == 0

    foreground.terminate()
    foreground.communicate()
    assert foreground.returncode == 0
    assert marked(mark(system.settings)) == []

    system.grace("up", "--sample")
    assert not system.deployment()["paused"]
    assert system.deployment(persons)["paused"]

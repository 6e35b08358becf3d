"""Bringing the running system up, as often as one likes: what runs already is left alone."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from grace.connection import connected_logs
from grace.errors import BadInput, GraceError
from grace.identity.signing_in import make_server_key
from grace.installation import deployments, ports, prefect_database, services, state
from grace.installation.deployments import SAMPLE_TAG, Content, Deployed
from grace.installation.environment import child_environment
from grace.installation.people import make_service_credential, service_credential
from grace.installation.prefect_api import PrefectApi, connected
from grace.installation.processes import is_alive, stop
from grace.installation.reaping import crash_dead_runs, drop_missed_runs
from grace.installation.services import POOL, log_file
from grace.installation.state import Installation
from grace.settings import PROJECT, Settings
from grace.store import open_store

__all__ = ["PREFECT_FILE", "check_no_other_server", "up"]

PREFECT_FILE = PROJECT / "prefect.yaml"
# the first port tried for the sample service lies so far above the server's
SERVICE_PORT_ABOVE = 99
# what two cores carry; beyond, runs wait in the pool instead of slowing each other down
POOL_RUNS = 6
SAMPLE_TAG_LIMIT = ("sample-pages", 2)
_START_SECONDS = 120
_DEPLOY_SECONDS = 300

Tell = Callable[[str], None]


def up(settings: Settings, *, tell: Tell, prefect_file: Path = PREFECT_FILE) -> bool:
    """Starts what is missing of the running system; False if nothing was.

    With `settings.sample` the sample workload belongs to it, until `down`.

    Raises:
        GraceError: something could not be started; what was, stays.
    """
    check_no_other_server()
    with state.changing(settings):
        starting = _Starting(settings, tell)
        starting.everything(prefect_file)
        return starting.changed


def check_no_other_server() -> None:
    """Raises BadInput where the environment names a server that is not Grace's to start."""
    if os.environ.get("PREFECT_API_URL"):
        raise BadInput("PREFECT_API_URL names another Prefect server: unset it for `grace up`")
    if os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        raise BadInput(
            "PREFECT_SERVER_API_AUTH_STRING is one password for all: unset it, and give each "
            "reviewer one with `grace reviewers password NAME`"
        )


class _Starting:
    """One `grace up`: the installation as it grows, written down after each step."""

    def __init__(self, settings: Settings, tell: Tell) -> None:
        self.settings = settings
        self.changed = False
        self._tell = tell
        self._before = state.read(settings)
        self.installation = self._with_ports(self._before)

    def everything(self, prefect_file: Path) -> None:
        # before anything is started: a file that cannot be read should cost nothing
        declared = deployments.declared(
            prefect_file, self.installation.sample, self.installation.connected
        )
        self._stores()
        self._stop_misdirected()
        self._stop_unwanted()
        make_service_credential(self.settings)
        make_server_key(self.settings, os.urandom)
        with connected(self.installation.api_url, service_credential(self.settings)) as api:
            self._server(api)
            self._rest_sample(api)
            for name in services.wanted(self.installation)[1:]:
                self._ensure(name)
            self._pool(api)
            self._tag_limit(api)
            self._deploy(api, declared, prefect_file)
            self._wake_sample(api)
        self._check_that_all_run()

    def _stores(self) -> None:
        """The databases are there, ours and of today before anything writes in them."""
        for log in self.installation.logs:
            open_store(self.settings.for_log(log).url).engine.dispose()

    def _with_ports(self, before: Installation | None) -> Installation:
        """The ports of the last time, unless their process is gone and somebody else took them."""
        before = before or Installation(port=self.settings.port)
        sample = before.sample or self.settings.sample
        port = self._port("server", before, before.port)
        wished = before.service_port or port + SERVICE_PORT_ABOVE
        service_port = self._port("sample-service", before, wished) if sample else None
        return before.model_copy(
            update={
                "sample": sample,
                "port": port,
                "service_port": service_port,
                "connected": connected_logs(self.settings),
            }
        )

    def _port(self, name: str, before: Installation, port: int) -> int:
        process = before.processes.get(name)
        return port if process and is_alive(process) else ports.next_free(port)

    def _stop_misdirected(self) -> None:
        """What talks to a port that the server, dead since, did not get again."""
        if self._before and self._before.port != self.installation.port:
            processes = self._before.processes.items()
            stop(*(process for name, process in processes if name != "sample-service"))

    def _stop_unwanted(self) -> None:
        """The signers of logs that are no longer connected."""
        gone = set(self.installation.processes) - set(services.wanted(self.installation))
        for name in sorted(gone):
            stop(self.installation.processes[name])
            self._say(f"{name} stopped")
        kept = {n: each for n, each in self.installation.processes.items() if n not in gone}
        self.installation = self.installation.model_copy(update={"processes": kept})
        if gone:
            state.write(self.settings, self.installation)

    def _server(self, api: PrefectApi) -> None:
        if not self._runs("server"):
            prefect_database.prepare(self.settings, datetime.now(UTC), self._say)
        started = self._ensure("server")
        self._wait_for(api.is_healthy, "server")
        prefect_database.note_version(self.settings)
        # runs that nobody has an eye on any more: their server or their worker had gone
        for run in crash_dead_runs(api) if started or not self._runs("worker") else []:
            self._say(f"run {run.name} had lost its process: Crashed")
        if started and (missed := drop_missed_runs(api, datetime.now(UTC))):
            self._say(f"{missed} runs were missed: the last one of each schedule makes up for them")

    def _runs(self, name: str) -> bool:
        process = self.installation.processes.get(name)
        return process is not None and is_alive(process)

    def _ensure(self, name: str) -> bool:
        """Starts a process that does not run; False if it does."""
        if self._runs(name):
            return False
        process = services.start(name, self.settings, self.installation)
        running = {**self.installation.processes, name: process}
        self.installation = self.installation.model_copy(update={"processes": running})
        state.write(self.settings, self.installation)
        self._say(f"{name} started (process {process.pid})")
        return True

    def _pool(self, api: PrefectApi) -> None:
        self._wait_for(lambda: api.pool(POOL) is not None, "worker")
        if (pool := api.pool(POOL)) and pool["concurrency_limit"] is None:
            api.limit_pool(POOL, POOL_RUNS)
            self._say(f"work pool {POOL}: at most {POOL_RUNS} runs at once")

    def _tag_limit(self, api: PrefectApi) -> None:
        """Set once: afterwards it is Grace's to change, by an approved proposal."""
        tag, tasks = SAMPLE_TAG_LIMIT
        if self.installation.sample and not api.has_tag_limit(tag):
            api.create_tag_limit(tag, tasks)
            self._say(f"tag limit {tag}: {tasks}")

    def _deploy(self, api: PrefectApi, declared: dict[str, str], prefect_file: Path) -> None:
        deployed = self._deployed(api)
        every = deployments.declared(prefect_file, True, self.installation.connected)
        for name in sorted(set(deployed.digests) - set(every)):
            api.delete_deployment(name)
            self._say(f"{name} is declared no more: deleted")
            deployed = deployed.without(name)
            deployed.write(self._file)
        if names := deployments.changed(declared, deployed):
            self._say(f"deploying {', '.join(names)}")
            self._run_deploy(names, deployments.content(prefect_file, self.installation.connected))
            deployed.with_digests({name: declared[name] for name in names}).write(self._file)

    def _rest_sample(self, api: PrefectApi) -> None:
        """Without the sample service its deployments pause, before a worker takes their runs."""
        if self.installation.sample:
            return
        if resting := api.active_deployments(SAMPLE_TAG):
            self._deployed(api).with_resting(resting).write(self._file)
        for deployment_id, name in resting.items():
            api.pause_deployment(deployment_id)
            self._say(f"{name} paused until `grace up --sample`")

    def _wake_sample(self, api: PrefectApi) -> None:
        """Only what was paused above: what a person paused stays so."""
        deployed = self._deployed(api)
        if not self.installation.sample or not deployed.resting:
            return
        for deployment_id, name in deployed.resting.items():
            api.resume_deployment(deployment_id)
            self._say(f"{name} resumed")
        deployed.model_copy(update={"resting": {}}).write(self._file)

    @property
    def _file(self) -> Path:
        return self.settings.run_dir / "deployed.json"

    def _deployed(self, api: PrefectApi) -> Deployed:
        pool = api.pool(POOL) or {}
        return Deployed.read(self._file, pool_id=str(pool.get("id")))

    def _run_deploy(self, names: list[str], content: Content) -> None:
        prefect_file = self.settings.run_dir / "prefect.yaml"
        deployments.write_content(prefect_file, content)
        log = log_file(self.settings, "deploy")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy"]
        command += ["--prefect-file", str(prefect_file), *(f"--name={name}" for name in names)]
        # prefect.yaml names the project's folder as $PWD; the caller may stand anywhere
        environment = child_environment(self.settings, self.installation) | {"PWD": str(PROJECT)}
        try:
            with log.open("ab") as output:
                subprocess.run(
                    command,
                    env=environment,
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=_DEPLOY_SECONDS,
                    check=True,
                )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise GraceError(f"prefect deploy failed: see {log}") from error

    def _wait_for(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # dead and ready: somebody else's server answers at the port that was free a moment ago
        while not self._runs(name) or not ready():
            if not self._runs(name):
                raise GraceError(f"the {name} ended: see {log_file(self.settings, name)}")
            if time.monotonic() > deadline:
                raise GraceError(
                    f"the {name} is not ready after {_START_SECONDS} s: see "
                    f"{log_file(self.settings, name)}"
                )
            time.sleep(0.1)

    def _check_that_all_run(self) -> None:
        """Those that nothing waited for may have ended meanwhile."""
        for name in services.wanted(self.installation):
            if not self._runs(name):
                raise GraceError(f"the {name} ended: see {log_file(self.settings, name)}")

    def _say(self, line: str) -> None:
        self.changed = True
        self._tell(line)

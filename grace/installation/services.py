"""The processes of the running system: what each is started with."""

import sys
from pathlib import Path

from grace.installation.environment import child_environment
from grace.installation.processes import Process, spawn
from grace.installation.state import Installation
from grace.settings import PROJECT, Settings

__all__ = ["POOL", "log_file", "start", "stop_order", "wanted"]

POOL = "grace"
SIGN_EVERY_SECONDS = 60
_DATABASE = ("PREFECT_API_DATABASE_", "PREFECT_SERVER_DATABASE_")


def wanted(installation: Installation) -> list[str]:
    """Names of the processes that belong to this installation, in the order of starting."""
    sample = ["sample-service"] if installation.sample else []
    beside = [name for log in installation.logs for name in (_signer(log), _publisher(log))]
    return ["server", "worker", *sample, *beside]


def stop_order(installation: Installation) -> list[str]:
    """Names of those that were started: nobody may take work that nobody can report any more."""
    rank = {"worker": 0, "server": 2}
    return sorted(installation.processes, key=lambda name: rank.get(name, 1))


def start(name: str, settings: Settings, installation: Installation) -> Process:
    environment = child_environment(settings, installation)
    if name != "server":  # worker and runs reach Prefect by its API: its database is not theirs
        environment = {n: v for n, v in environment.items() if not n.startswith(_DATABASE)}
    command = _command(name, settings.host, installation)
    return spawn(command, environment, log_file(settings, name), PROJECT)


def log_file(settings: Settings, name: str) -> Path:
    return settings.run_dir / "logs" / f"{name}.log"


def _command(name: str, host: str, installation: Installation) -> list[str]:
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    server = [sys.executable, "-m", "grace.installation.prefect_server", "--no-prompt"]
    grace = [sys.executable, "-m", "grace.cli"]
    sign = ["ledger", "sign", "--every", str(SIGN_EVERY_SECONDS)]
    port, service_port = str(installation.port), str(installation.service_port)
    publish = ["mesh", "publish", "--to", installation.api_url]
    signers = {_signer(log): [*grace, "--log", log, *sign] for log in installation.logs}
    publishers = {_publisher(log): [*grace, "--log", log, *publish] for log in installation.logs}
    return {
        "server": [*server, "server", "start", "--host", host, "--port", port],
        # a worker that knows its type makes the pool itself and asks no registry for a template;
        # without --limit, for a worker with one dies when a run resumes before its process is gone
        "worker": [*prefect, "worker", "start", "--pool", POOL, "--type", "process"],
        **signers,
        **publishers,
        "sample-service": [sys.executable, "-m", "grace.sample_service", "--port", service_port],
    }[name]


def _signer(log: str) -> str:
    return "signer" if log == "main" else f"signer-{log}"


def _publisher(log: str) -> str:
    return "mesh" if log == "main" else f"mesh-{log}"

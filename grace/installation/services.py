"""The processes of the running system: what each is started with."""

import sys
from pathlib import Path

from grace.installation.environment import child_environment
from grace.installation.processes import Process, spawn
from grace.installation.state import Installation
from grace.settings import PROJECT, Settings

__all__ = ["POOL", "STOP_ORDER", "log_file", "start", "wanted"]

POOL = "grace"
SIGN_EVERY_SECONDS = 60
# nobody may take work that nobody can report any more
STOP_ORDER = ("worker", "signer", "signer-sample", "sample-service", "server")


def wanted(installation: Installation) -> list[str]:
    """Names of the processes that belong to this installation, in the order of starting."""
    sample = ["sample-service", "signer-sample"] if installation.sample else []
    return ["server", "worker", "signer", *sample]


def start(name: str, settings: Settings, installation: Installation) -> Process:
    environment = child_environment(settings, installation)
    return spawn(_command(name, installation), environment, log_file(settings, name), PROJECT)


def log_file(settings: Settings, name: str) -> Path:
    return settings.run_dir / "logs" / f"{name}.log"


def _command(name: str, installation: Installation) -> list[str]:
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    grace = [sys.executable, "-m", "grace.cli"]
    sign = ["ledger", "sign", "--every", str(SIGN_EVERY_SECONDS)]
    port, service_port = str(installation.port), str(installation.service_port)
    return {
        "server": [*prefect, "server", "start", "--host", "127.0.0.1", "--port", port],
        # a worker that knows its type makes the pool itself and asks no registry for a template;
        # without --limit, for a worker with one dies when a run resumes before its process is gone
        "worker": [*prefect, "worker", "start", "--pool", POOL, "--type", "process"],
        "signer": [*grace, "--no-sample", *sign],
        "signer-sample": [*grace, "--sample", *sign],
        "sample-service": [sys.executable, "-m", "grace.sample_service", "--port", service_port],
    }[name]

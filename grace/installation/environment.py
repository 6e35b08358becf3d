"""How a process finds the Prefect API of this installation, and what every child is told."""

import os

from grace.errors import Unreachable
from grace.installation import state
from grace.installation.people import service_credential
from grace.installation.state import Installation
from grace.settings import DEMO, Settings

__all__ = ["api_url", "child_environment", "connect_environment", "mark"]

# nothing here talks to the outside; what the pages would ask all the same, own_page.py refuses
_PRIVATE = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
}

# either spelling is read by some library
_NO_PROXY = ("NO_PROXY", "no_proxy")


def api_url(settings: Settings) -> str:
    """The address of the Prefect API: `PREFECT_API_URL`, else what `grace up` brought up.

    Raises:
        Unreachable: neither is there, or the log is the demo's, whose system no Prefect ran.
    """
    if settings.log == DEMO:
        raise Unreachable("the demo's system was simulated and is over: its log is there to read")
    if given := os.environ.get("PREFECT_API_URL"):
        return given.rstrip("/")
    installation = state.read(settings)
    if installation is None:
        raise Unreachable("nothing is running: start it with `grace up`")
    return installation.api_url


def connect_environment(settings: Settings) -> None:
    """Points this process at the installation; call it before the first import of prefect."""
    address, installation = api_url(settings), state.read(settings)
    os.environ["PREFECT_API_URL"] = address
    # never to a server that somebody else named
    if installation and address == installation.api_url:
        os.environ.update(_signed_in(settings))
    os.environ.setdefault("PREFECT_HOME", str(settings.prefect_home.absolute()))
    os.environ.update(_PRIVATE)


def mark(settings: Settings) -> str:
    """The variable, as NAME=value, by which every process of this installation is known."""
    return f"GRACE_INSTALLATION={settings.installation_file.absolute()}"


def child_environment(settings: Settings, installation: Installation) -> dict[str, str]:
    """For server, worker and services: all of this environment but the choice of a log.

    Which log a flow run belongs to, its deployment says (`job_variables`), never the worker.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "GRACE_LOG"}
    name, _, value = mark(settings).partition("=")
    return {
        **inherited,
        **_PRIVATE,
        **_without_proxy(),
        name: value,
        "GRACE_DATA_DIR": str(settings.data_dir.absolute()),
        "PREFECT_API_URL": installation.api_url,
        **_signed_in(settings),
        "PREFECT_HOME": str(settings.prefect_home.absolute()),
        # by default inside the installed package, which another user may own
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(settings.prefect_home.absolute() / "ui"),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        # how long before its time a run takes its place and is started: about what a start costs
        "PREFECT_WORKER_PREFETCH_SECONDS": "8",
        # on SQLite a transaction that has read cannot write once another has committed: it is
        # refused and asked again two seconds later; fewer and larger writes are refused less
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
        # in memory, as by default, the slots of limits that are taken when the server ends are
        # never given back; in files they expire a minute after their task was last heard of
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        # by default a run that dies while it starts keeps its deployment's slot for five minutes
        "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "60",
        # what a process says stands in its log at once, also when it is killed
        "PYTHONUNBUFFERED": "1",
    }


def _signed_in(settings: Settings) -> dict[str, str]:
    """By what the server knows worker, services and runs, whether people sign in or not."""
    credential = service_credential(settings)
    return {"PREFECT_API_AUTH_STRING": credential} if credential else {}


def _without_proxy() -> dict[str, str]:
    """Everything here is on this machine, where a proxy of the environment does not lead."""
    direct = "127.0.0.1,localhost"
    return {name: ",".join(filter(None, (os.environ.get(name), direct))) for name in _NO_PROXY}

"""How a process finds the Prefect API of this installation, and what every child is told."""

import os

from grace.errors import Unreachable
from grace.installation import state
from grace.installation.state import Installation
from grace.settings import Settings

__all__ = ["api_url", "child_environment", "connect_environment"]

# nothing here talks to the outside: the old UI asks no host but its own server, the new one
# asks an analytics host even when analytics are off
_PRIVATE = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
}


def api_url(settings: Settings) -> str:
    """The address of the Prefect API: `PREFECT_API_URL`, else what `grace up` brought up.

    Raises:
        Unreachable: neither is there.
    """
    if given := os.environ.get("PREFECT_API_URL"):
        return given.rstrip("/")
    installation = state.read(settings)
    if installation is None:
        raise Unreachable("nothing is running: start it with `grace up`")
    return installation.api_url


def connect_environment(settings: Settings) -> None:
    """Points this process at the installation; call it before the first import of prefect."""
    os.environ["PREFECT_API_URL"] = api_url(settings)
    os.environ.setdefault("PREFECT_HOME", str(settings.prefect_home.absolute()))
    os.environ.update(_PRIVATE)


def child_environment(settings: Settings, installation: Installation) -> dict[str, str]:
    """For server, worker and services: all of this environment but the choice of a log.

    Which log a flow run belongs to, its deployment says (`job_variables`), never the worker.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "GRACE_SAMPLE"}
    service = {"GRACE_SAMPLE_SERVICE": url} if (url := installation.service_url) else {}
    return {
        **inherited,
        **_PRIVATE,
        **service,
        "GRACE_DATA_DIR": str(settings.data_dir.absolute()),
        "PREFECT_API_URL": installation.api_url,
        "PREFECT_HOME": str(settings.prefect_home.absolute()),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        # a flow run imports the project from its folder, wherever bytecode may be written
        "PYTHONUNBUFFERED": "1",
    }

"""Bringing the running system down."""

from collections.abc import Callable

from grace.installation import services, state
from grace.installation.environment import mark
from grace.installation.processes import marked, stop
from grace.installation.state import Installation
from grace.settings import Settings

__all__ = ["down"]


def down(settings: Settings, *, tell: Callable[[str], None]) -> bool:
    """Ends every process that `up` started and nothing else; False if none was running.

    Waiting runs lose nothing by it: they are rows in Prefect's database.
    """
    with state.changing(settings):
        installation = state.read(settings)
        if installation is None:
            return False
        stopped = False
        for name in services.stop_order(installation):
            if stop(installation.processes[name]):
                stopped = True
                tell(f"{name} stopped")
            if name == "worker":
                _stop_runs(settings, installation)
        state.forget(settings)
        return stopped


def _stop_runs(settings: Settings, installation: Installation) -> None:
    """Runs that outlived their worker; while the server still answers, they say so to it."""
    services_alive = {process.pid for process in installation.processes.values()}
    stop(*(each for each in marked(mark(settings)) if each.pid not in services_alive))

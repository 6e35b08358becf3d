"""Bringing the running system down."""

from collections.abc import Callable

from grace.installation import services, state
from grace.installation.processes import stop
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
        for name in services.STOP_ORDER:
            process = installation.processes.get(name)
            if process and stop(process):
                stopped = True
                tell(f"{name} stopped")
        state.forget(settings)
        return stopped

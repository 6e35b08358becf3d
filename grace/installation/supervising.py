"""Staying with the running system, for systemd, a container, or a terminal."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from grace.errors import BadInput, GraceError
from grace.installation import services, state
from grace.installation.processes import is_alive
from grace.installation.starting import PREFECT_FILE, up
from grace.installation.stopping import down
from grace.settings import Settings

__all__ = ["stay_up", "watch"]

LOOK_SECONDS = 1.0

Tell = Callable[[str], None]


def stay_up(
    settings: Settings,
    *,
    wait: Callable[[float], bool],
    tell: Tell,
    on_up: Callable[[], None],
    prefect_file: Path = PREFECT_FILE,
) -> None:
    """Brings the system up, stays until `wait` says that the end has come, and brings it down.

    `wait` takes seconds. Whoever restarts this starts all of it, so that one process that ends by
    itself ends all. Returns too when somebody else has brought it down meanwhile.
    Raises BadInput where it runs already, GraceError where a process did not start or has ended.
    """
    if (before := state.read(settings)) and any(map(is_alive, before.processes.values())):
        raise BadInput("it runs already, in the background or elsewhere: `grace down` ends it")
    try:
        up(settings, tell=tell, prefect_file=prefect_file)
        on_up()
        watch(settings, wait)
    finally:
        down(settings, tell=tell)


def watch(settings: Settings, wait: Callable[[float], bool]) -> None:
    """Returns when `wait` says so, or all was brought down; raises GraceError as `stay_up` does."""
    while not wait(LOOK_SECONDS) and _is_whole(settings):
        _bury()


def _is_whole(settings: Settings) -> bool:
    """False where it was brought down. Raises GraceError where a process has ended by itself."""
    installation = state.read(settings)
    if installation and all(map(is_alive, installation.processes.values())):
        return True
    with state.changing(settings):  # whoever is restarting or removing a process is let finish
        installation = state.read(settings)
        if installation is None:
            return False
        ended = [name for name, each in installation.processes.items() if not is_alive(each)]
        if ended:
            logs = ", ".join(str(services.log_file(settings, name)) for name in ended)
            raise GraceError(f"{' and '.join(ended)} ended, so all of it ends: see {logs}")
    return True


def _bury() -> None:
    """Lets go of the dead: as process 1 of a container this is parent to every orphan."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass

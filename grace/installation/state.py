"""What `grace up` brought up, kept in one file, and the lock that lets one at a time change it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from grace.errors import BadInput, NotOurs
from grace.installation.processes import Process
from grace.settings import Settings

__all__ = ["Installation", "changing", "forget", "read", "write"]


class Installation(BaseModel):
    """The running system: `port` is the Prefect server's, `service_port` the sample service's.

    `connected` names the logs of the installations that are watched from here.
    """

    model_config = ConfigDict(frozen=True)

    port: int
    sample: bool = False
    service_port: int | None = None
    connected: list[str] = []
    processes: dict[str, Process] = {}

    @property
    def logs(self) -> list[str]:
        return ["main", *(["sample"] if self.sample else []), *self.connected]

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def service_url(self) -> str | None:
        return f"http://127.0.0.1:{self.service_port}" if self.service_port else None


def read(settings: Settings) -> Installation | None:
    """None where nothing was brought up.

    Raises:
        NotOurs: the file is not one that Grace wrote.
    """
    try:
        text = settings.installation_file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Installation.model_validate_json(text)
    except ValidationError as error:
        raise NotOurs(
            f"{settings.installation_file} is not an installation file of Grace: move it away"
        ) from error


def write(settings: Settings, installation: Installation) -> None:
    write_whole(settings.installation_file, installation.model_dump_json(indent=2))


def forget(settings: Settings) -> None:
    settings.installation_file.unlink(missing_ok=True)


def write_whole(file: Path, text: str) -> None:
    """The old text or the new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.replace(file)


@contextmanager
def changing(settings: Settings) -> Iterator[None]:
    """Waits until nobody else brings this installation up or down, and keeps them waiting.

    Raises:
        BadInput: nothing can be written in the folder of data.
    """
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.run_dir / "lock").open("w")
    except OSError as error:
        raise BadInput(
            f"cannot write in {settings.run_dir} ({error.strerror}): set GRACE_DATA_DIR"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

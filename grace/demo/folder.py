"""The demo's own folder: its log, its key, its reviewers; replaced only where a demo made it."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from grace.errors import BadInput
from grace.settings import DEMO, Settings
from grace.store import Store, open_store
from grace.store.append import SIMULATOR

__all__ = ["begin_anew", "demo_settings", "open_demo", "running_alone"]

MARK = "demo.json"  # written first: what has it was made by a demo, also by one cut short
GOVERNANCE = """\
# Of `grace demo`, which answers its own proposals in this name unless --ask is given.
reviewers = [{reviewer}]
"""


def demo_settings(settings: Settings) -> Settings:
    """Nothing that is configured for a real log holds for the demo's: it has its own of each."""
    return settings.for_log(DEMO)


@contextmanager
def running_alone(settings: Settings) -> Iterator[None]:
    """Raises BadInput while another demo runs in the same data folder."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput("another demo is running in this data folder; wait for it") from None
        yield


def begin_anew(settings: Settings, reviewer: str, about: dict[str, object]) -> bool:
    """An empty folder for the demo; whether the data of a former one were thrown away for it.

    Raises BadInput where the folder was not made by a demo; it is then left as it is.
    """
    folder = settings.log_dir
    is_there = folder.is_symlink() or folder.exists()
    if is_there and not _is_ours(folder):
        raise BadInput(
            f"{folder} was not made by a demo and is left alone: move it away, or name another "
            "data folder in GRACE_DATA_DIR"
        )
    if is_there:
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).write_text(f"{json.dumps(about, indent=2)}\n")
    (folder / "governance.toml").write_text(GOVERNANCE.format(reviewer=json.dumps(reviewer)))
    return is_there


def open_demo(settings: Settings, now: datetime) -> Store:
    """The demo's log, whose rows all say that they are the simulator's."""
    store = open_store(settings.url)
    with store.writing(now) as writer:
        writer.mark_source(SIMULATOR)
    return store


def _is_ours(folder: Path) -> bool:
    """Whether all that is there was made by a demo: an empty folder may be taken too."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / MARK).is_file() or not any(folder.iterdir())

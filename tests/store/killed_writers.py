"""Processes that log, ingest or sign until they are killed at a random moment, one after the other.

python -m tests.store.killed_writers DEED FOLDER KILLS SEED

DEED is *logging*, *ingesting* or *signing*, into the log of `GRACE_*`. What a process was told to
be done, it writes into `FOLDER/acknowledged`, a line a deed, before it goes on. Two are at work at
a time, but for ingestion; each has done something before it is killed. It prints how many were. The
children are forks of a process that has imported everything and opened nothing, so that a kill
costs milliseconds.
"""

import os
import random
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from grace import log
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from tasks import intake
from tasks.ingest_files import ingest_files

__all__ = ["BATCH", "FILE_ROWS", "acknowledged", "file_of"]

BATCH = 25
FILE_ROWS = 300
LONGEST_SECONDS = 0.25

Say = Callable[[str], None]
Deed = Callable[[Path, int, Say], None]


def logging(folder: Path, number: int, say: Say) -> None:
    """Batch after batch; a line says which one is in the log."""
    for batch in count():
        name = f"{number}-{batch}"
        rows = [{"log_id": f"{name}-{row}", "shard_id": name} for row in range(BATCH)]
        if log.batch("shard_logs", rows) == BATCH:  # else they went to the spool
            say(name)


def ingesting(folder: Path, number: int, say: Say) -> None:
    """File after file from where the last process was killed; a line says which one is whole."""
    intake.ROWS_A_TRANSACTION = 20
    store, done = open_store(Settings().url), len(acknowledged(folder))
    for place in count(done):
        path = file_of(folder, place)
        draft = path.with_suffix(".draft")
        lines = (f"{place}-{row},{'x' if row % 10 == 7 else 5}\n" for row in range(FILE_ROWS))
        draft.write_text("goal_id,progress\n" + "".join(lines))
        if not path.exists():
            draft.rename(path)
        ingest_files(store, [str(path)], datetime.now(UTC))
        say(path.name)


def signing(folder: Path, number: int, say: Say) -> None:
    """A row, and the tree signed with it; a line says size and root."""
    settings = Settings()
    store = open_store(settings.url)
    for row in count():
        now = datetime.now(UTC)
        with store.writing(now) as writer:
            writer.append("goals", [{"goal_id": f"{number}-{row}"}])
        signed = sign(settings, store, now)
        say(f"{signed.size} {b64encode(signed.root).decode()}")


CHILDREN: dict[int, int] = {}  # process ids, and what each tells of its deeds

DEEDS: dict[str, Deed] = {deed.__name__: deed for deed in (logging, ingesting, signing)}


def file_of(folder: Path, place: int) -> Path:
    return folder / f"goals-{place}.csv"


def acknowledged(folder: Path) -> list[str]:
    """What processes were told to be done."""
    path = folder / "acknowledged"
    return path.read_text().splitlines() if path.exists() else []


def _child(deed: Deed, folder: Path, number: int) -> int:
    """The id of a process that has done its first deed and is at the next one."""
    reading, telling = os.pipe()
    child = os.fork()
    if child == 0:
        told = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def say(line: str) -> None:
            os.write(told, f"{line}\n".encode())
            os.write(telling, b"x")

        try:
            deed(folder, number, say)
        finally:
            os._exit(1)  # it only ends well by being killed
    os.close(telling)
    os.read(reading, 1)
    CHILDREN[child] = reading  # open for as long as it tells
    return child


def main(deed: Deed, folder: Path, kills: int, chance: random.Random) -> None:
    at_once = 1 if deed is ingesting else 2
    children: list[int] = []
    for number in range(kills + at_once - 1):
        children.append(_child(deed, folder, number))
        if len(children) == at_once:
            time.sleep(chance.uniform(0, LONGEST_SECONDS))
            _kill(children.pop(0))
    for child in children:
        _kill(child)
    print(kills + at_once - 1)


def _kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(CHILDREN.pop(child))
    assert os.WIFSIGNALED(status), "it ended by itself"


if __name__ == "__main__":
    main(DEEDS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]), random.Random(int(sys.argv[4])))

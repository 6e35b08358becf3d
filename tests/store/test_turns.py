"""Writers of a SQLite file take turns, and nobody waits for one who is gone."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest
import sqlalchemy as sa

from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.database import be_patient
from grace.store.turns import TICKETS, taking_turns

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_SECONDS = 60.0
HOLDING = """
import sys
from pathlib import Path
from grace.store.turns import taking_turns
with taking_turns(Path(sys.argv[1]), 60):
    print("mine", flush=True)
    sys.stdin.readline()
"""


def _in_line(file: Path, name: str, line: list[str]) -> Thread:
    """Somebody who has drawn a ticket by the time this returns."""
    before = file.read_bytes()

    def wait() -> None:
        with taking_turns(file, LONG_SECONDS):
            line.append(name)

    waiting = Thread(target=wait)
    waiting.start()
    while file.read_bytes() == before:
        assert waiting.is_alive()
    return waiting


def test_they_go_in_the_order_they_came(tmp_path: Path) -> None:
    """Whoever wrote last and comes again goes to the end of the line."""
    file, line = tmp_path / "turns", list[str]()
    with taking_turns(file, LONG_SECONDS):
        waiting = [_in_line(file, name, line) for name in "abcdefgh"]
    with taking_turns(file, LONG_SECONDS):
        line.append("again")
    for one in waiting:
        one.join()
    assert line == [*"abcdefgh", "again"]


def test_a_holder_that_is_killed_gives_way(tmp_path: Path) -> None:
    """The kernel lets go of its ticket."""
    file = tmp_path / "turns"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    line: list[str] = []
    waiting = _in_line(file, "a", line)
    assert line == []
    holder.send_signal(signal.SIGKILL)
    waiting.join()
    holder.communicate()
    assert line == ["a"]


def test_nobody_waits_longer_than_they_have_patience(tmp_path: Path) -> None:
    """Then they go without a turn, and who comes behind them may go as well."""
    file = tmp_path / "turns"
    with taking_turns(file, 0), ExitStack() as stack:
        begin = monotonic()
        stack.enter_context(taking_turns(file, 0.05))
        assert 0.05 <= monotonic() - begin < LONG_SECONDS


@pytest.mark.parametrize("left", [b"", b"\xff" * 8, (TICKETS - 1).to_bytes(8, "big"), b"x"])
def test_whatever_the_file_holds_there_is_a_next_ticket(tmp_path: Path, left: bytes) -> None:
    """Cut short by a crash, filled by somebody, or at its end."""
    file, line = tmp_path / "turns", list[str]()
    file.write_bytes(left)
    with taking_turns(file, LONG_SECONDS):
        waiting = [_in_line(file, name, line) for name in "ab"]
    for one in waiting:
        one.join()
    assert line == ["a", "b"]


def test_where_there_can_be_no_queue_writers_go_without(settings: Settings, store: Store) -> None:
    """A folder in its place stops root too; SQLite's own lock is what counts."""
    settings.log_dir.joinpath("grace.turns").mkdir()
    with store.writing(NOW) as writer:
        assert writer.append("goals", [{"goal_id": "a"}])


def test_a_writer_that_knows_of_no_queue_is_waited_for(settings: Settings, store: Store) -> None:
    """As an older release is: by SQLite's own lock, for as long as there is patience."""
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a"}])
    began, go = Event(), Event()

    def write() -> None:
        options = {"writes": True}
        rival = open_store(settings.url)
        with rival.engine.connect().execution_options(**options) as other, other.begin():
            began.set()
            go.wait()
            other.exec_driver_sql("DELETE FROM cursors")
        rival.engine.dispose()

    rival = Thread(target=write)
    rival.start()
    began.wait()
    impatient = open_store(settings.url)
    be_patient(impatient, 0.05)
    with pytest.raises(sa.exc.OperationalError, match="locked"), impatient.writing(NOW):
        pass
    go.set()
    with store.writing(NOW) as writer:
        assert writer.append("goals", [{"goal_id": "b"}])
    rival.join()

"""Prefect's server does not stand still for a cursor that is garbage."""

import subprocess
import sys
from pathlib import Path

import pytest

from grace.installation.prefect_server import WHOLE_EVERY, collect_forever

PROGRAM = """
import gc, sys, threading

gone = threading.Event()

class Node:
    "Garbage that only a collection takes."

    def __init__(self):
        self.me = self
        self.taken_by = []

    def __del__(self):
        print("collected by", threading.current_thread().name)
        gone.set()

print("arguments", sys.argv[1:], "automatic", gc.isenabled())
Node()
gone.wait(60)
"""


class EndOfTest(Exception):
    """Ends what goes on for ever."""


def test_a_thread_of_its_own_collects_its_garbage(tmp_path: Path) -> None:
    """Nothing is collected where an event loop would wait for it; the arguments are Prefect's."""
    package = tmp_path / "prefect"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROGRAM)
    (package / "server" / "api").mkdir(parents=True)
    (package / "server" / "api" / "server.py").write_text("def create_app(): ...\n")
    run = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    run += "from grace.installation.prefect_server import main; main()"
    command = [sys.executable, "-c", run, "server", "start"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert first == "arguments ['server', 'start'] automatic False"
    assert rest == ["collected by collector"]


def test_everything_is_collected_once_a_minute_and_what_is_young_in_between() -> None:
    """What outlives two young collections would else be kept for as long as the server runs."""
    took: list[int] = []

    def sleep(seconds: float) -> None:
        assert seconds * WHOLE_EVERY == 60
        if len(took) == 2 * WHOLE_EVERY + 1:
            raise EndOfTest

    with pytest.raises(EndOfTest):
        collect_forever(sleep, took.append)
    between = [1] * (WHOLE_EVERY - 1)
    assert took == [*between, 2, *between, 2, 1]

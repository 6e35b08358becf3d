"""Processes that do the same thing at the same time, and wait for each other."""

from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

from tests.running import until

__all__ = ["at_once", "kept_waiting"]

LOCKS = Path("/proc/locks")


def at_once(rivals: Sequence[Popen[str]]) -> list[str]:
    """Each says that it is ready, and then all are told to go; what they say before they end."""
    for each in rivals:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in rivals:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()  # before the end of one is waited for, or they would take turns
    told = [each.communicate()[0] for each in rivals]
    assert [each.returncode for each in rivals] == [0] * len(rivals)
    return told


def kept_waiting(pid: int) -> None:
    """Return when this process waits for a lock of a file that somebody holds."""
    until(lambda: any(_waits(line, pid) for line in LOCKS.read_text().splitlines()), seconds=60)


def _waits(line: str, pid: int) -> bool:
    """As `1: -> FLOCK  ADVISORY  WRITE 6642 fe:00:2146327 0 EOF`."""
    words = line.split()
    return words[1] == "->" and words[5] == str(pid)

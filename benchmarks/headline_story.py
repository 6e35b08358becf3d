"""The steps of the headline: what Grace finds, what a person answers, what Grace makes of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from benchmarks._installed import say, until
from benchmarks.headline_figures import looks_of
from benchmarks.headline_names import TARGET
from benchmarks.headline_system import System
from grace.governance.register import Entry, find
from grace.installation.ports import next_free
from grace.settings import PROJECT
from grace.states import State
from grace.store import Store

__all__ = ["Story", "answered", "found_by_grace", "judged", "page_service"]

# far more than it takes, for a machine that has other things to do
FIND_SECONDS, ANSWER_SECONDS, VERDICT_SECONDS = 900.0, 180.0, 2700.0
ENDED: frozenset[State] = frozenset({"kept", "rolled_back", "rollback_failed", "failed"})


class Story:
    """What happened when, as it goes."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []

    def tell(self, name: str, line: str, at: datetime | None = None) -> None:
        self.events.append({"name": name, "at": (at or datetime.now(UTC)).isoformat()})
        say(line)

    def at(self, name: str) -> datetime:
        return next(datetime.fromisoformat(e["at"]) for e in self.events if e["name"] == name)


def found_by_grace(system: System, store: Store, story: Story) -> Entry:
    """Has the optimizer look until it has proposed; the proposal waits for its answer then."""

    def look() -> bool:
        run = system.grace("run", "performance-optimizer")
        system.await_end(run["run_id"], FIND_SECONDS)
        say(f"  {_why(system)}")
        return bool(system.grace("proposals", "--waiting"))

    until(look, "a proposal", FIND_SECONDS, every=5)
    entry = find(store, system.grace("proposals", "--waiting")[0]["id"])
    story.tell("proposed", f"proposed: {entry.proposal.title}", entry.proposal.created_at)
    return entry


def answered(system: System, entry_id: str) -> None:
    """As a person does it, and again while the run does not ask yet."""

    def approve() -> bool:
        try:
            system.grace("approve", entry_id, "--as", "operator", "--reason", "let us see")
        except RuntimeError as refused:
            say(f"  not yet: {str(refused).splitlines()[-1]}")
            return False
        return True

    until(approve, "the question", ANSWER_SECONDS)


def judged(system: System, store: Store, entry_id: str, story: Story, name: str) -> Entry:
    """Waits for the verdict of an answered proposal, telling each pair of blocks."""
    told = [0]

    def is_over() -> bool:
        looks = looks_of(store, entry_id)
        for number in range(told[0], len(looks)):
            shown = [f"{d:+.2f} s" if d is not None else "void" for d in looks[-1]["differences"]]
            say(f"  pair {number + 1}: {shown[number]}")
        told[0] = len(looks)
        return find(store, entry_id).state in ENDED

    until(lambda: _applied(store, entry_id), f"the change of {entry_id}", ANSWER_SECONDS * 2)
    applied = system.grace("show", entry_id)["actions"][0]
    story.tell(f"{name} applied", f"applied: {TARGET} = {applied['value']}", _time(applied))
    until(is_over, "the verdict", VERDICT_SECONDS, every=2)
    entry = find(store, entry_id)
    story.tell(f"{name} judged", f"{entry.state}: {entry.reason}", entry.changed_at)
    return entry


def _applied(store: Store, entry_id: str) -> bool:
    return find(store, entry_id).state not in ("awaiting_approval", "approved", "applying")


def _time(action: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(action["started_at"])


def _why(system: System) -> str:
    """What the last look said of the limit; nothing where no run had ended by then."""
    try:
        told = system.grace("status", "--why", TARGET)
    except RuntimeError as refused:
        return str(refused)
    return str(told["reason"])


@contextmanager
def page_service(first_port: int, work_seconds: float) -> Iterator[str]:
    """The address of one of the headline's own, whose pages take so much work."""
    port = next_free(first_port)
    command = [sys.executable, "-m", "grace.sample_service", "--port", str(port)]
    command += ["--work-seconds", str(work_seconds)]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        # requests that its end cuts short are told there
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)

"""Applies, measures and undoes proposals in processes that are killed at random moments.

python -m tests.actions.killed_chain FOLDER KILLS SEED

Each folder `FOLDER/N` gets a log with one approved proposal, which is carried on until it is undone
by a reviewer; whatever a killed process left is taken up by the next one. It prints how many were
killed and how many proposals came to their end. The children are forks of a process that has
imported everything and opened nothing, so that a kill costs milliseconds.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

from grace.actions.action import done_actions
from grace.actions.applying import apply_approved, recover_applying
from grace.actions.measuring import Measuring
from grace.actions.undoing import undo
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import Policy
from grace.governance.register import Entry, find
from grace.measurement.blocks import Unit
from grace.store import Store, open_store
from tests.actions.file_lever import FileLever
from tests.proposing import NOON, a_plan, a_proposal
from tests.ruling import INVERSE, a_policy

ID = "p-1"
BLOCK = timedelta(seconds=60)
# about as long as a whole chain takes, so that a kill may fall anywhere in it
LONGEST_SECONDS = 0.4
# longer with each kill of one chain: on a slow disk a child opens the log and does no deed
LONGER = 1.1


class WholeFile(FileLever):
    """A server that is asked to set something sets it or not, however the asking ends."""

    def apply(self, target: str, value: JsonValue) -> None:
        new = self.file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps({target: value}))
        new.replace(self.file)


def begin(folder: Path, policy: Policy) -> None:
    """A log with one proposal that ann approved, to raise a limit of 2 to 8."""
    folder.mkdir()
    (folder / "values.json").write_text('{"pages": 2}')
    store = open_store(f"sqlite:///{folder / 'grace.db'}")
    plan = a_plan(subject="pages", floor_seconds=0.0, smallest_effect=0.5, block_seconds=60)
    change = Change(lever="file", target="pages", before=2, after=8)
    entry = submit(store, a_proposal(proposal_id=ID, change=change, plan=plan), policy, NOON)
    answer = Answer(answer="approve", reviewer="ann", reason="fine")
    take_answer(
        store,
        policy,
        entry,
        answer,
        asked_hash=entry.content_hash,
        decision_id=f"{ID}:answer-1",
        now=NOON,
        run_id=None,
    )
    store.engine.dispose()


def carry_on(folder: Path, policy: Policy) -> None:
    """From wherever it stands to its end: applied, measured in seven pairs, kept, undone by ann."""
    store = open_store(f"sqlite:///{folder / 'grace.db'}", create=False)
    lever = WholeFile(folder / "values.json")
    while (entry := find(store, ID)).state != "rolled_back":
        _deed(store, lever, policy, entry)


def _deed(store: Store, lever: WholeFile, policy: Policy, entry: Entry) -> None:
    now, clock = _clock(store)
    if entry.state == "approved":
        apply_approved(store, lever, entry, policy, clock, None)
    elif entry.state == "applying":
        recover_applying(store, lever, entry, clock, None)
    elif entry.state in ("applied", "measuring"):
        Measuring(store, lever, policy, clock).step(entry, _units(store), now)
    else:
        undo(store, lever, entry, policy, clock, reason="enough", reviewer="ann")


def _clock(store: Store) -> tuple[datetime, Callable[[], datetime]]:
    """A block later with each deed that was done."""
    now = NOON + BLOCK * (1 + len(done_actions(store, ID)))
    return now, lambda: now


def _units(store: Store) -> list[Unit]:
    """One a block, waiting the less the higher the limit."""
    blocks = [done for done in done_actions(store, ID) if done.purpose == "block"]
    return [_unit(done.finished_at, done.value) for done in blocks]


def _unit(began: datetime, limit: JsonValue) -> Unit:
    assert isinstance(limit, int)
    queued = began + timedelta(seconds=10)
    return Unit(queued, queued + timedelta(seconds=20), 10.0 / limit)


def killed_after(seconds: float, folder: Path, policy: Policy) -> bool:
    """Carry on in a process of its own; whether it had to be killed."""
    child = os.fork()
    if child == 0:
        carry_on(folder, policy)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit(f"it ended with {os.WEXITSTATUS(status)} in {folder}")
    return os.WIFSIGNALED(status)


def main(folder: Path, kills: int, seed: int) -> None:
    policy, rng = a_policy(INVERSE, reviewers=("ann",)), random.Random(seed)
    killed, ended = 0, 0
    while killed < kills:
        begin(folder / str(ended), policy)
        longest = LONGEST_SECONDS
        while killed_after(rng.uniform(0, longest), folder / str(ended), policy):
            killed += 1
            longest *= LONGER
        ended += 1
    print(killed, ended)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

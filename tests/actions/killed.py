"""Applies a proposal in a process that is killed at its n-th use of the lever.

python -m tests.actions.killed DATABASE_URL VALUES_FILE PROPOSAL_ID MOMENT
"""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from grace.actions.applying import apply_approved
from grace.governance.policy import Policy
from grace.governance.register import find
from grace.store import open_store
from tests.actions.file_lever import FileLever

__all__ = ["MOMENTS"]

MOMENTS = ("guarding", "before it reads", "before it sets", "after it set", "before it verified")


class Deadly(FileLever):
    """Counts its uses; where the moment has come the process gets SIGKILL."""

    moment = ""
    reads = 0

    def read(self, target: str) -> JsonValue:
        self._die_at(("guarding", "before it reads", "before it verified")[self.reads])
        self.reads += 1
        return super().read(target)

    def apply(self, target: str, value: JsonValue) -> None:
        self._die_at("before it sets")
        super().apply(target, value)
        self._die_at("after it set")

    def _die_at(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, values: str, proposal_id: str, moment: str) -> None:
    store, lever = open_store(url, create=False), Deadly(Path(values))
    lever.moment = moment
    policy = Policy(reviewers=("ann",))
    apply_approved(store, lever, find(store, proposal_id), policy, lambda: datetime.now(UTC), None)


if __name__ == "__main__":
    main(*sys.argv[1:])

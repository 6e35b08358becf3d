"""Applies a proposal to delete archives in a process that is killed at a moment of it.

python -m tests.tasks.killed_deletion PROPOSAL_ID MOMENT
"""

import os
import signal
import sys
from datetime import UTC, datetime

from grace.actions.applying import apply_approved
from grace.governance.policy import load_policy
from grace.governance.register import find
from grace.settings import Settings
from grace.store import open_store
from tasks.levers import delete_archives
from tasks.levers.delete_archives import DeleteArchives

__all__ = ["MOMENTS"]

MOMENTS = ("written down", "one is gone", "all are gone", "crossed out")


class Deadly(DeleteArchives):
    """Three archives are to go; where the moment has come the process gets SIGKILL."""

    moment = ""
    gone = 0

    def _delete(self, name, kept):
        if (self.moment, self.gone) in (("written down", 0), ("one is gone", 1)):
            die()
        super()._delete(name, kept)
        self.gone += 1


def die(*given: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(proposal_id: str, moment: str) -> None:
    settings = Settings()
    store, lever = open_store(settings.url, create=False), Deadly(settings)
    lever.moment = moment
    remove = delete_archives.remove_whole
    if moment == "all are gone":
        delete_archives.remove_whole = die
    if moment == "crossed out":
        delete_archives.remove_whole = lambda path: (remove(path), die())
    entry, policy = find(store, proposal_id), load_policy(settings)
    apply_approved(store, lever, entry, policy, lambda: datetime.now(UTC), None)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the chain from finding to verdict needs beside the log: levers, somebody to ask, and time.

On a Prefect server that is `tasks.prefect_desk`; in `grace demo` it is the simulator.
"""

from datetime import datetime
from typing import Protocol

import numpy as np

from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry
from grace.levers import Lever

__all__ = ["Desk"]


class Desk(Protocol):
    def now(self) -> datetime: ...

    def rng(self) -> np.random.Generator:
        """For the order of a measurement's blocks."""

    def lever(self, name: str) -> Lever:
        """Raises BadInput where there is none of this name."""

    def submit(self, proposal: Proposal, policy: Policy) -> Entry:
        """Enter a proposal; where the policy asks, a person is asked, without waiting for it."""

    def tell(self, entry: Entry, what: str) -> None:
        """Let people know what became of a proposal, as in *a change was applied*."""

    def start_step(self, proposal_id: str, which: str, at: datetime | None = None) -> None:
        """Have a step of a measurement taken, now or at a border; again it is the same step."""

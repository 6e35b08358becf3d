"""The desk of a running system: Prefect's levers, runs that wait for a person and that measure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry
from grace.levers import Lever, find_lever
from grace.settings import Settings
from tasks.artifacts import publish_brief
from tasks.notices import tell
from tasks.proposals import submit_proposal
from tasks.runs import start_run

__all__ = ["PrefectDesk"]

# Prefect starts a scheduled run up to some tenths of a second early, and a step before its border
# is none
MARGIN = timedelta(seconds=1)


@dataclass(frozen=True)
class PrefectDesk:
    """Of the log that the settings name; see `grace.desk.Desk`."""

    settings: Settings

    def now(self) -> datetime:
        return datetime.now(UTC)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng()

    def lever(self, name: str) -> Lever:
        return find_lever(name, self.settings)

    def submit(self, proposal: Proposal, policy: Policy) -> Entry:
        entry = submit_proposal(self.settings, proposal, policy)
        publish_brief(self.settings, entry, policy)
        return entry

    def tell(self, entry: Entry, what: str) -> None:
        tell(self.settings, entry, what, entry.reason or "")

    def start_step(self, proposal_id: str, which: str, at: datetime | None = None) -> None:
        """Have a worker take a step; the same one again is the same run."""
        start_run(
            self.settings,
            "measurement",
            "on-block",
            {"proposal_id": proposal_id},
            key=f"{self.settings.log}:{proposal_id}:{which}",
            name=f"measure {proposal_id[-8:]} {f'{at:%H:%M:%S}' if at else which}",
            at=at and at + MARGIN,
        )

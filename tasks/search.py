"""One cycle's search: streams are weighed together, and what is proven is proposed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pandas as pd

from grace.actions.action import last_action_on
from grace.desk import Desk
from grace.errors import GraceError
from grace.governance.change import Change
from grace.governance.enabling import enabled
from grace.governance.policy import Policy, load_policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.measurement.metrics import metric
from grace.measurement.plan import Plan
from grace.opportunities.drawing import Case, draw_up
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.standing import standing_of
from grace.opportunities.streams import Seen, Stream, finding_for, see
from grace.recent.reading import recent
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import first_time
from tasks.prefect_desk import PrefectDesk
from tasks.units import days_with_data

__all__ = ["EVIDENCE_DAYS", "Lead", "Search"]

EVIDENCE_DAYS = timedelta(days=30)


@dataclass(frozen=True)
class Lead:
    """A stream, and how its case is made once it is proven; the case is given the ledger's size."""

    stream: Stream
    case: Callable[[Seen, int], Case | Finding]


@dataclass(frozen=True)
class Search:
    """What every step of one search needs."""

    settings: Settings
    store: Store
    policy: Policy
    now: datetime
    desk: Desk

    @classmethod
    def begin(cls, settings: Settings, now: datetime, desk: Desk | None = None) -> "Search":
        store, policy = open_store(settings.url), load_policy(settings)
        return cls(settings, store, policy, now, desk or PrefectDesk(settings))

    @property
    def since(self) -> datetime:
        return self.now - EVIDENCE_DAYS

    def recent(self, table: str) -> pd.DataFrame:
        """The newest revisions of a log table's rows since then, of the columns engines read."""
        return recent(self.store, table, self.since, self.now)

    def origin(self, *targets: str) -> datetime:
        """Where a stream begins: with the last action on what moves it, else with the log.

        It must not move from cycle to cycle, or the gate's promise would not hold.
        """
        done = [last_action_on(self.store, target) for target in targets]
        begun = first_time(self.store, "parallel_process_logs")
        return max((last.finished_at for last in done if last), default=begun or self.now)

    def standing(self, kind: str, target: str) -> tuple[Standing, str] | None:
        """What stands against a new proposal for a target; None if nothing does."""
        return standing_of(list_entries(self.store), kind, target, self.policy, self.now)

    def follow(self, leads: Sequence[Lead]) -> list[Finding]:
        """Propose where it is proven, else say why not; one that fails does not keep the others."""
        seen = see([lead.stream for lead in leads], self.now)
        return [self._try(lead, each) for lead, each in zip(leads, seen, strict=True)]

    def _try(self, lead: Lead, seen: Seen) -> Finding:
        try:
            return self._propose_or_say(lead, seen)
        except GraceError as problem:
            return finding_for(seen, "failed", str(problem))

    def _propose_or_say(self, lead: Lead, seen: Seen) -> Finding:
        stream = lead.stream
        against = self.standing(stream.kind, stream.target)
        if against is not None:
            return finding_for(seen, *against)
        if not seen.raised:
            return finding_for(seen)
        with self.store.writing(self.now) as writer:
            ledger_size = writer.size
        case = lead.case(seen, ledger_size)
        return case if isinstance(case, Finding) else self._propose(seen, case)

    def _propose(self, seen: Seen, case: Case) -> Finding:
        lever = self.desk.lever(case.change.lever)
        observed = lever.read(case.change.target)
        if observed != case.change.before:
            reason = f"it is {observed!r} now, no longer {case.change.before!r} as in the evidence"
            return finding_for(seen, "watching", reason)
        proposal = draw_up(
            replace(case, days_with_data=partial(self._days_with_data, case.change)),
            lever=lever,
            policy=self.policy,
            track=track_of(list_entries(self.store), lever.name),
            log=self.settings.log,
            now=self.now,
            rng=self.desk.rng(),
        )
        if not enabled(self.store).allows(case.change.target):
            return finding_for(seen, "would propose", self._would(proposal))
        return _told(seen, self.desk.submit(proposal, self.policy))

    def _days_with_data(self, change: Change, plan: Plan) -> int:
        return days_with_data(self.store, self.policy, change, plan)

    def _would(self, proposal: Proposal) -> str:
        """What a person would be asked, and the command that lets them be."""
        foreseen = proposal.prediction
        told = f"{proposal.title}. {proposal.why}"
        if foreseen.now is not None and foreseen.then is not None:
            show = metric(foreseen.metric).show
            told += f" Foreseen: {foreseen.metric} {show(foreseen.now)} to {show(foreseen.then)}."
        target = proposal.change.target
        command = f"grace --log {self.settings.log} enable {target} --as REVIEWER --reason WHY"
        return f"{told} To be asked about it: {command}"


def _told(seen: Seen, entry: Entry) -> Finding:
    if entry.state == "forbidden":
        return finding_for(seen, "forbidden", entry.reason or "", entry.id)
    return finding_for(seen, "proposed", entry.proposal.title, entry.id)

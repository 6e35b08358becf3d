"""From cause to verdict on a real server: proposed, approved, applied, measured, kept.

The levers turn what is set on the server, and the workload does what is set there. Only the clock
is the test's: what takes two hours of blocks takes as long as its reading and its steps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.governance.asking import submit, take_answer
from grace.governance.consent import Answer
from grace.governance.policy import Policy, load_policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, find, list_entries
from grace.levers import Lever, find_lever
from grace.measurement.looks import last_look
from grace.notary.verify import verify
from grace.opportunities.queueing import replay
from grace.settings import Settings
from grace.store import open_store
from tasks.changes import apply_change, take_step
from tasks.ingest_prefect import read_history
from tasks.opportunities import find_waits, follow_leads
from tests.serving import serving_prefect
from tests.workload import POLL, Run, Workload, burst

PERIOD, WORK = 200.0, 20.0
GOVERNANCE = 'reviewers = ["ann"]\n[measuring]\nleast_block_seconds = 400\n'

# what happens between two moments, in seconds from the beginning, as the server is set now
Happening = Callable[[Callable[[str], object], float, float], list[Run]]


@dataclass
class Clocked:
    """See `grace.desk.Desk`: real levers, and a clock that the test moves."""

    settings: Settings
    at: datetime
    agenda: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(5)

    def lever(self, name: str) -> Lever:
        return find_lever(name, self.settings)

    def submit(self, proposal: Proposal, policy: Policy) -> Entry:
        return submit(open_store(self.settings.url), proposal, policy, self.at)

    def tell(self, entry: Entry, what: str) -> None:
        return

    def start_step(self, proposal_id: str, which: str, at: datetime | None = None) -> None:
        self.agenda.append(at or self.at)


@dataclass
class World:
    desk: Clocked
    work: Workload
    happening: Happening

    def read(self, target: str) -> object:
        kind = target.partition(":")[0]
        lever = "deployment-schedule" if kind == "schedule" else "concurrency-limit"
        return self.desk.lever(lever).read(target)

    def go_on(self, until: datetime) -> None:
        """Let the system work until then, as it is set on the server, and read what it did."""
        begin, end = ((at - self.work.begin).total_seconds() for at in (self.desk.at, until))
        self.work.happen(self.happening(self.read, begin, end))
        self.desk.at = until
        read_history(self.desk.settings, until, lambda _: None)

    def propose(self, target: str) -> Entry:
        """What is proposed for it; the server has the runs of other troubles too."""
        settings, now = self.desk.settings, self.desk.at
        follow_leads.fn(settings, now, find_waits.fn(settings, now), self.desk)
        entries = list_entries(open_store(settings.url))
        (entry,) = (each for each in entries if each.proposal.change.target.startswith(target))
        return entry

    def approve(self, entry: Entry) -> None:
        store, policy = open_store(self.desk.settings.url), load_policy(self.desk.settings)
        answer = Answer(answer="approve", reviewer="ann", reason="as shown")
        outcome = take_answer(
            store,
            policy,
            entry,
            answer,
            asked_hash=entry.content_hash,
            decision_id=f"{entry.id}:answer-1",
            now=self.desk.at,
            run_id=None,
        )
        assert outcome == "approved"
        apply_change.fn(self.desk.settings, entry.id, self.desk)

    def measure(self, entry: Entry) -> Entry:
        store = open_store(self.desk.settings.url)
        while self.desk.agenda:
            due = self.desk.agenda.pop(0)
            if due > self.desk.at:
                self.go_on(due)
            take_step.fn(self.desk.settings, entry.id, self.desk.at, self.desk)
        return find(store, entry.id)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("measured-server")
    with serving_prefect(home) as url, temporary_settings({PREFECT_API_URL: url}):
        yield home


def ticks(begin: float, end: float) -> list[float]:
    first = -(-begin // PERIOD)
    return [PERIOD * tick for tick in range(int(first), int(-(-end // PERIOD)))]


def fours(name: str, target: str) -> Happening:
    """Four runs every 200 s, with as many places as the limit gives."""

    def happen(read: Callable[[str], object], begin: float, end: float) -> list[Run]:
        slots = int(read(target) or 100)
        return [run for at in ticks(begin, end) for run in burst(name, at, [WORK] * 4, slots)]

    return happen


def twins(names: list[str], begun: datetime) -> Happening:
    """Two deployments with one place between them, each by the schedule that is set for it."""

    def happen(read: Callable[[str], object], begin: float, end: float) -> list[Run]:
        arrivals = []
        for name in names:
            value = read(f"schedule:{name}#1")
            offset = (datetime.fromisoformat(value["anchor"]) - begun).total_seconds() % PERIOD
            moments = (tick + offset for tick in ticks(begin - PERIOD, end))
            arrivals += [(at, name) for at in moments if begin <= at < end]
        arrivals.sort()
        queued = np.array([at for at, _ in arrivals])
        waits = replay(queued, np.full(queued.size, WORK), 1)
        return [
            Run(name, at, at + POLL + wait, at + POLL + wait + WORK, scheduled=True)
            for (at, name), wait in zip(arrivals, waits, strict=True)
        ]

    return happen


def in_a_pool(work: Workload) -> tuple[Happening, str]:
    name = work.deploy("pooled", work.pool("few-places", 1))
    return fours(name, "work-pool:few-places"), "work-pool:few-places"


def in_a_queue(work: Workload) -> tuple[Happening, str]:
    pool = work.pool("with-queue", 50)
    name = work.deploy("queued", pool, work.queue(pool, "thin", 1))
    return fours(name, "work-queue:with-queue/thin"), "work-queue:with-queue/thin"


def by_itself(work: Workload) -> tuple[Happening, str]:
    name = work.deploy("single", work.pool("many-places"), limit=1)
    return fours(name, f"deployment:{name}"), f"deployment:{name}"


def together(work: Workload) -> tuple[Happening, str]:
    pool, rhythm = work.pool("one-place", 1), timedelta(seconds=PERIOD)
    schedule = IntervalSchedule(interval=rhythm, anchor_date=work.begin, timezone="UTC")
    when = [DeploymentScheduleCreate(schedule=schedule, active=True)]
    names = [work.deploy(name, pool, schedules=when) for name in ("left", "right")]
    return twins(names, work.begin), "schedule:"


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [in_a_pool, in_a_queue, by_itself, together])
def test_what_binds_is_changed_and_the_change_is_kept(
    server: Path, settings: Settings, trouble: Callable[[Workload], tuple[Happening, str]]
) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    work = Workload(server / "prefect.db", begin)
    happening, target = trouble(work)
    settings.log_dir.mkdir(parents=True)
    (settings.log_dir / "governance.toml").write_text(GOVERNANCE)
    world = World(Clocked(settings, begin), work, happening)
    world.go_on(begin + timedelta(hours=1))
    entry = world.propose(target)
    change = entry.proposal.change
    assert change.target.startswith(target)
    assert len(entry.proposal.evidence.ruled_out) == 8
    world.approve(entry)
    assert world.read(change.target) == change.after
    ended = world.measure(entry)
    assert (ended.state, ended.verdict) == ("kept", "improved"), ended.reason
    assert world.read(change.target) == change.after
    seen = last_look(open_store(settings.url), ended.id, ended.proposal.plan)
    assert seen.judgement.effect < -5
    assert verify(settings, open_store(settings.url)).ok

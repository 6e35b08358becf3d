"""What can be seen of a setting: what is proposed, planned, weighed or allowed under it.

For the tables in `tests/documented.py`, each of which is a setting with what it must change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from grace.analysis.rules import load_rules
from grace.errors import GraceError
from grace.export.retention import kept_by_rules
from grace.governance.brakes import check_may_apply
from grace.governance.change import Change
from grace.governance.consent import check_known_enough
from grace.governance.policy import Policy, load_policy
from grace.governance.register import move, raise_proposal
from grace.governance.risk import Risk, Track, assess, tier_of
from grace.opportunities import (
    increase_activity,
    reduce_execution_time,
    reduce_wait_time,
)
from grace.opportunities.causes import diagnose
from grace.opportunities.drawing import draw_up
from grace.opportunities.earning import earners
from grace.opportunities.finding import Finding
from grace.opportunities.standing import standing_of
from grace.opportunities.streams import see
from grace.opportunities.units import deployment_runs
from grace.opportunities.waits import pressures
from grace.settings import Settings
from grace.store import Store, open_store
from tasks.levers.pattern_rule import PatternRule
from tasks.levers.signed_webhook import SignedWebhook
from tasks.performance import find_causes
from tests.export.test_retention import MIDNIGHT, nightly
from tests.flows.test_measured_by_hand import log_runs
from tests.opportunities.conftest import START, Log
from tests.opportunities.test_improve_execution import logged, waiting
from tests.opportunities.test_improve_ml_confidence import FakeLever, history, judged
from tests.opportunities.test_planning import case
from tests.proposing import NOON, a_proposal, an_entry
from tests.ruling import asked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KIND = "reduce_wait_time"


@dataclass(frozen=True)
class World:
    """One policy in force, and a log of its own."""

    settings: Settings
    store: Store

    @property
    def policy(self) -> Policy:
        return load_policy(self.settings)

    def drawn(self, **differing: object):
        return draw_up(
            case(**differing),
            lever=PatternRule(),
            policy=self.policy,
            track=Track(ended=0, undone=0),
            log="main",
            now=NOON,
            rng=np.random.default_rng(1),
        )

    def learned(self, stated: float, true: float | None, at: float):
        """What is proposed for a model of which governance names what may be turned."""
        found = judged(self.store, history(stated, true), self.policy.learning, FakeLever(value=at))
        return [
            told.reason if isinstance(told, Finding) else told.change for _, told in found.values()
        ]

    def weighed(self, ended: int = 4):
        track = Track(ended=ended, undone=min(ended, 2))
        weights = self.policy.risk
        return assess(weights, reversible=False, reach="shared", e_value=None, track=track).parts

    def tiers(self):
        return [tier_of(self.policy.risk, score / 10) for score in range(11)]

    def earned(self):
        earning = self.policy.earning
        return earners(logged(self.store, waiting(10), earning), earning)

    def gate(self, stream_of, seen):
        return stream_of(seen, NOON, self.policy.optimizer).gate.threshold


def refused(deed: Callable[[], object]) -> str | None:
    try:
        deed()
    except GraceError as problem:
        return str(problem)
    return None


def known_enough(world: World, tier: Literal["low", "medium", "high"]):
    """What is said to an answer with nothing but a name."""
    entry = an_entry(a_proposal(risk=Risk(score=0.5, tier=tier, parts={})))
    return refused(lambda: check_known_enough("declared", entry, world.policy))


def may_apply(world: World):
    with world.store.writing(NOON) as writer:
        entry = move(writer, raise_proposal(writer, a_proposal()), "awaiting_approval")
        entry = move(writer, entry, "approved")
    return refused(lambda: check_may_apply(world.store, entry, world.policy, NOON))


def open_ones(world: World):
    change = Change(lever="concurrency-limit", target="tag:other", before=1, after=2)
    other = an_entry(a_proposal(change=change))
    return standing_of([other], KIND, "tag:pages", world.policy, NOON)


def resting(world: World):
    rejected = an_entry(a_proposal(), state="rejected")
    return standing_of([rejected], KIND, "tag:pages", world.policy, NOON + DAY)


def kept_archives(world: World):
    """Of one a night for two months."""
    archives, rules = nightly(60), world.policy.retention
    return sorted(kept_by_rules(archives, rules, MIDNIGHT.date()))


def a_queue() -> Log:
    """Five flow runs of twelve tasks behind two slots."""
    log = Log()
    for number in range(5):
        log.burst(f"f{number}", 100 * number, [2.0] * 12, slots=2)
    return log


def limit_for_waits(world: World):
    frame = a_queue().frame()
    (pressure,) = (each for each in pressures(frame) if each.key == "tag:pages")
    (seen,) = see([reduce_wait_time.stream_of(pressure, START)], pressure.times[-1])
    return reduce_wait_time.case_for(seen, pressure, frame, world.policy, 7).change.after


def limit_for_time(world: World):
    frame = a_queue().frame().assign(success=True)
    spent = frame["completed_at"] - frame["started_at"]
    frame = frame.assign(execution_time_seconds=spent.dt.total_seconds())
    (runs,) = deployment_runs(frame, reduce_execution_time.METRIC, START - DAY)
    rules = world.policy.optimizer
    gate = reduce_execution_time.gate_of(rules)
    (seen,) = see([runs.stream(reduce_execution_time.KIND, gate, START)], runs.times[-1])
    (found,) = diagnose(frame, rules=rules)
    told = reduce_execution_time.case_for(
        seen, runs, frame, found, world.policy, lambda target: None, 7
    )
    return told.reason if isinstance(told, Finding) else told.change.after


def denser(world: World):
    rules = world.policy.optimizer
    hours = [(NOON - n * HOUR, 4) for n in range(48, 0, -1)]
    (seen,) = see([increase_activity.stream_of(hours, NOON - 48 * HOUR, rules)], NOON)
    rhythm = {"interval_seconds": 3600, "active": True, "timezone": "UTC"}
    found = increase_activity.case_for(
        seen, ["look/often"], lambda target: rhythm, lambda target: None, rules, 7
    )
    return found.change.after


def causes(world: World):
    log_runs(world.store, "sync/nightly", NOON - 3 * HOUR, timedelta(minutes=10), 6)
    return [each.target for each in find_causes.fn(world.settings, NOON)]


class Post:
    """Whom a webhook was sent to."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def send(self, url: str, message_id: str, body: bytes) -> None:
        self.urls.append(url)


def sent(world: World):
    post = Post()
    SignedWebhook(world.settings, post).apply("webhook:a", {"key": "k", "body": {}})
    return post.urls


def forbids(settings: Settings):
    return asked(load_policy(settings)).answer


def opened(settings: Settings):
    return str(open_store(settings.url).engine.url)


def words(name: str):
    return lambda settings: getattr(load_rules(), name)

"""One hurried demo for the whole session: the shop's jobs run six times as often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.improvement import KINDS
from grace.demo.folder import begin_anew, demo_settings, open_demo
from grace.demo.report import Report, report
from grace.demo.system import SHOP
from grace.governance.consent import Answer
from grace.settings import Settings
from grace.store import Store
from tasks.demo import Engine, run_demo
from tasks.demo_desk import DemoDesk
from tasks.opportunities import find_waits

HURRY = 6
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HURRIED = replace(
    SHOP,
    jobs=tuple(
        replace(job, every_minutes=job.every_minutes / HURRY, first_minute=job.first_minute / HURRY)
        for job in SHOP.jobs
    ),
)


@dataclass(frozen=True)
class Demo:
    settings: Settings
    store: Store
    desk: DemoDesk
    found: Report
    told: list[str]


def approving(entry, policy) -> Answer:
    return Answer(answer="approve", reviewer="demo", reason="as always")


def play(folder: Path, hours: float, seed: int, answer: Callable = approving) -> Demo:
    settings = demo_settings(Settings(data_dir=folder, _env_file=None))
    begin_anew(settings, "demo", {})
    store, until = open_demo(settings, BEGIN), BEGIN + timedelta(hours=hours)
    desk, told = DemoDesk(store, BEGIN, seed, HURRIED), []
    every = timedelta(hours=1)
    engines = (
        Engine("reduce_wait_time", every, (find_waits,)),
        Engine("proactive_improvement", every, KINDS, learns=True),
    )
    run_demo(
        settings,
        desk,
        engines,
        until,
        ask=answer,
        tell=lambda at, line: told.append(f"{at} {line}"),
    )
    return Demo(settings, store, desk, report(settings, store, BEGIN, until), told)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Ten hours and a half, in which every measurement comes to its end."""
    return play(tmp_path_factory.mktemp("demo"), hours=10.5, seed=1)

"""From `grace connect` to `grace disconnect` by the real command line, beside somebody's server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grace.installation.environment import mark
from grace.installation.processes import marked
from grace.settings import Settings
from grace.store import open_store
from tests.foreign import CREDENTIAL, Foreign
from tests.running import System, until
from tests.watched.expected import assert_equal_figures
from tests.watched.proxy import Proxy
from tests.watched.system import LIMITED_TO, TARGET
from tests.watched.test_secrets import FORMS, holding

OPTIMIZER = "performance-optimizer/prod-every-30-minutes"
BY = ("--as", "operator", "--reason", "a try")

pytestmark = pytest.mark.slow


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(Settings(data_dir=tmp_path / "data", port=20000 + os.getpid() % 1000))
    yield made
    made.grace("down")
    assert marked(mark(made.settings)) == []


@pytest.fixture
def connect(system: System, proxy: Proxy) -> Callable[[], str]:
    """What it prints."""

    def call() -> str:
        command = [sys.executable, "-m", "grace.cli", "connect", proxy.url, "--name", "prod"]
        own = {"GRACE_CONNECT_CREDENTIAL": CREDENTIAL}
        done = subprocess.run(
            command, env=system.environment | own, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return call


def prod(system: System, *arguments: str) -> Any:
    return system.grace("--log", "prod", *arguments)


def compare(own: Settings, foreign: Foreign) -> None:
    store = open_store(own.url, create=False)
    assert_equal_figures(store, foreign)
    store.engine.dispose()


def would_propose(system: System) -> bool:
    found = prod(system, "status")["findings"]
    return (TARGET, "would propose") in {(each["target"], each["standing"]) for each in found}


def run_optimizer(system: System) -> None:
    one = system.deployment(OPTIMIZER)["id"]
    system.ask(f"/deployments/{one}/create_flow_run", {})


def known_by_processes(system: System) -> list[bytes]:
    """Command lines and environments of all that a worker or `grace up` started."""
    ours = mark(system.settings).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes()
            if ours in told:
                found.append(told + (process / "cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def test_an_installation_is_watched_then_changed_then_left(
    system: System, foreign: Foreign, proxy: Proxy, connect: Callable[[], str]
) -> None:
    before = foreign.content()
    said = connect()
    own = system.settings.for_log("prod")
    assert "runs read" in said
    assert "Nothing on it is changed" in said
    until(lambda: would_propose(system))
    until(
        lambda: prod(system, "status")["engines"]["proactive-improvement/prod-hourly"]["last_run"]
    )
    assert proxy.refused == []
    assert foreign.content() == before
    assert prod(system, "proposals") == []
    compare(own, foreign)
    told = prod(system, "status")
    assert (told["enabled"], told["watched"]) == ([], proxy.url.removesuffix("/api"))

    assert {file.name for file in holding(system.settings.data_dir)} == {"connection.json"}
    known = known_by_processes(system)
    assert len(known) >= 4
    assert not [each for each in known for form in FORMS if form in each]
    assert not [form for form in FORMS if form.decode() in said]

    proxy.only_reads = False
    prod(system, "enable", TARGET, *BY)
    run_optimizer(system)
    until(lambda: [each["state"] for each in prod(system, "proposals")] == ["awaiting_approval"])
    (waiting,) = prod(system, "proposals")
    assert foreign.limit(TARGET) == LIMITED_TO
    prod(system, "approve", waiting["id"], *BY)
    until(lambda: foreign.limit(TARGET) > LIMITED_TO)
    until(lambda: prod(system, "show", waiting["id"])["state"] in ("applied", "measuring"))
    prod(system, "undo", waiting["id"], *BY)
    assert foreign.limit(TARGET) == LIMITED_TO

    size = prod(system, "ledger", "verify")["size"]
    system.grace("disconnect", "prod")
    assert "signer-prod" not in system.processes
    assert not [name for name in system.deployments() if "/prod-" in name]
    assert not (own.log_dir / "connection.json").exists()
    assert prod(system, "ledger", "verify")["ok"]

    connect()
    assert "signer-prod" in system.processes
    assert OPTIMIZER in system.deployments()
    verified = prod(system, "ledger", "verify")
    assert verified["ok"]
    assert verified["size"] >= size
    compare(own, foreign)

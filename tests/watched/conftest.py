"""A watched installation: somebody else's real server, and Grace's own one beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import State
from pydantic import SecretStr

from flows.approval import approval
from flows.improvement import proactive_improvement
from flows.measurement import measurement
from flows.optimizer import performance_optimizer
from grace.connection import Connection, write_connection
from grace.governance.enabling import observe_only, set_enabled
from grace.governance.register import Entry, find, list_entries
from grace.installation.reaching import look_at
from grace.opportunities.finding import Finding
from grace.settings import Settings
from grace.store import Store, open_store
from grace.summary import last_findings
from tasks.ingest_prefect import SETTLE, Counts, begin_history_at, read_history
from tasks.runs import answer_run
from tests.desk import GOVERNANCE, run_here
from tests.foreign import CREDENTIAL, Foreign, serving_foreign
from tests.watched.proxy import Proxy, in_front_of
from tests.watched.system import LIMITED_TO, TARGET

LOG = "prod"
COPIES = 22  # with the day itself, about 280 flow runs and as many task runs
DEPLOYED: tuple[tuple[Flow, str], ...] = (
    (approval, "on-proposal"),
    (measurement, "on-block"),
    (performance_optimizer, "every-30-minutes"),
    (proactive_improvement, "hourly"),
)


@dataclass(frozen=True)
class Watched:
    """The log of a watched installation, which is reached through a proxy."""

    settings: Settings
    proxy: Proxy

    @property
    def store(self) -> Store:
        return open_store(self.settings.url)

    def connect(self, days: int = 30) -> Connection:
        """What `grace connect` does before it starts anything."""
        now = datetime.now(UTC)
        given = Connection(
            api_url=self.proxy.url,
            version="",
            connected_at=now,
            credential="basic",
            secret=SecretStr(CREDENTIAL),
        )
        reached = given.model_copy(update={"version": look_at(given, LOG)})
        write_connection(self.settings, reached)
        observe_only(self.store, now, reached.ui_url)
        begin_history_at(self.store, now - timedelta(days=days), now)
        return reached

    def read(self) -> Counts:
        """Also what ended a moment ago, which is left to the next reading otherwise."""
        return read_history(self.settings, datetime.now(UTC) + SETTLE, lambda line: None)

    def cycle(self, name: str = "performance-optimizer/every-30-minutes") -> State:
        """What a worker would run when the deployment of this log is due."""
        flow, when = name.split("/")
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(f"{flow}/{LOG}-{when}")
            run = client.create_flow_run_from_deployment(deployment.id)
        return run_here(_flow(flow), str(run.id))

    def enable(self, *targets: str, answer: str = "enable") -> None:
        now = datetime.now(UTC)
        set_enabled(self.store, targets, answer, now, reviewer="ann", reason="a try")

    def finding(self, target: str = TARGET) -> Finding:
        """About its waits; what else binds its runs stands beside it."""
        about = (one for one in last_findings(self.store) if one.target == target)
        (found,) = (one for one in about if one.kind == "reduce_wait_time")
        return found

    def proposals(self) -> list[Entry]:
        return list_entries(self.store)

    def approve(self, entry: Entry) -> Entry:
        """Its run asks, a person answers, and it is carried out."""
        run_here(approval, entry.run_id)
        given = {"answer": "approve", "reviewer": "ann", "reason": "as agreed"}
        answer_run(entry.run_id, given)
        run_here(approval, entry.run_id)
        return find(self.store, entry.id)


def _flow(name: str) -> Flow:
    (flow,) = (flow for flow, _ in DEPLOYED if flow.name == name)
    return flow


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with serving_foreign(tmp_path_factory.mktemp("foreign-server")) as made:
        made.copy_history(range(1, COPIES + 1))
        yield made


@pytest.fixture
def proxy(foreign: Foreign) -> Iterator[Proxy]:
    """It refuses whatever is no read."""
    with in_front_of(foreign.url) as made:
        yield made


@pytest.fixture
def impatient(watched: Watched) -> Iterator[None]:
    """By default Prefect's client asks a server that has gone away for a minute."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


@pytest.fixture
def watched(
    proxy: Proxy, prefect_api: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Watched:
    """Not connected yet; Grace's own server has the deployments of its log."""
    monkeypatch.setenv("GRACE_LOG", LOG)
    own = settings.for_log(LOG)
    own.log_dir.mkdir(parents=True)
    governance = GOVERNANCE.format(deadline_hours=72, least_block_seconds=60)
    (own.log_dir / "governance.toml").write_text(governance)
    with get_client(sync_client=True) as client:
        for flow, when in DEPLOYED:
            tags = ["grace", f"log:{LOG}"]
            client.create_deployment(client.create_flow(flow), name=f"{LOG}-{when}", tags=tags)
    return Watched(own, proxy)


@pytest.fixture
def may_be_changed(foreign: Foreign, proxy: Proxy) -> Iterator[None]:
    """The proxy lets writes through; the limit is what it was afterwards."""
    proxy.only_reads = False
    yield
    foreign.ask(f"/v2/concurrency_limits/{TARGET}", {"limit": LIMITED_TO}, method="PATCH")

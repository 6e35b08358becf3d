"""What every test stands on: folders of its own, nothing of the caller's, and no process left.

`settings`, `store` and `prefect_api` are for tests that ask. A test without them still sees no
variable, no Prefect profile and no log of the person who runs it.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from grace.settings import Settings
from grace.store import Store, open_store
from tests.serving import serving_prefect

pytest_plugins = ["tests.desk", "tests.postgres", "tests.running"]

_FOREIGN = ("PREFECT_", "GRACE_", "PYTHONDONTWRITEBYTECODE")
_PRIVATE = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
_MARK = "GRACE_TEST_SESSION"
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
# how long an example takes says more of the machine than of what is tested, and a fixture that all
# examples share is what a test of one database wants
_ANYWHERE = hypothesis.settings(
    deadline=None,
    database=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.data_too_large,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.register_profile("the same every time", _ANYWHERE, derandomize=True)
hypothesis.settings.register_profile("searching", _ANYWHERE, max_examples=300, print_blob=True)
hypothesis.settings.load_profile("the same every time")


def _hide_the_caller(home: Path) -> None:
    mark = os.environ.get(_MARK)
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ.update(_PRIVATE)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    # a worker of pytest-xdist belongs to the session that started it
    os.environ[_MARK] = mark if _IS_WORKER and mark else uuid4().hex


# now, for the plugin above imports prefect, which reads its settings then
_scratch = tempfile.TemporaryDirectory(prefix="grace-tests-")
_hide_the_caller(Path(_scratch.name))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run that leaves a process behind; every child inherits the mark."""
    if left := [] if _IS_WORKER else _left_behind():
        print(f"\nprocesses left behind: {'; '.join(left)}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    _scratch.cleanup()


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own, and no `grace.env` of the project."""
    monkeypatch.setenv("GRACE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def settings(tmp_path: Path, log_url: str | None) -> Settings:
    """Those that `Settings()` reads from the environment in this test too."""
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A new log at `settings.url`: a SQLite file, or a database of PostgreSQL (`--database`)."""
    opened = open_store(settings.url)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a real Prefect server on SQLite, one for the whole session."""
    with serving_prefect(tmp_path_factory.mktemp("prefect-server")) as url:
        yield url


@pytest.fixture
def prefect_api(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The session's server as the one that this test's Prefect clients and children talk to."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    # log lines that are still on their way when the server stops keep pytest waiting at its exit
    with temporary_settings(
        {
            PREFECT_API_URL: prefect_server,
            PREFECT_LOGGING_TO_API_ENABLED: False,
            # every flow run waits a second at its end for the thread that says it is alive
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
    ):
        yield prefect_server


def _left_behind() -> list[str]:
    """`pid command` of each living process with this session's mark but this one."""
    mark = f"{_MARK}={os.environ[_MARK]}".encode()
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            # the workers of pytest-xdist end after this
            is_ours = mark in (entry / "environ").read_bytes().split(b"\0")
            if is_ours and "execnet" not in command:
                left.append(f"{entry.name} {command}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return [line for line in left if not line.startswith(f"{os.getpid()} ")]

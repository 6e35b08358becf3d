"""A server that cannot be reached, refuses or goes away: one line, and the next time it goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import tasks.ingest_prefect
from grace.cli import main
from grace.connection import read_connection
from grace.errors import Unreachable
from grace.store.read import newest
from tasks.ingest_prefect import SETTLE, read_history
from tests.foreign import CREDENTIAL, Foreign
from tests.watched.conftest import LOG, Watched
from tests.watched.expected import assert_equal_figures
from tests.watched.proxy import Answer, Proxy

NOBODY = "http://127.0.0.1:9"
PAGE = (200, {"Content-Type": "text/html"}, b"<html>hello</html>")


@pytest.fixture
def connect(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """What `grace connect` says of a server that it cannot watch; it starts nothing for one."""

    def tell(url: str, credential: str = CREDENTIAL) -> str:
        given = tmp_path / "credential"
        given.write_text(credential)
        with pytest.raises(SystemExit) as end:
            main(["connect", url, "--name", LOG, "--credential", str(given)])
        assert end.value.code == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert credential not in line
        assert not (tmp_path / "data").exists()
        return line

    return tell


def test_an_address_where_nobody_listens(connect) -> None:
    assert "does not answer" in connect(NOBODY)


def test_what_is_no_address(connect) -> None:
    assert "is no address: Invalid port" in connect("http://prefect.example:port")


def test_a_wrong_password(connect, proxy: Proxy) -> None:
    said = connect(proxy.url, "operator:guessed")
    assert "refuses the credential (401): connect again with --credential" in said


def test_no_password_where_one_is_needed(connect, proxy: Proxy) -> None:
    assert "refuses the credential (401)" in connect(proxy.url, "an-api-key")


@pytest.mark.parametrize("version", ["2.20.1", "4.0.0"])
def test_a_server_of_another_version(connect, proxy: Proxy, version: str) -> None:
    proxy.is_version(version)
    said = connect(proxy.url)
    assert said.endswith(f"is Prefect {version}; Grace understands Prefect 3")


def test_a_page_that_is_no_prefect_server(connect, proxy: Proxy) -> None:
    proxy.behave(lambda method, path, before: PAGE)
    assert connect(proxy.url).endswith("is no Prefect server")


def test_a_server_without_the_api(connect, proxy: Proxy) -> None:
    proxy.answers(404)
    assert "has no /api/admin/version: is it the address of a Prefect API?" in connect(proxy.url)


def test_a_server_that_asks_to_be_asked_later(connect, proxy: Proxy) -> None:
    proxy.answers(429)
    assert "asks to be asked more slowly (429)" in connect(proxy.url)


def test_a_log_that_watches_another_server(
    watched: Watched, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = watched.connect()
    monkeypatch.delenv("PREFECT_API_URL")  # with it nothing at all could be connected here
    monkeypatch.setenv("GRACE_CONNECT_CREDENTIAL", CREDENTIAL)
    with pytest.raises(SystemExit):
        main(["connect", NOBODY, "--name", LOG])
    said = f"{LOG} is {reached.api_url} already: choose another --name"
    assert said in capfd.readouterr().err
    assert read_connection(watched.settings) == reached


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a reading which breaks off has added something, and has something left to add."""
    monkeypatch.setattr(tasks.ingest_prefect, "RUNS_A_TRANSACTION", 60)


def runs_logged(watched: Watched) -> int:
    return len(logged(watched))


def logged(watched: Watched) -> set[str]:
    return set(newest(watched.store, "parallel_process_logs")["process_id"])


def read_at(watched: Watched, now: datetime) -> None:
    read_history(watched.settings, now, lambda line: None)


def ended(foreign: Foreign) -> dict[str, datetime]:
    """When each run of the installation ended, by its id."""
    return {
        run["id"]: datetime.fromisoformat(run["end_time"])
        for kind in ("flow_runs", "task_runs")
        for run in foreign.all(f"/{kind}/filter", sort="ID_DESC")
        if run["end_time"]
    }


def half_way(watched: Watched, answer: Callable[[], Answer]) -> None:
    """From the third part with retries on, the server does this instead."""

    def instead(method: str, path: str, before: int) -> Answer | None:
        asked = watched.proxy.asked[: before + 1]
        parts = sum(one.path.endswith("/logs/filter") for one in asked)
        return answer() if parts >= 3 else None

    watched.proxy.behave(instead)


def gone() -> Answer:
    raise ConnectionError


@pytest.mark.usefixtures("impatient", "in_small_parts")
def test_a_server_that_goes_away_half_way_is_read_on_when_it_is_back(
    watched: Watched, foreign: Foreign
) -> None:
    watched.connect()
    half_way(watched, gone)
    with pytest.raises(Unreachable) as said:
        watched.read()
    assert len(str(said.value).splitlines()) == 1
    assert f"prod ({watched.proxy.url}) does not answer" in str(said.value)
    partly = runs_logged(watched)
    assert partly > 0
    watched.proxy.behave()
    watched.read()
    assert runs_logged(watched) > partly
    assert_equal_figures(watched.store, foreign)


def test_the_day_ended_long_enough_ago_to_be_read_whole_at_once(
    watched: Watched, foreign: Foreign
) -> None:
    """Else the tests here that read it first would miss its end, by how long they took to begin."""
    watched.connect()
    read_at(watched, foreign.made_at)
    at_once = logged(watched)
    watched.read()
    day = {row[0] for table in ("flow_run", "task_run") for row in foreign.history[table][1]}
    assert day & at_once
    assert not day & (logged(watched) - at_once)


@pytest.mark.usefixtures("impatient", "in_small_parts")
def test_what_ended_a_moment_ago_is_left_to_the_next_reading(
    watched: Watched, foreign: Foreign
) -> None:
    """That, and nothing else, also where the server went away in between."""
    watched.connect()
    now = datetime.now(UTC)
    foreign.let_arrive(31_000, now - timedelta(seconds=1))
    half_way(watched, gone)
    with pytest.raises(Unreachable):
        read_at(watched, now)
    watched.proxy.behave()
    read_at(watched, now)
    before = logged(watched)
    watched.read()
    left = logged(watched) - before
    young = {run for run, end in ended(foreign).items() if end > now - SETTLE}
    assert left
    assert left == young & logged(watched)
    assert_equal_figures(watched.store, foreign)


@pytest.mark.usefixtures("in_small_parts")
def test_a_page_in_the_place_of_the_server_is_one_line_too(watched: Watched) -> None:
    """As a company's gateway answers once its session is over."""
    watched.connect()
    half_way(watched, lambda: PAGE)
    with pytest.raises(Unreachable, match=r"^prod \(\S+\) answers with something that is no JSON$"):
        watched.read()


@pytest.mark.usefixtures("in_small_parts")
def test_a_rate_limit_fails_the_cycle_in_one_line_and_the_next_one_goes_on(
    watched: Watched, foreign: Foreign
) -> None:
    """Prefect's client has waited and asked again as often as it does; what was read stays."""
    watched.connect()
    half_way(watched, lambda: (429, {"Retry-After": "0"}, b"{}"))
    state = watched.cycle()
    assert state.is_failed()
    assert "asks to be asked more slowly (429); the next cycle goes on from here" in state.message
    partly = runs_logged(watched)
    assert partly > 0
    watched.proxy.behave()
    assert watched.cycle().is_completed()
    assert runs_logged(watched) > partly
    assert_equal_figures(watched.store, foreign)
    assert watched.finding().standing == "would propose"


@pytest.mark.usefixtures("in_small_parts")
def test_runs_that_end_while_their_server_is_read_come_once(
    watched: Watched, foreign: Foreign
) -> None:
    """Whole copies of a day: one before its part is read, and one told of only after that."""
    watched.connect()
    arrived: list[str] = []

    def arrive(when: str, minutes: int) -> None:
        if when not in arrived:
            arrived.append(when)
            ended = datetime.now(UTC) - timedelta(minutes=minutes)
            foreign.let_arrive(30_000 + len(arrived), ended)

    def busy(method: str, path: str, before: int) -> None:
        if path.endswith("/logs/filter"):
            arrive("before", minutes=2)
        if b'"end_time":{"is_null_":true}' in watched.proxy.asked[before].body:
            # the day itself may have taken minutes, and all of it is read again for ten
            arrive("after all that ended was read", minutes=4)

    watched.proxy.behave(busy)
    watched.read()
    assert len(arrived) == 2
    missing = runs_logged(watched)
    watched.proxy.behave()
    watched.read()
    assert runs_logged(watched) > missing
    assert_equal_figures(watched.store, foreign)

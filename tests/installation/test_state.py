"""What runs is written in one file, whole or not at all, by one at a time."""

import threading
from pathlib import Path

import pytest

from grace.errors import BadInput, NotOurs
from grace.installation import state
from grace.installation.processes import Process
from grace.installation.state import Installation
from grace.settings import Settings

RUNNING = Installation(
    port=45001,
    sample=True,
    service_port=45100,
    processes={"server": Process(pid=12, born="345", log=Path("/var/log/server.log"))},
)


def test_nothing_was_brought_up_where_there_is_no_file(settings: Settings) -> None:
    assert state.read(settings) is None


def test_what_was_written_is_read_until_forgotten(settings: Settings) -> None:
    state.write(settings, RUNNING)
    assert state.read(settings) == RUNNING
    state.forget(settings)
    assert state.read(settings) is None


def test_addresses_follow_from_the_ports() -> None:
    assert RUNNING.api_url == "http://127.0.0.1:45001/api"
    assert RUNNING.service_url == "http://127.0.0.1:45100"
    assert Installation(port=1).service_url is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ports": 4200}', b"\xff\xfe\x00"])
def test_a_file_that_grace_did_not_write_is_refused_by_name(
    settings: Settings, content: bytes
) -> None:
    settings.run_dir.mkdir(parents=True)
    settings.installation_file.write_bytes(content)
    with pytest.raises(NotOurs, match=r"installation\.json"):
        state.read(settings)


def test_a_write_cut_short_leaves_the_old_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write(settings, RUNNING)

    def power_cut(unfinished: Path, file: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        state.write(settings, RUNNING.model_copy(update={"port": 1}))
    assert state.read(settings) == RUNNING


def test_a_second_change_waits_for_the_first(settings: Settings) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with state.changing(settings):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with state.changing(settings):
        inside.set()
        waiting.join(timeout=0.2)
        order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with (
        pytest.raises(BadInput, match="GRACE_DATA_DIR"),
        state.changing(Settings(data_dir=tmp_path / "data")),
    ):
        pytest.fail("nothing may be changed")

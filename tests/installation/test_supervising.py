"""`grace up --foreground`: who starts it ends it, and no part of it ends alone."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

import pytest

from grace.errors import BadInput, GraceError
from grace.installation import state, stay_up
from grace.installation.processes import Process, is_alive, spawn, stop
from grace.installation.state import Installation
from grace.installation.supervising import watch
from grace.settings import Settings


@pytest.fixture
def two(settings: Settings, tmp_path: Path) -> Iterator[dict[str, Process]]:
    """An installation of two processes that do nothing."""
    names = ("server", "signer")
    each = {
        name: spawn(["sleep", "600"], os.environ, tmp_path / f"{name}.log", tmp_path)
        for name in names
    }
    state.write(settings, Installation(port=1, processes=each))
    yield each
    stop(*each.values())


def look_again(times: int, meanwhile: Callable[[], object]) -> Callable[[float], bool]:
    """A wait that takes no time: does something, and says after so many looks that the end came."""
    looks = iter(range(times))

    def wait(seconds: float) -> bool:
        meanwhile()
        return next(looks, None) is None

    return wait


def test_it_goes_on_while_all_of_it_runs(settings: Settings, two: dict[str, Process]) -> None:
    watch(settings, look_again(3, lambda: None))
    assert all(map(is_alive, two.values()))


def test_a_process_that_ends_by_itself_is_named_with_its_log(
    settings: Settings, two: dict[str, Process]
) -> None:
    with pytest.raises(GraceError, match=r"^signer ended, .*signer\.log$"):
        watch(settings, look_again(3, lambda: stop(two["signer"])))
    assert not _is_child(two["signer"].pid), "it is not left as a zombie"


def _is_child(pid: int) -> bool:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def test_a_process_that_is_replaced_under_the_lock_has_not_ended(
    settings: Settings, two: dict[str, Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `grace connect` and a second `grace up` do it; looked at while the old one is dead."""
    new = spawn(["sleep", "600"], os.environ, tmp_path / "new.log", tmp_path)
    dead, waiting, changing = Event(), Event(), state.changing

    def replace() -> None:
        with changing(settings):
            stop(two["signer"])
            dead.set()
            waiting.wait(60)
            state.write(settings, Installation(port=1, processes=two | {"signer": new}))

    def waits(settings: Settings) -> AbstractContextManager[None]:
        waiting.set()
        return changing(settings)

    monkeypatch.setattr(state, "changing", waits)
    with ThreadPoolExecutor() as threads:
        replacing = threads.submit(replace)
        try:
            assert dead.wait(60)
            watch(settings, look_again(1, lambda: None))
        finally:
            waiting.set()
            stop(new)
            replacing.result()


def test_brought_down_by_somebody_else_it_ends_in_peace(
    settings: Settings, two: dict[str, Process]
) -> None:
    watch(settings, look_again(10**9, lambda: state.forget(settings)))


def test_what_runs_in_the_background_is_not_taken_over(
    settings: Settings, two: dict[str, Process]
) -> None:
    with pytest.raises(BadInput, match="grace down"):
        stay_up(settings, wait=lambda s: True, tell=print, on_up=lambda: None)
    assert all(map(is_alive, two.values()))

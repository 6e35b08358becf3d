"""One lever for three kinds of limit, on a real server: read, set, look again, put back."""

from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.errors import BadInput, Unreachable
from grace.governance.change import Change
from grace.levers import verify
from tasks.levers.concurrency_limit import UNLIMITED, ConcurrencyLimit


@flow(name="governed")
def governed() -> None:
    return


@pytest.fixture
def lever(prefect_api):
    return ConcurrencyLimit()


@pytest.fixture(params=["tag", "global", "deployment"])
def target(request, prefect_api):
    """A target of each kind that nobody has limited yet."""
    name = f"pages-{uuid4().hex[:8]}"
    if request.param != "deployment":
        return f"{request.param}:{name}"
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow(governed), name=name)
    return f"deployment:governed/{name}"


def test_a_limit_that_was_never_set_reads_as_none(lever, target):
    """Absent is not zero."""
    assert lever.read(target) is None


def test_what_was_set_is_read_back_and_can_be_set_twice(lever, target):
    """Setting is idempotent, and a later value replaces the earlier."""
    for value in (2, 2, 8):
        lever.apply(target, value)
        assert lever.read(target) == value


def test_a_change_and_its_inverse(lever, target):
    """From 2 to 8 and back, each verified."""
    lever.apply(target, 2)
    change = Change(lever=lever.name, target=target, before=2, after=8)
    lever.apply(target, change.after)
    assert verify(lever, change)
    lever.apply(target, change.inverse.after)
    assert verify(lever, change.inverse)
    assert not verify(lever, change)


def test_no_limit_is_set_as_one_that_nobody_meets(lever, target):
    """Taking a limit away while a slot is held leaves its run Running for ever."""
    lever.apply(target, 2)
    lever.apply(target, None)
    assert lever.read(target) == UNLIMITED


def test_a_limit_that_was_switched_off_reads_as_none_and_setting_switches_it_on(lever, prefect_api):
    """An inactive limit limits nothing."""
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    name = f"pages-{uuid4().hex[:8]}"
    lever.apply(f"global:{name}", 3)
    with get_client(sync_client=True) as client:
        client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active=False))
    assert lever.read(f"global:{name}") is None
    lever.apply(f"global:{name}", 4)
    assert lever.read(f"global:{name}") == 4


def test_a_tags_limit_is_the_one_that_tasks_with_the_tag_meet(lever, prefect_api):
    """In Prefect 3.8 that is the global limit named `tag:NAME`."""
    lever.apply("tag:met-by-tasks", 5)
    assert lever.read("global:tag:met-by-tasks") == 5


@pytest.mark.parametrize("target", ["pages", "tag:", "pool:a", "deployment:a", ":a", ""])
def test_a_target_that_is_none_is_told_how_to_write_one(lever, target):
    """Before anything is asked of the server."""
    with pytest.raises(BadInput, match="deployment:FLOW/NAME"):
        lever.read(target)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3", [3]])
def test_a_value_that_is_no_limit_is_refused(lever, value):
    """Whole numbers from 1 on; zero would stop everything."""
    with pytest.raises(BadInput, match="a whole number from 1 on"):
        lever.apply("global:pages", value)


def test_a_deployment_that_is_not_there_is_named(lever):
    """Neither read nor set makes one."""
    for use in (lever.read, lambda target: lever.apply(target, 3)):
        with pytest.raises(BadInput, match="no deployment 'nobody/nothing'"):
            use("deployment:nobody/nothing")


def test_a_server_that_does_not_answer_is_one_line(lever):
    """Unreachable, with what to do."""
    away = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with away, pytest.raises(Unreachable, match="grace up"):
        lever.read("global:pages")

"""One lever for five kinds of limit, on a real server: read, set, look again, put back."""

from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
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


@pytest.fixture(params=["tag", "global", "deployment", "work-pool", "work-queue"])
def target(request, prefect_api):
    """A target of each kind that nobody has limited yet."""
    name = f"pages-{uuid4().hex[:8]}"
    if request.param in ("tag", "global"):
        return f"{request.param}:{name}"
    with get_client(sync_client=True) as client:
        if request.param == "deployment":
            client.create_deployment(client.create_flow(governed), name=name)
            return f"deployment:governed/{name}"
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    return f"work-pool:{name}" if request.param == "work-pool" else f"work-queue:{name}/default"


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


def test_adding_a_limit_has_an_exact_inverse(lever, target):
    """From none to 2 and back: what the undoing looks for is what it finds."""
    change = Change(lever=lever.name, target=target, before=None, after=2)
    lever.apply(target, change.after)
    for _ in range(2):
        lever.apply(target, change.inverse.after)
        assert verify(lever, change.inverse)
    lever.apply(target, 3)
    assert lever.read(target) == 3


def test_no_limit_is_one_that_nobody_meets_until_nothing_holds_a_slot(lever, prefect_api):
    """Taking a limit away while a slot is held leaves its run Running for ever."""
    name = f"pages-{uuid4().hex[:8]}"
    target = f"tag:{name}"
    lever.apply(target, 2)
    with get_client(sync_client=True) as client:
        held = {"names": [f"tag:{name}"], "slots": 1, "mode": "concurrency"}
        client.request("POST", "/v2/concurrency_limits/increment", json=held)
        lever.apply(target, None)
        limit = client.read_global_concurrency_limit_by_name(f"tag:{name}")
        assert (limit.limit, limit.active, limit.active_slots) == (UNLIMITED, True, 1)
        assert lever.remove_if_idle(target) == "held"
        client.request("POST", "/v2/concurrency_limits/decrement", json=held)
        assert lever.remove_if_idle(target) == "removed"
        with pytest.raises(ObjectNotFound):
            client.read_global_concurrency_limit_by_name(f"tag:{name}")
    assert (lever.read(target), lever.remove_if_idle(target)) == (None, "gone")


def test_a_deployments_limit_is_removed_when_idle_too(lever, prefect_api):
    """And a limit that is one stays."""
    name = f"pages-{uuid4().hex[:8]}"
    target = f"deployment:governed/{name}"
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow(governed), name=name)
        lever.apply(target, 2)
        assert (lever.remove_if_idle(target), lever.read(target)) == ("gone", 2)
        lever.apply(target, None)
        assert lever.remove_if_idle(target) == "removed"
        deployment = client.read_deployment_by_name(f"governed/{name}")
        assert deployment.global_concurrency_limit is None
    lever.apply(target, 5)
    assert lever.read(target) == 5


def test_setting_a_limit_leaves_the_rest_of_a_pool_and_its_queue(lever, prefect_api):
    """Description, pause and priority are not the lever's to change."""
    name = f"pages-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        pool = WorkPoolCreate(name=name, type="process", description="ours", is_paused=True)
        client.create_work_pool(pool)
        queue = client.create_work_queue("urgent", work_pool_name=name, priority=7)
        lever.apply(f"work-pool:{name}", 4)
        lever.apply(f"work-queue:{name}/urgent", 3)
        found, after = client.read_work_pool(name), client.read_work_queue(queue.id)
    assert (found.concurrency_limit, found.description, found.is_paused) == (4, "ours", True)
    assert (after.concurrency_limit, after.priority) == (3, 7)


def test_a_limit_of_zero_that_somebody_set_can_be_put_back(lever, prefect_api):
    """It stops everything, so that it is never proposed; but an inverse is exact."""
    name = f"pages-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process", concurrency_limit=0))
    assert lever.read(f"work-pool:{name}") == 0
    lever.apply(f"work-pool:{name}", 4)
    lever.apply(f"work-pool:{name}", 0)
    assert lever.read(f"work-pool:{name}") == 0


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


@pytest.mark.parametrize(
    "target",
    [
        "pages",
        "tag:",
        "pool:a",
        "deployment:a",
        "work-pool:a/b",
        "work-queue:a",
        "work-queue:/b",
        "",
    ],
)
def test_a_target_that_is_none_is_told_how_to_write_one(lever, target):
    """Before anything is asked of the server."""
    with pytest.raises(BadInput, match="deployment:FLOW/NAME"):
        lever.read(target)


@pytest.mark.parametrize("value", [-1, 2.5, True, "3", [3]])
def test_a_value_that_is_no_limit_is_refused(lever, value):
    """Whole numbers."""
    for use in (lever.check, lever.apply):
        with pytest.raises(BadInput, match="a whole number from 1 on"):
            use("global:pages", value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "from 1 on"), (None, "from 1 on"), (UNLIMITED, "10000 stands for no limit")],
)
def test_what_is_never_proposed(lever, value, said):
    """Zero would stop everything, and no limit is only ever put back."""
    with pytest.raises(BadInput, match=said):
        lever.check("work-pool:pages", value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("deployment:nobody/nothing", "no deployment 'nobody/nothing'"),
        ("work-pool:nothing", "no work pool 'nothing'"),
        ("work-queue:nothing/default", "no work queue nothing/default"),
    ],
)
def test_what_is_not_there_is_named(lever, target, said):
    """Neither read nor set makes one."""
    for use in (lever.read, lambda target: lever.apply(target, 3)):
        with pytest.raises(BadInput, match=said):
            use(target)


def test_a_server_that_does_not_answer_is_one_line(lever):
    """Unreachable, with what to do."""
    away = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with away, pytest.raises(Unreachable, match="grace up"):
        lever.read("global:pages")

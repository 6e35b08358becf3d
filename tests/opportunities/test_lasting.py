"""The lines of `prefect.yaml` that make a change last, and what needs none."""

import pytest
import yaml

from grace.governance.change import Change
from grace.opportunities.lasting import prefect_yaml_patch

EVERY_TEN = {"interval_seconds": 600, "anchor": "2026-03-01T00:07:00Z", "active": True}


def lines(target, after, before=None):
    """What the file says of the deployment, as Prefect reads it."""
    patch = prefect_yaml_patch(Change(lever="any", target=target, before=before, after=after))
    (deployment,) = yaml.safe_load(patch)["deployments"]
    assert deployment.pop("name") == "nightly: 1"
    assert "# of the flow refresh" in patch
    return deployment


def test_each_lever_of_a_deployment_has_its_place_in_the_file():
    """Under the names that `prefect deploy` reads."""
    name = "refresh/nightly: 1"
    assert lines(f"deployment:{name}", 3) == {"concurrency_limit": 3}
    assert lines(f"parameters:{name}", {"rows": 5, "name": "on"}) == {
        "parameters": {"rows": 5, "name": "on"}
    }
    env = {"PREFECT_TASKS_DEFAULT_RETRIES": "2"}
    assert lines(f"retries:{name}", 2) == {"work_pool": {"job_variables": {"env": env}}}
    env["PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS"] = "1.5"
    assert lines(f"retries:{name}", {"retries": 2, "delay_seconds": 1.5}) == {
        "work_pool": {"job_variables": {"env": env}}
    }


def test_a_schedule_is_declared_with_its_slug():
    """`active` only where it changes: without it a deploy leaves a paused one paused."""
    target = "schedule:refresh/nightly: 1#ten"
    (one,) = lines(target, EVERY_TEN | {"interval_seconds": 300}, EVERY_TEN)["schedules"]
    assert one == {"slug": "ten", "interval": 300, "anchor_date": "2026-03-01T00:07:00Z"}
    (one,) = lines(target, EVERY_TEN | {"active": False}, EVERY_TEN)["schedules"]
    assert one["active"] is False
    at_six = {"cron": "0 6 * * *", "day_or": True, "timezone": "UTC", "active": True}
    (one,) = lines("schedule:refresh/nightly: 1#2", at_six, EVERY_TEN)["schedules"]
    assert one == {"cron": "0 6 * * *", "day_or": True, "timezone": "UTC"}


@pytest.mark.parametrize(
    "target",
    ["tag:pages", "global:pages", "work-pool:p", "work-queue:p/q", "variable:v", "pattern:f"],
)
def test_what_stands_in_no_file_has_no_lines(target):
    assert prefect_yaml_patch(Change(lever="any", target=target, before=1, after=2)) is None


def test_an_absent_value_needs_no_line():
    change = Change(lever="any", target="deployment:refresh/nightly", before=2, after=None)
    assert prefect_yaml_patch(change) is None

"""What people do with Grace, in the UI of a real running system, from the first click to the last.

One system for all of them; each goes its own way and leaves nothing that another stumbles over.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Route

from tests.browser import Visitor
from tests.running import System, until

pytestmark = pytest.mark.slow


def proposed(system: System, target: str, value: str) -> str:
    """The id of a change that alice wants, once its run waits for an answer."""
    told = system.grace(
        "--sample", "propose", target, value, "--as", "alice", "--why", "a friendly word"
    )
    until(lambda: system.state(told["run_id"]) == "Suspended")
    return told["id"]


def shown(system: System, proposal: str) -> dict:
    return system.grace("--sample", "show", proposal)


def artifact(system: System, key: str) -> str:
    """The id of the newest artifact under this key, once there is one."""
    wanted = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 1}
    until(lambda: system.ask("/artifacts/filter", wanted))
    return system.ask("/artifacts/filter", wanted)[0]["id"]


def run_ended(system: System, run: str) -> str:
    until(lambda: system.get(f"/flow_runs/{run}")["state"]["type"] in ("COMPLETED", "FAILED"))
    return system.state(run)


def test_an_engine_is_triggered_with_parameters(system: System, visitor: Visitor) -> None:
    """The form says what may be written; what is written reaches the run."""
    deployment = system.deployment("performance-optimizer/sample-every-2-minutes")["id"]
    visitor.open(f"/deployments/deployment/{deployment}")
    visitor.click("Run")
    visitor.click("Custom run")
    visitor.see("Real-time mode: begin a cycle every so many seconds")
    for number, value in enumerate((5, 1)):
        visitor.page.get_by_role("button", name="int", exact=True).nth(number).click()
        visitor.page.locator("input[type=number]").nth(number).fill(str(value))
    visitor.click("Submit")
    wanted = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"state": {"type": {"not_any_": ["CANCELLED"]}}},
    }
    given = {"interval_seconds": 5, "cycles_at_most": 1}

    def mine() -> list[str]:
        runs = system.ask("/flow_runs/filter", wanted)
        return [run["id"] for run in runs if run["parameters"] == given]

    until(mine)
    (run,) = mine()
    assert run_ended(system, run) == "Completed"
    visitor.open(f"/runs/flow-run/{run}")
    visitor.see("Completed")


def test_a_waiting_proposal_is_read_and_approved(system: System, visitor: Visitor) -> None:
    """Found among the runs, read, answered; then the change is there, and its verdict."""
    proposal = proposed(system, "variable:greeting", "hello")
    visitor.open("/runs?state=Suspended")
    visitor.page.get_by_role("link", name="approve Set variable:greeting").first.click()
    visitor.click("Resume")
    brief = visitor.dialog().inner_text()
    for part in ("What will change", "What it risks", "How it is undone", "Reviewers: operator"):
        assert part in brief
    assert '+ "hello"' in brief
    visitor.answer("approve", "operator", "why not")

    until(lambda: shown(system, proposal)["state"] == "kept")
    assert system.get("/variables/name/greeting")["value"] == "hello"
    assert shown(system, proposal)["verdict"] == "insufficient_data"
    visitor.open("/variables")
    visitor.see("greeting")
    visitor.open(f"/artifacts/artifact/{artifact(system, f'measurement-{proposal}')}")
    visitor.see("kept")
    visitor.see("unverified")


def test_a_proposal_is_rejected_and_nothing_changes(system: System, visitor: Visitor) -> None:
    proposal = proposed(system, "variable:farewell", "goodbye")
    visitor.open("/runs?state=Suspended")
    visitor.page.get_by_role("link", name="approve Set variable:farewell").first.click()
    visitor.click("Resume")
    visitor.answer("reject", "operator", "we do not part")
    until(lambda: shown(system, proposal)["state"] == "rejected")
    assert shown(system, proposal)["reason"] == "we do not part"
    named = {"variables": {"name": {"any_": ["farewell"]}}}
    assert system.ask("/variables/filter", named) == []


def test_somebody_who_is_no_reviewer_is_asked_again(system: System, visitor: Visitor) -> None:
    """The run waits on, and the record says who answered."""
    proposal = proposed(system, "variable:secret", "open")
    run = shown(system, proposal)["run_id"]
    visitor.open(f"/runs/flow-run/{run}")
    visitor.click("Resume")
    visitor.answer("approve", "mallory", "let me in")

    def refused() -> bool:
        decisions = system.grace("--sample", "show", proposal)["decisions"]
        return any(each["answer"] == "invalid" for each in decisions)

    until(refused)
    until(lambda: system.state(run) == "Suspended")
    assert shown(system, proposal)["state"] == "awaiting_approval"


def test_a_schedule_is_changed(system: System, visitor: Visitor) -> None:
    name = "performance-optimizer/every-30-minutes"
    there = f"/deployments/deployment/{system.deployment(name)['id']}"

    def edited() -> bool:
        """Where Prefect's SQLite was busy its page says *Oops*, and a person does it again."""
        visitor.open(there)
        card = visitor.page.locator(".deployment-schedule-card").first
        card.locator("button").last.click()
        visitor.page.locator(".p-overflow-menu-item", has_text="Edit").first.click()
        form = visitor.dialog()
        form.locator("input[type=number]").fill("45")
        with visitor.page.expect_response(lambda answer: "/schedules/" in answer.url) as saved:
            visitor.click("Save", form)
        return bool(saved.value.ok)

    until(edited)
    (schedule,) = system.deployment(name)["schedules"]
    assert schedule["schedule"]["interval"] == 45 * 60
    engines = system.grace("status")["engines"]
    assert engines[name]["cycle_interval_hours"] == 0.75


def test_an_export_shows_what_validation_found(system: System, visitor: Visitor) -> None:
    """Started from its form with nothing filled in; a row for each table, and where it lies."""
    deployment = system.deployment("data-export/nightly")["id"]
    visitor.open(f"/deployments/deployment/{deployment}/run")
    visitor.click("Submit")
    wanted = {"deployments": {"id": {"any_": [deployment]}}}
    began = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}}
    until(lambda: system.ask("/flow_runs/filter", wanted | began))
    (run,) = system.ask("/flow_runs/filter", wanted | began)
    assert run["state"]["name"] == "Completed"
    visitor.open(f"/artifacts/artifact/{artifact(system, 'validation-main')}")
    visitor.see("trigger_mesh_logs")
    visitor.open(f"/artifacts/artifact/{artifact(system, 'export-main')}")
    backup = system.grace("status")["backup"]["path"]
    visitor.see(Path(backup).name)


def test_the_goal_board_shows_a_goal_with_its_chart(system: System, visitor: Visitor) -> None:
    for value in ("61", "63"):
        system.grace("log", "kpi", "quality.test_coverage", value)
    system.grace("goals", "add", "kpi:quality.test_coverage", "85", "--as", "alice")
    told = system.grace("run", "autonomous-goal-setting")
    assert run_ended(system, told["run_id"]) == "Completed"
    visitor.open(f"/artifacts/artifact/{artifact(system, 'goals-main')}")
    visitor.see("test_coverage")
    chart = visitor.page.locator("img[src^='data:image/svg']").first
    chart.wait_for()
    assert chart.evaluate("image => image.naturalWidth") > 300


def test_neither_page_talks_to_anybody_but_its_server(system: System, visitor: Visitor) -> None:
    """Prefect's second UI asks an analytics host for its settings, and says so when it is over."""
    outside: list[str] = []

    def note(route: Route) -> None:
        outside.append(route.request.url)
        route.abort()

    visitor.page.route(lambda url: not url.startswith(visitor.address), note)
    for dashboard in ("/dashboard", "/v2/dashboard"):
        visitor.open(dashboard)
        visitor.page.get_by_role("link", name="grace", exact=True).first.wait_for()
    visitor.page.wait_for_function(
        "Object.keys(localStorage).some(name => name.startsWith('AMP_remote_config'))"
    )
    assert outside == []

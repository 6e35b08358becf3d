"""The pictures of the README, taken of a real running system: `make screenshots`.

Brings up a sample system of its own, gives a goal a past so that its chart has something to show,
waits for the engine's proposal, and ends all of it. Takes a quarter of an hour; needs a Chromium.
"""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace.goals.kpis import kpi_row
from grace.settings import PROJECT, Settings
from grace.store import open_store
from tests.browser import MISSING, Visitor, browsing, chromium
from tests.running import System, until

IMAGES = PROJECT / "docs" / "images"
DAYS = 40
TARGET = "tag:sample-pages"
MOST_SECONDS = 1500  # ten minutes where nothing else keeps the machine busy


def main() -> None:
    if chromium() is None:
        sys.exit(f"grace: {MISSING}")
    with tempfile.TemporaryDirectory(prefix="grace-screenshots-") as folder:
        system = System(Settings(data_dir=Path(folder) / "data", port=24200))
        try:
            system.grace("up", "--sample")
            _take(system)
        finally:
            system.grace("down")


def _take(system: System) -> None:
    _goal(system)
    system.grace("ingest", str(PROJECT / "data" / "samples" / "healing_attempts.jsonl"))
    proposal = _waiting(system)
    for engine in ("proactive-improvement", "autonomous-goal-setting"):
        _ended(system, system.grace("--sample", "run", engine)["run_id"])
    deployment = system.deployment("data-export/nightly")["id"]
    export = system.ask(f"/deployments/{deployment}/create_flow_run", {})["id"]
    _ended(system, export)
    address = system.installation.api_url.removesuffix("/api")
    with browsing() as browser:
        person = Visitor(browser, address)
        person.open(f"/runs/flow-run/{proposal['run_id']}")
        person.click("Resume")
        person.dialog()
        person.page.set_viewport_size({"width": 1280, "height": 1100})
        _picture(person, "approval")
        for key, name in (
            ("goals-sample", "goals"),
            ("analysis-sample", "analysis"),
            ("validation-main", "validation"),
        ):
            _artifact(Visitor(browser, address), system, key, name)


def _waiting(system: System) -> dict:
    """The engine's own proposal about the limit that makes the sample wait."""

    def found() -> list[dict]:
        waiting = system.grace("--sample", "proposals", "--waiting")
        return [each for each in waiting if each["target"] == TARGET]

    until(found, MOST_SECONDS)
    return found()[0]


def _goal(system: System) -> None:
    """One with a past: a coverage that grows, not fast enough."""
    settings = system.settings.for_log("sample")
    now = datetime.now(UTC)
    begun = now - DAYS * timedelta(days=1)
    steps = [58 + 0.35 * day + 1.7 * ((7 * day) % 5 - 2) / 2 for day in range(DAYS + 1)]
    rows = [
        kpi_row("quality.test_coverage", round(value, 1), begun + day * timedelta(days=1))
        for day, value in enumerate(steps)
    ]
    store = open_store(settings.url)
    with store.writing(now) as writer:
        writer.append("data_cube", rows)
    store.engine.dispose()
    system.grace(
        "--sample", "goals", "add", "kpi:quality.test_coverage", "85", "--days", "45", "--as", "ann"
    )


def _ended(system: System, run: str) -> None:
    until(lambda: system.get(f"/flow_runs/{run}")["state"]["type"] == "COMPLETED", 600)


def _artifact(person: Visitor, system: System, key: str, name: str) -> None:
    wanted = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 1}
    (found,) = system.ask("/artifacts/filter", wanted)
    person.open(f"/artifacts/artifact/{found['id']}")
    person.page.locator("table").first.wait_for()
    _picture(person, name)
    person.close()


def _picture(person: Visitor, name: str) -> None:
    """What is in view, as a person sees it first."""
    person.page.wait_for_timeout(1000)  # the UI fades things in
    person.page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()

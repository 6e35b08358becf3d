"""A browser for the journeys, and a picture of where each that failed came to."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import MISSING, Visitor, browsing, chromium
from tests.running import System

FAILED = pytest.StashKey[bool]()
PASSWORD = "correct horse battery staple"


def give_passwords(system: System, *names: str) -> None:
    """From now on everybody has to sign in."""
    for name in names:
        command = [sys.executable, "-m", "grace.cli", "--sample", "reviewers", "add", name]
        subprocess.run(
            [*command, "--password-stdin"],
            env=system.environment,
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Ended with its module: while it is there, an event loop runs in this thread."""
    if chromium() is None:
        warnings.warn(f"the journeys in a browser were NOT tested: {MISSING}", stacklevel=1)
        pytest.skip(MISSING)
    with browsing() as found:
        yield found


@pytest.fixture
def visitor(
    browser, system: System, request: pytest.FixtureRequest, pytestconfig: pytest.Config
) -> Iterator[Visitor]:
    """Somebody at the UI of the running system."""
    person = Visitor(browser, system.installation.api_url.removesuffix("/api"))
    yield person
    if request.node.stash.get(FAILED, False):
        assert pytestconfig.cache is not None
        folder: Path = pytestconfig.cache.mkdir("journeys")
        picture = folder / f"{request.node.name}.png"
        person.page.screenshot(path=picture, full_page=True)
        print(f"\nwhat the person saw last: {picture}")
    person.close()

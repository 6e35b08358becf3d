"""A real browser in front of Prefect's UI: Debian's Chromium, driven by Playwright.

Nothing is ever downloaded: where the system has no Chromium there is no browser.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Browser, Locator, Page, TimeoutError, sync_playwright

__all__ = ["MISSING", "Visitor", "browsing", "chromium"]

MISSING = "no Chromium was found: install Debian's by `apt-get install chromium`"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000  # a person would wait less; this machine may have other work


def chromium() -> str | None:
    """Where the system's own Chromium lies."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browsing() -> Iterator[Browser]:
    """One Chromium without a window. Raises RuntimeError where there is none."""
    found = chromium()
    if found is None:
        raise RuntimeError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A person at Prefect's UI: opens what has an address, and clicks what has a name."""

    def __init__(
        self,
        browser: Browser,
        address: str,
        name: str | None = None,
        password: str = "",
        **options: Any,
    ) -> None:
        """With a name, what the browser asks for is filled in; `options` are the browser's."""
        self.address = address
        context = browser.new_context(
            viewport={"width": 1280, "height": 1000},
            locale="en-GB",
            http_credentials={"username": name, "password": password} if name else None,
            **options,
        )
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def click(self, name: str, within: Locator | None = None) -> None:
        """The button or link of that name."""
        place = within or self.page
        found = place.get_by_role("button", name=name, exact=True)
        found.or_(place.get_by_role("link", name=name, exact=True)).first.click()

    def see(self, text: str) -> Locator:
        """The first place where that text is shown, once it is."""
        found = self.page.get_by_text(text).first
        found.wait_for()
        return found

    def dialog(self) -> Locator:
        found = self.page.get_by_role("dialog").first
        found.wait_for()
        return found

    def answer(self, answer: str, reviewer: str, reason: str) -> None:
        """Fill in the form of a waiting run, and send it. Prefect's SQLite may be busy: then the
        form says so and stays, and is sent once more."""
        form = self.fill(answer, reviewer, reason)
        for _ in range(5):
            self.click("Submit", form)
            with suppress(TimeoutError):
                form.wait_for(state="hidden", timeout=15_000)
                return
        raise AssertionError(f"the form was not taken: {form.inner_text()}")

    def fill(self, answer: str, reviewer: str, reason: str) -> Locator:
        """The form, filled in and not sent."""
        form = self.dialog()
        form.locator(".p-select-button__control").press("Space")
        self.page.get_by_role("option", name=answer).click()
        for box, text in zip(form.locator("textarea").all(), (reviewer, reason), strict=True):
            box.fill(text)
        return form

    def close(self) -> None:
        self.page.context.close()

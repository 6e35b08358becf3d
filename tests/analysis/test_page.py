"""The page of an analysis, as a person sees it in Prefect."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from grace.analysis.page import analysis_page
from grace.analysis.window import analyse
from grace.store import Store
from tests.analysis.conftest import NOW, write
from tests.analysis.logs import Entry

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def attempt(key: int, success: bool, error_type: str) -> Entry:
    row = {
        "attempt_id": str(key),
        "attempted_at": NOON + key * timedelta(minutes=7),
        "success": success,
        "error_type": error_type,
        "source": "logger",
    }
    return "healing_attempts", row, NOON


def run(key: int, wait: float, task: str = "fetch") -> Entry:
    row = {
        "process_id": str(key),
        "process_type": "task_run",
        "task_name": task,
        "parent_process": f"run-{key // 3}",
        "success": key % 10 > 0,
        "wait_time_seconds": wait,
        "execution_time_seconds": 2.0,
        "timestamp": NOON + key * timedelta(minutes=6),
        "completed_at": NOON,
        "source": "logger",
    }
    return "parallel_process_logs", row, NOON


def page(store: Store, *rows: Entry) -> str:
    write(store, rows)
    return analysis_page(analyse(store, NOON, NOON + 24 * HOUR, now=NOW), log="main")


def images(text: str) -> list[str]:
    found = re.findall(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([^)]+)\)", text)
    return [b64decode(one).decode() for one in found]


def test_the_tables_hold_the_figures(store: Store) -> None:
    """Each rate with its n, interval and units, each duration with its quantiles."""
    text = page(store, *(attempt(n, n % 4 > 0, "TimeoutError") for n in range(100)))
    assert "**Health: 75 of 100 (95 % " in text
    assert re.search(
        r"\| TimeoutError \| 75.0 % \| 6\d.\d % to 8\d.\d % \| 100 \| 12 \| 0 \|", text
    )
    assert "- healing success rate 75.0 %, expected at least 85.0 %" in text
    assert "2026-06-10 12:00 to 2026-06-11 12:00 UTC" in text


def test_the_charts_are_images_of_their_own(store: Store) -> None:
    """Well-formed, small, without a background, and of nothing outside the page."""
    text = page(store, *(run(n, 1.0 + n % 5) for n in range(200)))
    drawn = images(text)
    assert len(drawn) == 3
    for image in drawn:
        assert ET.fromstring(image).tag == "{http://www.w3.org/2000/svg}svg"
        assert 'fill="white"' not in image
        assert "href" not in image
    assert len(text) < 150_000


def test_durations_are_told_by_task(store: Store) -> None:
    """With mean, interval, three quantiles and n."""
    text = page(store, *(run(n, 3.0) for n in range(60)))
    assert re.search(r"\| task fetch \| wait \| 3 s \| - \| 3 s \| 3 s \| 3 s \| 60 \|", text)


@pytest.mark.parametrize("name", ["a|b", "[x](http://evil)", "<img src=x>", "`code`", "two\nlines"])
def test_names_from_logs_break_nothing(store: Store, name: str) -> None:
    """They are shown as they are, and are neither markup nor columns."""
    text = page(store, *(attempt(n, True, name) for n in range(3)))
    section = text.partition("## Healing by error type")[2].partition("##")[0]
    lines = section.strip().splitlines()
    assert len(lines) == 3
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 8 for line in lines)
    assert "<img" not in text
    assert not re.search(r"(?<!\\)\]\(http", text)


def test_of_many_parts_the_page_shows_those_that_hold_most(store: Store) -> None:
    """And says how many more there are."""
    rows = [attempt(n, True, f"Error{min(n, 15)}") for n in range(40)]
    text = page(store, *rows)
    assert "## Healing by error type (6 more in the JSON)" in text
    assert "| Error15 | 100.0 %" in text


def test_an_empty_window_is_a_page_too(store: Store) -> None:
    """It says so, without tables, charts or a score."""
    text = page(store)
    assert "**Health: insufficient data**" in text
    assert "|" not in text
    assert images(text) == []

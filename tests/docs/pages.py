"""The pages that people read, and what stands in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from grace.settings import PROJECT

__all__ = ["PAGES", "anchors", "cells", "commands", "lines", "links", "spans"]

PAGES = sorted(
    [
        PROJECT / "README.md",
        PROJECT / "CONTRIBUTING.md",
        PROJECT / "CHANGELOG.md",
        PROJECT / "data" / "README.md",
        *(PROJECT / "docs").rglob("*.md"),
    ]
)
FENCE = re.compile(r"^(?: *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def without_blocks(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Those that lead to a place in the project."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_blocks(page))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def anchors(page: Path) -> set[str]:
    """Of its headings, as they are made where the page is shown."""
    heads = re.findall(r"^#+ (.*)$", without_blocks(page), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", head)).lower() for head in heads)
    return {each.strip().replace(" ", "-") for each in words}


def spans(page: Path) -> list[str]:
    """What stands between backticks."""
    return [each.replace("\\|", "|") for each in re.findall(r"`([^`]+)`", without_blocks(page))]


def lines(page: Path) -> Iterator[str]:
    """What a person copies into a shell that calls `grace`, from there on and with what follows."""
    for language, block in FENCE.findall(page.read_text()):
        if language not in ("", "bash", "sh"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"\s*(?:[A-Z_]+=\S+\s+)*(?:\S*/)?(grace .*)", line):
                yield re.split(r" +# ", found[1])[0]


def commands(page: Path) -> Iterator[list[str]]:
    """The words behind `grace` in every such line."""
    for line in lines(page):
        yield shlex.split(re.split(r" [>|] ", f"{line} ")[0])[1:]


def cells(page: Path, first: str) -> list[str]:
    """The row of the table whose first cell is, or begins with, this."""
    for line in page.read_text().splitlines():
        row = [each.strip() for each in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if row[0] == first:
            return row
    raise AssertionError(f"{page.name} has no row {first}")

"""The documentation says what there is: nothing is left out, and nothing is made up."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import typer

from grace.cli import _leading
from grace.cli.proposals import row
from grace.export.history import Finished
from grace.goals.goal import Life
from grace.goals.standing import Status
from grace.governance.register import EVENTS
from grace.installation.deployments import declared
from grace.installation.starting import PREFECT_FILE
from grace.mesh import Event
from grace.notary.state import LedgerState
from grace.notary.verify import Verification
from grace.reviews.pending import REVIEWED
from grace.settings import PROJECT, Settings
from grace.summary import Summary
from tasks.engines import Engine
from tests.cli.test_every_command import COMMANDS, parse
from tests.docs.pages import PAGES, anchors, cells, commands, links, spans
from tests.proposing import a_proposal, an_entry

README, REFERENCE = PROJECT / "README.md", PROJECT / "docs" / "reference.md"
TYPED = [(page.name, " ".join(words), words) for page in PAGES for words in commands(page)]


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of a function or method whose name is, or matches, this one."""
    for room in ("grace", "tasks", "flows"):
        for file in (PROJECT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func).rpartition(".")[2]
                    if re.fullmatch(name, called):
                        yield node


def told(first: str) -> list[str]:
    """What is named in the row of the reference that begins so, but for its first cell."""
    return re.findall(r"`(\w+)`", " ".join(cells(REFERENCE, first)[1:]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_readme(path: tuple[str, ...]) -> None:
    named = [set(re.findall(r"[\w-]+", span)) for span in spans(README) if "grace " in span]
    assert any({"grace", *path} <= words for words in named)


@pytest.mark.parametrize(("page", "line", "words"), TYPED, ids=lambda it: str(it)[:60])
def test_every_command_that_is_shown_can_be_typed(page: str, line: str, words: list[str]) -> None:
    """Its command, its options and the number of its arguments are what the program takes."""
    try:
        assert parse(_leading(words)) in COMMANDS
    except typer.TyperException as wrong:
        pytest.fail(f"{page}: grace {line}: {wrong.format_message()}")


def test_there_is_something_to_look_at() -> None:
    assert len(TYPED) > 80
    assert sum(len(links(page)) for page in PAGES) > 100


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert cells(README, f"`GRACE_{name.upper()}`")[1]


def test_every_deployment_is_in_the_reference_and_no_other() -> None:
    there = set(declared(PREFECT_FILE, sample=True))
    said = {span for span in spans(REFERENCE) if re.fullmatch(r"[a-z-]+/[a-z0-9-]+", span)}
    assert said == there


def test_every_event_is_in_the_reference_and_no_other() -> None:
    """What is said by anything but a word stands in the table below, with what it may come to."""
    meant = {
        "EVENTS[state]": set(EVENTS.values()),
        "REVIEWED": {REVIEWED},
        "what": {"restore.drilled", "restore.drill_failed"},
        "f'goal.{found.status}'": {f"goal.{each}" for each in get_args(Status)},
        # a goal is never closed as active
        "f'goal.{status}'": {f"goal.{each}" for each in get_args(Life)} - {"goal.active"},
    }
    there: set[str] = set()
    for call in calls("event"):
        given = call.args[0]
        found = {given.value} if isinstance(given, ast.Constant) else meant[ast.unparse(given)]
        there |= found
    table = REFERENCE.read_text().partition("## Events")[2].partition("## JSON")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([\w.]+)`", " ".join(rows))) == there


def test_every_artifact_is_in_the_reference_and_no_other() -> None:
    names = {"settings.log": "LOG", "log": "LOG", "entry.id": "ID", "made.goal.goal_id": "GOAL"}
    abouts = {call.args[1].value for call in calls("publish_findings")}
    keys: set[str] = set()
    given = [
        keyword.value
        for call in calls(r"create_\w+_artifact")
        for keyword in call.keywords
        # that of a progress is its maker's
        if keyword.arg == "key" and not isinstance(keyword.value, ast.Name)
    ]
    told = [call.args[0] for call in calls("Progress")]
    for key in [*given, *(key for key in told if isinstance(key, ast.JoinedStr))]:
        parts = [
            part.value if isinstance(part, ast.Constant) else ast.unparse(part.value)
            for part in key.values
        ]
        text = "".join(names.get(part, part) for part in parts)
        begun = "about.replace(' ', '-')"
        keys |= {text.replace(begun, about) for about in abouts} if begun in text else {text}
    table = REFERENCE.read_text().partition("## Deployments")[2].partition("## Events")[0]
    last = [line.strip("|").split("|")[-1] for line in table.splitlines() if "/" in line]
    assert set(re.findall(r"`([\w-]+)`", " ".join(last))) == keys


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("`proposals`", list(row(an_entry(a_proposal())))),
        ("`export`", list(Finished.model_fields)),
        ("`ledger verify`", [each.name for each in fields(Verification)]),
        ("`mesh listen`", [each.name for each in fields(Event)]),
    ],
)
def test_what_programs_read_is_in_the_reference(command: str, names: list[str]) -> None:
    assert told(command) == names


def test_what_programs_read_of_the_status_is_in_the_reference() -> None:
    """Its own names, those of an engine and of the ledger, and every count."""
    own = ["log", "watched", "enabled", "prefect", "engines", "findings", "ledger", "backup"]
    parts = [each.name for record in (Engine, LedgerState, Summary) for each in fields(record)]
    assert sorted(told("`status`")) == sorted([*own, "drill", *parts])

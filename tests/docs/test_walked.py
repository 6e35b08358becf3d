"""Every line of the documents that calls `grace` is typed, where there is what it names.

A running system with the sample, a demo, and the deployments, pools, files and rows of which the
pages speak. What stands for something else in a line (ID, a path outside the project) is put in
here; nothing else is changed.
"""

import gzip
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace.settings import PROJECT
from grace.store import open_store
from tests.docs.pages import FENCE, PAGES, lines
from tests.running import System, until

pytestmark = pytest.mark.slow

DOCS = PROJECT / "docs"
WALKED = [page for page in PAGES if any(True for _ in lines(page))]
# of lines that begin so: where else they are walked
ELSEWHERE = {
    "grace up": "this world is one",
    "grace connect": "tests/watched and tests/cli, against a second server",
    "grace --log prod": "the same",
    "grace demo": "this world has one; tests/demo, with answers and other seeds",
    "grace ledger sign --every": "never ends; the signers of this world are such processes",
    "grace run performance-optimizer --every": "never ends; tests/cli",
    "grace reviewers": "tests/cli; with a password everybody signs in from then on",
    "grace approve ID --as ann --key": "tests/flows/test_signed_in.py",
    "grace propose door:front": "tests/test_levers.py; the package of the page must be installed",
    "grace ledger verify --key auditors": "tests/notary, with a restored database",
}
# of lines that say by it what they found
CODES = {"grace quarantine retry": 1}  # what was refused is refused again


@dataclass
class World:
    """`folder` is where the lines are typed, and stands for `/srv` and `/backup` as well."""

    system: System
    folder: Path

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        found = re.sub(r"^grace", f"{sys.executable} -m grace.cli", line)
        return subprocess.run(
            found,
            shell=True,
            cwd=self.folder,
            env=self.system.environment | {"PYTHONPATH": str(PROJECT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def improved(self) -> str:
        """The id of a change of the demo that was kept."""
        found = self.system.grace("--log", "demo", "proposals")
        return next(one["id"] for one in found if one["state"] == "kept")

    @property
    def learned(self) -> str:
        """The fingerprint of a pattern of the demo."""
        return str(self.system.grace("--log", "demo", "patterns")[0]["fingerprint"])

    def goals(self) -> list[str]:
        return [one["id"] for one in self.system.grace("goals")]

    def waiting(self) -> list[str]:
        return [one["id"] for one in self.system.grace("--sample", "proposals", "--waiting")]

    def end_all_about(self, line: str) -> None:
        """So that a target may be proposed that this or another page has proposed before."""
        log = "sample" if "--sample" in line else "main"
        target = re.findall(r"propose \"?([^\" ]+)", line)[0]
        for deed, one in self._open(log, target):
            words = (deed, one, "--as", "operator", "--reason", "another page")
            self.system.grace("--log", log, *words)
        until(lambda: not self._open(log, target))

    def _open(self, log: str, target: str) -> list[tuple[str, str]]:
        """What ends each proposal about it that is not at its end, and its id."""
        ends = {"awaiting_approval": "reject", "applied": "undo", "measuring": "undo"}
        found = self.system.grace("--log", log, "proposals")
        mine = [one for one in found if one["target"] == target and one["state"] in ends]
        return [(ends[one["state"]], one["id"]) for one in mine]


def put_in(world: World, page: Path, line: str) -> str:
    """The line with what is there for what it only names."""
    line = re.sub(r"(?<=[ /])/(srv|backup)/", f"{world.folder}/\\1/", line)
    line = re.sub(r"(?<= )grace\.zip", f"{world.folder}/backup/grace.zip", line)
    if page.name == "goals.md":
        for name, goal in zip(("ID", "ON"), world.goals(), strict=False):
            line = re.sub(rf"\b{name}\b", goal, line)
    if "approve ID" in line:
        return line.replace("ID", world.waiting()[0])
    if page.name in ("proof.md", "tutorial.md", "patterns.md", "README.md"):
        # a change that was kept and patterns that were learned are the demo's
        begin = r"^grace (--sample )?(show|prove|patterns|ledger key)"
        line = re.sub(begin, r"grace --log demo \2", line)
    line = re.sub(r"\b(show|prove) (ID|8ce6307d4f92)", rf"\1 {world.improved}", line)
    line = line.replace("p1-a7077eaa43a9", world.learned)
    line = line.replace("decisions/0195-abc:answer-1", "0")
    if "quarantine show" in line:
        (held, *_) = world.system.grace("quarantine", "list")
        line = line.replace("5f0c1d2e", held["id"])
    return line


@pytest.mark.parametrize("page", WALKED, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_line_can_be_typed(page: Path, world: World) -> None:
    """In the order of the page, one after the other."""
    refused = []
    for line in lines(page):
        if line.startswith(tuple(ELSEWHERE)):
            continue
        for begin, before in BEFORE.items():
            if line.startswith(begin):
                before(world, line)
        typed = put_in(world, page, line)
        done = world.type(typed)
        if done.returncode != CODES.get(line, 0):
            refused.append(f"{typed}\n{done.stdout}{done.stderr}")
    assert not refused, "\n".join(refused)


def test_what_is_walked_elsewhere_is_there() -> None:
    there = [line for page in WALKED for line in lines(page)]
    for begin in ELSEWHERE:
        assert any(line.startswith(begin) for line in there), begin
    assert sum(not line.startswith(tuple(ELSEWHERE)) for line in there) > 60


def _asked(world: World, line: str) -> None:
    """A proposal waits, by this page or by hand."""
    if world.waiting():
        return
    world.end_all_about("grace --sample propose tag:sample-pages")
    words = ("tag:sample-pages", "3", "--as", "carol", "--why", "for the first answer of a page")
    world.system.grace("--sample", "propose", *words)


def _looked(world: World, line: str) -> None:
    """The optimizer has: the pages say that it does within ten minutes."""
    if world.type(line).returncode != 0:
        world.system.grace("--sample", "run", "performance-optimizer")
        until(lambda: world.type(line).returncode == 0)


# of lines that begin so
BEFORE: dict[str, Callable[[World, str], None]] = {
    "grace --sample approve ID": _asked,
    "grace --sample status --why": _looked,
    "grace propose": World.end_all_about,
    "grace --sample propose": World.end_all_about,
}


@pytest.fixture(scope="module")
def world(started: System, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(started, tmp_path_factory.mktemp("walk"))
    _files(world)
    _prefect(started)
    governance = started.settings.log_dir / "governance.toml"
    settings = [*_blocks("opportunities.md", "toml"), _blocks("levers.md", "toml")[0]]
    governance.write_text("\n".join(settings))
    assert world.type("grace demo").returncode == 0
    _logged(world)
    return world


def _blocks(page: str, language: str) -> list[str]:
    return [block for kind, block in FENCE.findall((DOCS / page).read_text()) if kind == language]


def _files(world: World) -> None:
    """Logs of other systems, one with a row that is refused, and a draft of a policy."""
    folder = world.folder
    shutil.copytree(PROJECT / "data" / "samples", folder / "data" / "samples")
    for name in ("logs/2025", "audit", "kept", "drafts", "backup", "srv/old", "srv/restored"):
        (folder / name).mkdir(parents=True)
    with gzip.open(folder / "logs" / "2025" / "healing_attempts.csv.gz", "wt") as rows:
        rows.write("attempt_id,success,attempted_at\nold-1,true,2025-06-01 08:00\nold-2,maybe,\n")
    (folder / "old.csv").write_text("log_id,shard_id\nold-1,3\n")
    with closing(sqlite3.connect(folder / "srv" / "old" / "healing.db")) as old, old:
        old.execute("CREATE TABLE healing_attempts (attempt_id, success)")
        old.execute("INSERT INTO healing_attempts VALUES ('older-1', 1)")
    draft = (PROJECT / "grace" / "default_policy.cedar").read_text()
    (folder / "drafts" / "policy.cedar").write_text(draft + _blocks("policy.md", "cedar")[0])


def _prefect(system: System) -> None:
    """What is proposed on, in the server: the flows `refresh` and `train-model`, and a variable."""
    system.ask("/work_pools/", {"name": "process", "type": "process", "concurrency_limit": 5})
    system.ask("/variables/", {"name": "batch", "value": 100})
    schema = {"type": "object", "properties": {"batch": {"type": "integer"}, "model": {}}}
    for flow, name, parameters, schedules in (
        ("refresh", "nightly", {"batch": 100}, [{"slug": "ten", "schedule": {"interval": 600}}]),
        ("train-model", "on-demand", {"model": "none"}, []),
    ):
        flow_id = system.ask("/flows/", {"name": flow})["id"]
        wanted = {
            "name": name,
            "flow_id": flow_id,
            "work_pool_name": "process",
            "parameters": parameters,
            "parameter_openapi_schema": schema,
            "schedules": [{**one, "active": True} for one in schedules],
        }
        system.ask("/deployments/", wanted)


def _logged(world: World) -> None:
    """What the pages name in the main log, whose signer has signed it; an export and a key."""
    store = open_store(world.system.settings.url)
    with store.writing(datetime.now(UTC)) as writer:
        row = {"attempt_id": "attempt-17", "success": False}
        writer.append("healing_attempts", [row], source="shop")
    key = world.type("grace ledger key > audit/grace.pub")
    assert key.returncode == 0, key.stderr
    until(lambda: world.type("grace ledger checkpoint > kept/checkpoint").returncode == 0)

"""A Prefect installation that belongs to somebody else, with a history of any length.

A server on SQLite with a password and CSRF protection, on which `tests.watched.system` runs once.
What it left is put back by a minute, and copied in its database: each copy has ids of its own, lies
earlier by a step more than the one before, and its runs were queued somewhat sooner, so that no two
copies are alike.
"""

import base64
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx

from tests.serving import serving_prefect

__all__ = ["CREDENTIAL", "STEP", "Foreign", "serving_foreign"]

CREDENTIAL = "operator:correct horse"
STEP = timedelta(minutes=15)
# a reading leaves what ended some seconds ago to the next one: without this, a test that began at
# once found fewer runs in the log than in the API
SINCE_THE_DAY = timedelta(minutes=1)
PAGE = 200

# those of a run, each before what refers to it, with the column of its time
HISTORY = ("flow_run", "task_run", "flow_run_state", "task_run_state", "log")
# what the server keeps for itself: tokens against CSRF are given to whoever may read
ITS_OWN = {"alembic_version", "csrf_token", "automation_event_follower", "sqlite_sequence"}
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Cell: TypeAlias = Any
Row: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True)
class Foreign:
    """`url` is the API's; `database` the server's own file, `history` the rows of its one day.

    `made_at` is when that day could first be read.
    """

    url: str
    database: Path
    history: dict[str, tuple[list[str], list[Row]]]
    made_at: datetime

    def copy_history(self, copies: range, step: timedelta = STEP) -> None:
        """One copy for each number, that many steps earlier; a number again is an error."""
        known = {row[0] for columns, rows in self.history.values() for row in rows}
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            for table in HISTORY:
                columns, rows = self.history[table]
                made = (copy for row in rows for copy in _copies(columns, row, known, copies, step))
                marks = ", ".join("?" * len(columns))
                named = ", ".join(columns)
                connection.executemany(f"INSERT INTO {table} ({named}) VALUES ({marks})", made)

    def let_arrive(self, number: int, ended: datetime) -> None:
        """One more copy, whose last run ended then."""
        columns, rows = self.history["flow_run"]
        ends = [row[columns.index("end_time")] for row in rows]
        last = datetime.fromisoformat(max(filter(None, ends))).replace(tzinfo=UTC)
        self.copy_history(range(number, number + 1), (last - ended) / number)

    def content(self) -> dict[str, str]:
        """A digest of each table that holds something of its users."""
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: _digest(connection.execute(f'SELECT * FROM "{name}"'))
                for (name,) in tables.fetchall()
                if name not in ITS_OWN
            }

    def ask(self, path: str, body: object = None, method: str = "POST") -> Any:
        """One request as its people make it."""
        with self._asking() as http:
            answer = _asked(http, method, path, json=body)
        return answer.json() if answer.content else None

    def all(self, path: str, **body: object) -> list[dict[str, Any]]:
        """Everything that a filter finds; nobody writes meanwhile, so pages by offset do."""
        found: list[dict[str, Any]] = []
        with self._asking() as http:
            while True:
                asked = {**body, "limit": PAGE, "offset": len(found)}
                page = _asked(http, "POST", path, json=asked).json()
                found += page
                if len(page) < PAGE:
                    return found

    @contextmanager
    def _asking(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, headers=_basic(), trust_env=False, timeout=60) as http:
            client = str(uuid4())
            token = _asked(http, "GET", "/csrf-token", params={"client": client}).json()
            own = {"Prefect-Csrf-Token": token["token"], "Prefect-Csrf-Client": client}
            http.headers.update(own)
            yield http

    def limit(self, name: str) -> int:
        return int(self.ask(f"/v2/concurrency_limits/{name}", method="GET")["limit"])


@contextmanager
def serving_foreign(home: Path) -> Iterator[Foreign]:
    """With the history of one day; the server ends with the block."""
    protected = {
        "PREFECT_SERVER_API_AUTH_STRING": CREDENTIAL,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        # of no Grace: it has no reviewers, so that the password above is all that is asked for
        "GRACE_DATA_DIR": str(home / "none"),
    }
    home.mkdir(exist_ok=True)
    with serving_prefect(home, **protected) as url:
        _run_system(url, home)
        database = home / "prefect.db"
        _put_back(database)
        yield Foreign(url, database, _read_history(database), datetime.now(UTC))


def _run_system(url: str, home: Path) -> None:
    own = {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": CREDENTIAL}
    own |= {"PREFECT_HOME": str(home / "client"), "PREFECT_LOGGING_TO_API_ENABLED": "true"}
    command = [sys.executable, "-m", "tests.watched.system"]
    project = Path(__file__).parent.parent
    done = subprocess.run(
        command, env=os.environ | own, cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def _put_back(database: Path) -> None:
    """Every time of the day's runs, by the same span."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in HISTORY:
            found = connection.execute(f"SELECT * FROM {table}")
            columns = [name for name, *_ in found.description]
            rows = [[_earlier(*cell) for cell in zip(columns, row, strict=True)] for row in found]
            marks = ", ".join(f"{name} = ?" for name in columns)
            changed = [(*row, row[columns.index("id")]) for row in rows]
            connection.executemany(f"UPDATE {table} SET {marks} WHERE id = ?", changed)


def _earlier(name: str, cell: Cell) -> Cell:
    if not _is_time(name, cell):
        return cell
    return _time(datetime.fromisoformat(cell) - SINCE_THE_DAY)


def _read_history(database: Path) -> dict[str, tuple[list[str], list[Row]]]:
    found = {}
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        for table in HISTORY:
            rows = connection.execute(f"SELECT * FROM {table}")
            columns = [name for name, *_ in rows.description]
            assert columns[0] == "id"
            found[table] = (columns, rows.fetchall())
    return found


def _copies(
    columns: list[str], row: Row, known: set[Cell], copies: range, step: timedelta
) -> Iterator[Row]:
    """A cell that is the same in every copy is worked out once."""
    changing = {
        at: change
        for at, (name, cell) in enumerate(zip(columns, row, strict=True))
        if (change := _change(name, cell, known)) is not None
    }
    cells = list(row)
    for number in copies:
        for at, change in changing.items():
            cells[at] = change(number, -number * step)
        yield tuple(cells)


def _change(name: str, cell: Cell, known: set[Cell]) -> Callable[[int, timedelta], str] | None:
    """How a cell differs from copy to copy; None where it does not."""
    if not isinstance(cell, str):
        return None
    if _is_time(name, cell):
        time = datetime.fromisoformat(cell)
        sooner = name == "expected_start_time"
        return lambda number, shift: _time(time + shift - sooner * _sooner(number))
    if name == "idempotency_key":
        return lambda number, _: f"{cell}:{number}"
    ids = [each for each in set(ID.findall(cell)) if each in known]
    if not ids:
        return None
    return lambda number, _: _with_ids(cell, ids, number)


def _is_time(name: str, cell: Cell) -> bool:
    """A duration is kept as a time since 1970."""
    return isinstance(cell, str) and name != "total_run_time" and bool(TIME.fullmatch(cell))


def _sooner(number: int) -> timedelta:
    return timedelta(milliseconds=number * 37 % 1000)


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f}"


def _with_ids(text: str, ids: list[str], number: int) -> str:
    for each in ids:
        text = text.replace(each, _id(each, number))
    return text


def _id(original: str, number: int) -> str:
    """Another for every number, and always the same: a one-to-one change of the last 48 bits."""
    return str(UUID(int=UUID(original).int ^ number << 16))


def _digest(rows: sqlite3.Cursor) -> str:
    """Whatever the order of the rows."""
    return sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()


def _asked(http: httpx.Client, method: str, path: str, **given: Any) -> httpx.Response:
    """SQLite may be busy for a moment, which Prefect answers with 503."""
    while (answer := http.request(method, path, **given)).status_code == 503:
        time.sleep(0.2)
    return answer.raise_for_status()


def _basic() -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(CREDENTIAL.encode()).decode()}"}

"""Prefect's server does not stand still for a cursor that is garbage."""

import gc
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM = """
import gc, sys, threading, time

class Node:
    "Garbage that only a collection takes."

    def __init__(self):
        self.me = self
        self.taken_by = []

    def __del__(self):
        print("collected by", threading.current_thread().name)

print("arguments", sys.argv[1:], "automatic", gc.isenabled())
Node()
time.sleep(3)
"""


def test_a_thread_of_its_own_collects_its_garbage(tmp_path: Path) -> None:
    """Nothing is collected where an event loop would wait for it; the arguments are Prefect's."""
    package = tmp_path / "prefect"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROGRAM)
    (package / "server" / "api").mkdir(parents=True)
    (package / "server" / "api" / "server.py").write_text("def create_app(): ...\n")
    run = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    run += "from grace.installation.prefect_server import main; main()"
    command = [sys.executable, "-c", run, "server", "start"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert first == "arguments ['server', 'start'] automatic False"
    assert rest == ["collected by collector"]


def test_a_cursor_that_is_collected_waits_for_the_thread_of_its_connection(tmp_path: Path) -> None:
    """Why: the connection's own thread holds its lock while it waits to write, here for a second;
    whoever collects the cursor meanwhile waits as long."""
    holder, waiter = (sqlite3.connect(tmp_path / "a.db", check_same_thread=False) for _ in range(2))
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("CREATE TABLE t (x)")
    holder.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    holder.commit()
    waiter.execute("PRAGMA busy_timeout = 1000")
    waiter.isolation_level = None
    # of no table: one that reads holds a snapshot, with which SQLite does not wait to write
    garbage = [waiter.execute("SELECT 1 UNION ALL SELECT 2")]
    garbage.append(garbage)
    holder.execute("BEGIN IMMEDIATE")
    refused: list[Exception] = []

    def write() -> None:
        try:
            waiter.execute("INSERT INTO t VALUES (3)")
        except sqlite3.OperationalError as problem:
            refused.append(problem)

    writing = threading.Thread(target=write)
    writing.start()
    time.sleep(0.2)
    begin = time.monotonic()
    del garbage
    gc.collect()
    assert time.monotonic() - begin > 0.4
    writing.join()
    assert refused
    holder.rollback()
    for connection in (holder, waiter):
        connection.close()

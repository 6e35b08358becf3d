"""What proof costs a restore: `python -m benchmarks.restore [ROWS] [ROUNDS]`.

By default a million rows in seven rounds. In a round the same rows are put into an empty log three
times, each time in one transaction and by a process of its own: by plain executemany, whole rows
made before the clock starts, into the same tables with the same indices, without a log's triggers
and with them; and by `grace restore` from an archive, which also checks every digest, grows the
tree, reads each row back and holds it against its leaf. Exits with 1 where the median rate is below
half of that of plain executemany without triggers, or where the restored log does not verify.
"""

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from benchmarks import table
from benchmarks._bulk_log import bulk_log, filled_tables
from benchmarks._measured import Measured, print_measured, run_measured
from grace.export.archive import opened
from grace.export.frame import columns
from grace.export.request import ExportRequest
from grace.export.restoring import restore
from grace.export.validated import Validated
from grace.notary.keys import public_key
from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS
from tasks.exporting import export

ROWS, ROUNDS = 1_000_000, 7
BAR = 0.5
PLAIN, GUARDED, RESTORED = "plain", "guarded", "restored"
MODES = {
    PLAIN: "plain executemany",
    GUARDED: "the same, with triggers",
    RESTORED: "restored and proven",
}
AT_ONCE = 20_000


def main(rows: int, rounds: int) -> int:
    with TemporaryDirectory() as folder:
        settings, archive = bulk_log(Path(folder, "data"), rows), Path(folder, "grace.zip")
        _export(settings, archive)
        found: dict[str, list[Measured]] = {mode: [] for mode in MODES}
        for _ in range(rounds):
            for mode, taken in found.items():
                target = Path(folder, mode, "grace.db")
                target.parent.mkdir()
                open_store(f"sqlite:///{target}").engine.dispose()
                arguments = (mode, settings.data_dir, archive, target)
                taken.append(run_measured("benchmarks.restore", *map(str, arguments)))
                if mode == RESTORED and not _verifies(settings, target):
                    print("DOES NOT HOLD: the restored log does not verify")
                    return 1
                shutil.rmtree(target.parent)
    return _told(rows, found)


def _told(rows: int, found: dict[str, list[Measured]]) -> int:
    heads = ("rows put in", "seconds", "CPU seconds", "rows/s", "MiB above imports")
    print(table(heads, [_line(MODES[mode], taken, rows) for mode, taken in found.items()]))
    plain, restored = (median(one.seconds for one in found[mode]) for mode in (PLAIN, RESTORED))
    print(f"\n{plain / restored:.2f} times the rate of plain executemany, bar: at least {BAR}")
    return 0 if plain / restored >= BAR else 1


def _line(name: str, taken: list[Measured], rows: int) -> list[str]:
    seconds = median(one.seconds for one in taken)
    return [
        name,
        f"{seconds:.2f}",
        f"{median(one.cpu_seconds for one in taken):.2f}",
        f"{rows / seconds:,.0f}",
        f"{max(one.mebibytes for one in taken):.0f}",
    ]


def _export(settings: Settings, archive: Path) -> None:
    store, now = open_store(settings.url), datetime.now(UTC)
    sign(settings, store, now)
    request = ExportRequest(to=str(archive))
    found = Validated({"success": True}, [])
    export(
        settings, store, request, now, validate=lambda *given: found, tell=lambda text, share: None
    )
    store.engine.dispose()


def _verifies(settings: Settings, target: Path) -> bool:
    key, store = public_key(settings), open_store(f"sqlite:///{target}")
    found = verify(settings, store, key=key)
    store.engine.dispose()
    return found.ok


def _plain(source: Path, target: Path, *first: str) -> None:
    """The clock stands while the next rows are made."""
    seconds = cpu = 0.0
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        for statement in ("PRAGMA synchronous = FULL", *first, "BEGIN IMMEDIATE"):
            connection.execute(statement)
        for statement, rows in _statements(source):
            begin, spent = perf_counter(), process_time()
            connection.executemany(statement, rows)
            seconds, cpu = seconds + perf_counter() - begin, cpu + process_time() - spent
        begin, spent = perf_counter(), process_time()
        connection.execute("COMMIT")
        seconds, cpu = seconds + perf_counter() - begin, cpu + process_time() - spent
    print(json.dumps(asdict(Measured(seconds, cpu, 0.0))))


def _statements(source: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
        for name in filled_tables():
            names = ", ".join(f'"{column}"' for column in columns(LOGS[name]))
            marks = ", ".join("?" * len(columns(LOGS[name])))
            cursor = connection.execute(f"SELECT {names} FROM {name} NOT INDEXED")
            while rows := cursor.fetchmany(AT_ONCE):
                yield f"INSERT INTO {name} ({names}) VALUES ({marks})", rows


def _restore(archive: Path, target: Path, data_dir: Path) -> None:
    import pandas as pd  # noqa: F401 - an import of every restore

    key, store = public_key(Settings(data_dir=data_dir)), open_store(f"sqlite:///{target}")
    assert key

    def work() -> None:
        with opened(archive) as read:
            restore(read, store, key, datetime.now(UTC), tell=lambda text, share: None)

    print_measured(work)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["plain" | "guarded" as mode, data_dir, _, target]:
            source = Settings(data_dir=Path(data_dir)).log_dir / "grace.db"
            _plain(source, Path(target), *(drop_triggers() if mode == PLAIN else ()))
        case ["restored", data_dir, archive, target]:
            _restore(Path(archive), Path(target), Path(data_dir))
        case ["--help" | "-h"]:
            print(__doc__)
        case given:
            sizes = list(map(int, given))
            sys.exit(main(*sizes, *(ROWS, ROUNDS)[len(sizes) :]))

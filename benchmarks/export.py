"""Exports of a large log against other exporters: `python -m benchmarks.export [ROWS] [ROUNDS]`.

By default a million rows in seven rounds; `10000000 3` is the other size of the bar, and needs 12
GB in the temporary folder. In a round each peer writes every table to Parquet (ADBC and connectorx
with pyarrow, DuckDB by itself, with their defaults), and Grace exports the same log, cold (no part
sealed yet) and warm, each in a process of its own that is timed once its imports are done. Grace's
figures hold what the peers leave out: digests, leaf hashes, fsync, the archive. Then the log grows
by a hundredth a round, and what is new is exported. Validation is timed once, by itself. Exits with
1 where a median misses its bar or the archive does not prove itself.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pyarrow as pa

from benchmarks import table
from benchmarks._bulk_log import add_rows, bulk_log, filled_tables
from benchmarks._exporters import PEERS, peer, release
from benchmarks._measured import (
    Measured,
    children,
    measured,
    peak_mebibytes,
    print_measured,
    run_measured,
)
from grace.export.archive import opened
from grace.export.frame import schema
from grace.export.part_writing import PartJob
from grace.export.proving import prove
from grace.export.request import ExportRequest
from grace.export.sealing import Sealed, Tell
from grace.export.validated import Validated
from grace.jobs import processes
from grace.notary.keys import public_key
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS
from tasks.exporting import export
from tasks.validation import validate_sealed

ROWS, ROUNDS = 1_000_000, 7
GROWTH = 100
BAR_COLD, BAR_WARM, BAR_GROWTH, BAR_MIB = 1.0, 5.0, 0.05, 150
COLD, WARM = "Grace, cold", "Grace, warm"
GROWN, GROWN_WHOLE = "Grace, 1 % new, since the last", "Grace, 1 % new, whole"

Rounds = dict[str, list[Measured]]


def main(rows: int, rounds: int) -> int:
    with TemporaryDirectory() as folder:
        settings = bulk_log(Path(folder, "data"), rows)
        _sign(settings)
        size = settings.log_dir.joinpath("grace.db").stat().st_size
        print(
            f"{rows:,} rows in {len(filled_tables())} tables, {size / 2**20:,.0f} MiB of SQLite\n"
        )
        found = _against_peers(settings, Path(folder), rounds)
        print(_table(found, rows), "\n")
        grown = _growth(settings, Path(folder), rows, rounds)
        print(_table(grown, rows), "\n")
        print(f"validation, apart: {_validated(settings, Path(folder))}\n")
        problems = [*_problems(found, grown), *_unproven(settings, Path(folder, "whole.zip"))]
    for problem in problems:
        print(f"DOES NOT HOLD: {problem}")
    return 1 if problems else 0


def _sign(settings: Settings) -> None:
    store = open_store(settings.url)
    sign(settings, store, datetime.now(UTC))
    store.engine.dispose()


def _against_peers(settings: Settings, folder: Path, rounds: int) -> Rounds:
    found: Rounds = {release(name): [] for name in PEERS} | {COLD: [], WARM: []}
    database, out = settings.log_dir / "grace.db", folder / "peer"
    for _ in range(rounds):
        for name in PEERS:
            out.mkdir()
            found[release(name)].append(_run("peer", name, database, out))
            shutil.rmtree(out)
        shutil.rmtree(settings.log_dir / "sealed", ignore_errors=True)
        for name in (COLD, WARM):
            found[name].append(_run("export", settings.data_dir, folder / "whole.zip"))
    return found


def _growth(settings: Settings, folder: Path, rows: int, rounds: int) -> Rounds:
    found: Rounds = {GROWN: [], GROWN_WHOLE: []}
    for _ in range(rounds):
        for name, options in ((GROWN, ["--since-last"]), (GROWN_WHOLE, [])):
            store = open_store(settings.url)
            add_rows(store, rows // GROWTH)
            store.engine.dispose()
            _sign(settings)
            archive = folder / ("new.zip" if options else "whole.zip")
            found[name].append(_run("export", settings.data_dir, archive, *options))
    return found


def _run(*arguments: object) -> Measured:
    return run_measured("benchmarks.export", *map(str, arguments))


def _validated(settings: Settings, folder: Path) -> str:
    taken = _run("validate", settings.data_dir, folder / "whole.zip")
    return (
        f"{taken.seconds:.1f} s, {taken.cpu_seconds:.1f} s of CPU, "
        f"{taken.mebibytes:.0f} MiB above the imports"
    )


def _table(found: Rounds, rows: int) -> str:
    heads = ("exporter", "seconds", "least to most", "CPU seconds", "rows/s", "MiB above imports")
    return table(heads, [_line(name, taken, rows) for name, taken in found.items()])


def _line(name: str, taken: Sequence[Measured], rows: int) -> list[str]:
    seconds = sorted(one.seconds for one in taken)
    new = rows // GROWTH if name == GROWN else rows
    return [
        name,
        f"{median(seconds):.2f}",
        f"{seconds[0]:.2f} to {seconds[-1]:.2f}",
        f"{median(one.cpu_seconds for one in taken):.2f}",
        f"{new / median(seconds):,.0f}",
        f"{max(one.mebibytes for one in taken):.0f}",
    ]


def _problems(found: Rounds, grown: Rounds) -> Iterator[str]:
    """What misses its bar; says each figure that has one."""
    seconds = {
        name: median(one.seconds for one in taken) for name, taken in (found | grown).items()
    }
    fastest = min((release(name) for name in PEERS), key=lambda name: seconds[name])
    mebibytes = max(one.mebibytes for one in found[COLD])
    figures = [
        ("cold", "times as fast as " + fastest, seconds[fastest] / seconds[COLD], BAR_COLD, True),
        ("warm", "times as fast as " + fastest, seconds[fastest] / seconds[WARM], BAR_WARM, True),
        ("1 % new", "of the time of cold", seconds[GROWN] / seconds[COLD], BAR_GROWTH, False),
        ("cold", "MiB above the imports", mebibytes, BAR_MIB, False),
    ]
    for what, unit, figure, bar, is_least in figures:
        told = (
            f"{what}: {figure:.3g} {unit}, the bar is at {'least' if is_least else 'most'} {bar:g}"
        )
        print(told)
        if figure < bar if is_least else figure > bar:
            yield told


def _unproven(settings: Settings, archive: Path) -> Iterator[str]:
    key = public_key(settings)
    assert key
    with opened(archive) as read:
        proven = prove(read, key)
    print(f"{proven.rows:,} of {proven.size:,} rows proven from the archive")
    if not proven.complete or proven.rows != proven.size:
        yield "the archive does not hold every row"


def _export(data_dir: Path, archive: Path, since_last: bool) -> None:
    settings, request = (
        Settings(data_dir=data_dir),
        ExportRequest(to=str(archive), since_last=since_last),
    )
    store = open_store(settings.url)
    idle = _idle_mebibytes(data_dir)
    pa.array([0])  # with its first array of Python objects pyarrow imports pandas

    def work() -> None:
        now = datetime.now(UTC)
        export(settings, store, request, now, validate=_unlooked, tell=lambda text, share: None)

    print_measured(work, idle)


def _unlooked(sealed: Sealed, tables: Sequence[str], low: int, tell: Tell) -> Validated:
    return Validated({"success": True}, [])


def _idle_mebibytes(data_dir: Path) -> float:
    """What a process that writes parts has once its imports are done."""
    database = str(Settings(data_dir=data_dir).log_dir / "grace.db")
    job = PartJob(database, "goals", schema(LOGS["goals"]), 0, 0, "never written")
    with processes() as submit:
        submit(job).result()
        return max(map(peak_mebibytes, children()))


def _validate(data_dir: Path, archive: Path) -> None:
    import great_expectations  # noqa: F401 - an import of the validation

    settings, request = Settings(data_dir=data_dir), ExportRequest(to=str(archive))
    taken: list[Measured] = []

    def validate(sealed: Sealed, tables: Sequence[str], low: int, tell: Tell) -> Validated:
        taken.append(measured(lambda: validate_sealed(sealed, tables, low, tell)))
        return Validated({"success": True}, [])

    store, now = open_store(settings.url), datetime.now(UTC)
    export(settings, store, request, now, validate=validate, tell=lambda text, share: None)
    print(json.dumps(asdict(taken[0])))


def _peer(name: str, database: Path, folder: Path) -> None:
    write = peer(name)
    print_measured(lambda: write(database, filled_tables(), folder))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["peer", name, database, folder]:
            _peer(name, Path(database), Path(folder))
        case ["export", data_dir, archive, *options]:
            _export(Path(data_dir), Path(archive), options == ["--since-last"])
        case ["validate", data_dir, archive]:
            _validate(Path(data_dir), Path(archive))
        case ["--help" | "-h"]:
            print(__doc__)
        case _ if find_spec("connectorx") is None or find_spec("duckdb_ext") is None:
            sys.exit("the other exporters are not installed: pip install -e .[bench]")
        case given:
            sizes = list(map(int, given))
            sys.exit(main(*sizes, *(ROWS, ROUNDS)[len(sizes) :]))

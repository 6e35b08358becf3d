"""A million rows of a CSV file, one in a hundred broken: `python -m benchmarks.ingest [ROWS]`.

Prints rows a second, the peak of memory above what the imports take, and the counts by reason; then
reads the same file again, and once more under a changed name. Exits with 1 where a row is neither
in the log nor in the quarantine, where a reason is not the one it was broken for, where a second
reading adds anything, or where memory exceeds its bar.
"""

import csv
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import table

__all__ = ["KINDS", "Reading", "broken_kind", "problems", "read_again", "write_file"]

ROWS = 1_000_000
BAR_MIB = 150
TIMEZONE = "Europe/Berlin"
BEGIN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
KINDS = ("type", "range", "zone", "nan", "json", "repeat", "shape")
COLUMNS = (
    "attempt_id",
    "error_type",
    "error_message",
    "error_line",
    "fix_type",
    "severity",
    "confidence",
    "requires_approval",
    "attempted_at",
    "verified_at",
    "status",
    "success",
    "metadata",
    "shop",  # no column of ours
)


@dataclass(frozen=True)
class Reading:
    """What one process that read the file came to."""

    read: int
    landed: int
    unchanged: int
    quarantined: dict[str, int]
    new_in_quarantine: int
    waiting: dict[str, int]
    note: str | None
    seconds: float
    mebibytes: float


def broken_kind(number: int) -> str | None:
    """How a row is broken, if it is: each way as often as the others."""
    return KINDS[number // 100 % len(KINDS)] if number % 100 == 37 else None


def write_file(path: Path, rows: int) -> Counter[str]:
    """The rows broken, by the kind of reason they must be refused for."""
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows(_cells(rows))
    return Counter(kind for kind in map(broken_kind, range(rows)) if kind)


def _cells(rows: int) -> Iterator[list[str]]:
    for number in range(rows):
        at = BEGIN + timedelta(seconds=number)
        cells = {
            "attempt_id": f"attempt-{number:08}",
            "error_type": "TimeoutError",
            "error_message": f'fetching page {number % 977} took "too long", gave up',
            "error_line": str(number % 400),
            "fix_type": "retry",
            "severity": "medium",
            "confidence": f"{number % 100 / 100}",
            "requires_approval": str(number % 2),
            "attempted_at": at.isoformat(),
            "verified_at": "2026-03-01 12:00:00.25",
            "status": "verified, by hand",
            "success": "True" if number % 3 else "0",
            "metadata": '{"page": 13}' if number % 5 else "null",
            "shop": "north",
        }
        yield _broken(cells, broken_kind(number), number)


def _broken(cells: dict[str, str], kind: str | None, number: int) -> list[str]:
    faults = {
        "type": {"error_line": "seven"},
        "range": {"confidence": "1.7"},
        "zone": {"verified_at": "2026-03-29T02:30:00"},  # the hour that summer time skips
        "nan": {"confidence": "NaN"},
        "json": {"metadata": '{"page": '},
        "repeat": {"attempt_id": f"attempt-{number - 1:08}"},
    }
    broken = list((cells | faults.get(kind or "", {})).values())
    return broken[:5] if kind == "shape" else broken


def read_again(database: Path, file: Path) -> Reading:
    """In a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--read", str(database), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Reading(**json.loads(done.stdout))


def _read(database: Path, file: Path) -> Reading:
    import alembic.command  # noqa: F401 - an import of open_store

    from grace.store import open_store, quarantine
    from tasks.ingest_files import ingest_files

    before, start = _peak_mebibytes(), perf_counter()
    store = open_store(f"sqlite:///{database}")
    (counts,) = ingest_files(store, [str(file)], datetime.now(UTC), timezone=TIMEZONE).sources
    seconds = perf_counter() - start
    return Reading(
        read=counts.read,
        landed=counts.landed,
        unchanged=counts.unchanged,
        quarantined=dict(counts.quarantined),
        new_in_quarantine=counts.new_in_quarantine,
        waiting=dict(quarantine.counts(store)),
        note=counts.note,
        seconds=seconds,
        mebibytes=_peak_mebibytes() - before,
    )


def _peak_mebibytes() -> float:
    """Of this program alone: what `getrusage` says may be that of the program that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def problems(readings: list[Reading], rows: int, broken: Counter[str]) -> Iterator[str]:
    """What does not hold of three readings: the first, the same again, the same renamed."""
    first, again, renamed = readings
    refused = broken.total()
    if (first.read, first.landed, first.unchanged) != (rows, rows - refused, 0):
        yield f"of {rows} rows {first.read} were read and {first.landed} landed"
    if first.quarantined != broken or first.waiting != broken:
        yield f"broken {dict(broken)}, but refused {first.quarantined}, kept {first.waiting}"
    if again.read or again.landed or "unchanged since it was read" not in (again.note or ""):
        yield f"the second reading said {again}"
    if (renamed.landed, renamed.unchanged, renamed.quarantined) != (0, rows - refused, broken):
        yield f"the renamed file brought {renamed}"


def main(rows: int) -> int:
    with TemporaryDirectory() as folder:
        file, database = Path(folder, "healing_attempts-old.csv"), Path(folder, "grace.db")
        broken = write_file(file, rows)
        print(f"{rows:,} rows, {file.stat().st_size / 2**20:,.0f} MiB, broken: {dict(broken)}\n")
        readings = [read_again(database, file), read_again(database, file)]
        renamed = file.rename(file.with_name("healing_attempts-new.csv"))
        readings.append(read_again(database, renamed))
    names = ("first", "the same again", "renamed")
    print(
        table(
            ("reading", "seconds", "rows/s", "MiB above imports", "landed", "there", "quarantined"),
            [_line(name, reading) for name, reading in zip(names, readings, strict=True)],
        )
    )
    print(f"\nby reason: {readings[0].quarantined}")
    found = list(problems(readings, rows, broken))
    if (worst := max(reading.mebibytes for reading in readings)) > BAR_MIB:
        found.append(f"memory rose by {worst:.0f} MiB, the bar is {BAR_MIB}")
    for problem in found:
        print(f"DOES NOT HOLD: {problem}")
    return 1 if found else 0


def _line(name: str, reading: Reading) -> list[str]:
    counts = (reading.landed, reading.unchanged, sum(reading.quarantined.values()))
    return [
        name,
        f"{reading.seconds:.1f}",
        f"{reading.read / reading.seconds:,.0f}",
        f"{reading.mebibytes:.0f}",
        *(f"{count:,}" for count in counts),
    ]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--read", database, file]:
            print(json.dumps(asdict(_read(Path(database), Path(file)))))
        case ["--help" | "-h"]:
            print(__doc__)
        case [rows]:
            sys.exit(main(int(rows)))
        case _:
            sys.exit(main(ROWS))

"""A watched installation with 100,000 runs: `python -m benchmarks.connect [RUNS]`.

A real Prefect server of somebody else, with password and protection against forgery, holds flow
runs and task runs of 25 days. Prints how many runs a second are read into the log, against the bare
API reads of the same pages (both in turn, window by window, who is first alternating), and the peak
of memory at a tenth of the way and at its end. Then another reading is killed half way and taken up
again. Exits with 1 where a figure of either log is not that of the API, or a run is there twice.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from pydantic import SecretStr

from benchmarks import table
from grace.connection import Connection, write_connection
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tests.foreign import CREDENTIAL, Foreign, serving_foreign
from tests.watched.expected import Figures, figures_of, figures_of_log

__all__ = ["Reading", "problems"]

RUNS = 100_000
DAYS = 25
LOG = "watched"
FLAT_MIB = 60
FIGURES = ("states", "waits", "executions", "outcomes", "retries")


@dataclass(frozen=True)
class Reading:
    """What one process that read the server came to; times are seconds of one window each."""

    read: int
    added: int
    at: str
    runs: list[int]
    ingesting: list[float]
    asking: list[float]
    peaks: list[float]
    imports: float


def _read(data_dir: Path, *, beside: bool) -> Reading:
    """`beside` makes the same bare requests in turn with the ingestion of each window."""
    from tasks.ingest_prefect import Ingestion, belonging_to
    from tasks.prefect_api import RunHistory, Window, run_history

    settings, now = Settings(data_dir=data_dir, log=LOG), datetime.now(UTC)
    store, imports = open_store(settings.url), _peak_mebibytes()
    runs: list[int] = []
    ingesting: list[float] = []
    asking: list[float] = []
    peaks: list[float] = []

    class Timed(Ingestion):
        def _add_ended(self, window: Window) -> None:
            first = len(runs) % 2
            if beside and first:
                ask(window)
            begin = perf_counter()
            super()._add_ended(window)
            ingesting.append(perf_counter() - begin)
            peaks.append(_peak_mebibytes())
            if beside and not first:
                ask(window)
            runs.append(self._history.count(window))

    def ask(window: Window) -> None:
        begin = perf_counter()
        for kind in ("flow_runs", "task_runs"):
            for _ in history._ended(kind, window):
                pass
        asking.append(perf_counter() - begin)

    with run_history(settings) as history:
        assert isinstance(history, RunHistory)
        ours = belonging_to(settings)
        counts = Timed(store, history, ours, now, lambda line: print(line, flush=True)).run()
    added = sum(counts.added.values())
    return Reading(counts.read, added, now.isoformat(), runs, ingesting, asking, peaks, imports)


def _peak_mebibytes() -> float:
    """Of this program alone: what `getrusage` says may be that of the program that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _in_its_own_process(data_dir: Path, *, beside: bool) -> Reading:
    done = subprocess.run(_command(data_dir, beside), capture_output=True, text=True, check=True)
    return Reading(**json.loads(done.stdout.splitlines()[-1]))


def _kill_after(data_dir: Path, windows: int) -> None:
    """By SIGKILL, once so many windows are in the log."""
    command = _command(data_dir, beside=False)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout
        for number, _ in enumerate(reading.stdout, start=1):
            if number == windows:
                reading.send_signal(signal.SIGKILL)
                break


def _command(data_dir: Path, beside: bool) -> list[str]:
    how = "--beside" if beside else "--alone"
    return [sys.executable, "-m", "benchmarks.connect", how, str(data_dir)]


def problems(data_dir: Path, there: Figures) -> Iterator[str]:
    """Each figure of the log that is not the one worked out from the API."""
    store = open_store(Settings(data_dir=data_dir, log=LOG).url)
    logged = figures_of_log(store)
    for name in FIGURES:
        if getattr(logged, name) != getattr(there, name):
            yield f"{name} in the log of {data_dir.name} are not those of the API"
    if set(newest(store, "parallel_process_logs")["revision"]) != {1}:
        yield f"a run stands twice in the log of {data_dir.name}"


def _connected(data_dir: Path, url: str) -> Path:
    """A data folder whose log watches the server."""
    given = Connection(
        api_url=url,
        version="3",
        connected_at=datetime.now(UTC),
        credential="basic",
        secret=SecretStr(CREDENTIAL),
    )
    write_connection(Settings(data_dir=data_dir, log=LOG), given)
    return data_dir


def _fill(foreign: Foreign, runs: int) -> None:
    """Copies of its one day, over 25 days."""
    a_day = sum(len(foreign.history[kind][1]) for kind in ("flow_run", "task_run"))
    copies = runs // a_day + 1
    foreign.copy_history(range(1, copies + 1), timedelta(days=DAYS) / copies)
    print(
        f"{a_day * (copies + 1):,} runs on a server of {foreign.database.stat().st_size >> 20} MiB"
    )


def main(runs: int) -> int:
    os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1")
    with TemporaryDirectory() as name, serving_foreign(Path(name, "server")) as foreign:
        folder = Path(name)
        os.environ["PREFECT_HOME"] = str(folder / "client")
        _fill(foreign, runs)
        whole = _in_its_own_process(_connected(folder / "whole", foreign.url), beside=True)
        killed = _connected(folder / "killed", foreign.url)
        _kill_after(killed, len(whole.runs) // 2)
        resumed = _in_its_own_process(killed, beside=False)
        _print(whole, resumed)
        found = [
            *problems(folder / "whole", figures_of(foreign, datetime.fromisoformat(whole.at))),
            *problems(killed, figures_of(foreign, datetime.fromisoformat(resumed.at))),
        ]
    tenth = whole.peaks[len(whole.peaks) // 10]
    if whole.peaks[-1] - tenth > FLAT_MIB:
        found.append(f"memory rose from {tenth:.0f} to {whole.peaks[-1]:.0f} MiB on the way")
    for problem in found:
        print(f"DOES NOT HOLD: {problem}")
    return 1 if found else 0


def _print(whole: Reading, resumed: Reading) -> None:
    tenth = len(whole.peaks) // 10
    rates = [
        median(runs / seconds for runs, seconds in zip(whole.runs, times, strict=True))
        for times in (whole.ingesting, whole.asking)
    ]
    ratio = median(a / i for a, i in zip(whole.asking, whole.ingesting, strict=True))
    print(
        table(
            (
                "reading",
                "runs read",
                "windows",
                "seconds",
                "runs/s",
                "MiB at a tenth",
                "MiB at the end",
            ),
            [
                [
                    "into the log",
                    f"{whole.read:,}",
                    f"{len(whole.runs)}",
                    f"{sum(whole.ingesting):.0f}",
                    f"{rates[0]:,.0f}",
                    f"{whole.peaks[tenth]:.0f}",
                    f"{whole.peaks[-1]:.0f}",
                ],
                [
                    "bare pages",
                    "",
                    f"{len(whole.runs)}",
                    f"{sum(whole.asking):.0f}",
                    f"{rates[1]:,.0f}",
                    "",
                    "",
                ],
                [
                    "resumed after SIGKILL",
                    f"{resumed.read:,}",
                    f"{len(resumed.runs)}",
                    f"{sum(resumed.ingesting):.0f}",
                    "",
                    "",
                    f"{resumed.peaks[-1]:.0f}",
                ],
            ],
        )
    )
    print(f"\nreading into the log goes at {ratio:.2f} of the speed of the bare pages")
    print(f"{whole.imports:.0f} MiB are taken by the imports")


if __name__ == "__main__":
    if sys.argv[1:2] in (["--beside"], ["--alone"]):
        print(json.dumps(asdict(_read(Path(sys.argv[2]), beside=sys.argv[1] == "--beside"))))
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else RUNS))

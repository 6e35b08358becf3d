"""The headline: `python -m benchmarks.headline`, or `make headline`.

A real Prefect server and worker, a page service that slows above eight requests at once, and a tag
limit set wrong. Grace finds it, a person answers, Grace applies, measures and keeps; then a harmful
change by hand is measured and undone by Grace; then the limit is swept over many values, in random
order. Takes less than 35 minutes on two cores; exits with 1 where a bar is missed or where the
figures of Grace's log differ from those that `benchmarks.headline_check` reads from Prefect.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import table
from benchmarks._installed import say, until
from benchmarks.headline_figures import (
    METRICS,
    Bar,
    Change,
    Sample,
    bars,
    blocks_between,
    change,
    looks_of,
    runs_of,
    sweep_of,
)
from benchmarks.headline_names import PAGES, TARGET
from benchmarks.headline_story import Story, answered, found_by_grace, judged, page_service
from benchmarks.headline_system import System
from grace.governance.policy import DEFAULT_GOVERNANCE
from grace.sample_service import SERVED_AT_ONCE
from grace.settings import PROJECT
from grace.store import open_store

PORT = 45200
WORK_SECONDS = 1.0
# the longest flow run twice, and what Grace leaves out because it may still be written down
LEAST_BLOCK_SECONDS = 32
SETTLE_SECONDS = 10.0
HARMFUL, ALICE = 3, ("--as", "alice", "--why", "spare the service")
SWEPT = (1, 2, 3, 4, 6, 8, 10, 12, 16)
ROUNDS = 6
SEED = 20250101
AFTER_RUNS = 12


def swept(system: System, service: str, folder: Path, found: int, rounds: int) -> None:
    """Each limit once a round, in an order of its own; Grace's engines rest meanwhile."""
    for name in ("performance-optimizer", "governance"):
        deployment = system.get(f"/deployments/name/{name}/sample-every-2-minutes")
        system.ask(f"/deployments/{deployment['id']}/pause_deployment")
    rng, values = np.random.default_rng(SEED), sorted({*SWEPT, found})
    order = [int(limit) for _ in range(rounds) for limit in rng.permutation(values)]
    say(f"sweep: {len(order)} flow runs under {', '.join(map(str, values))}")
    run = system.start_shift(service, folder / "never", order)
    system.await_end(run, 60 * len(order))


def measured(system: System, folder: Path, story: Story, rounds: int) -> dict[str, Any]:
    """The whole story on a system that is up; what `figures` needs of it."""
    store = open_store(system.settings.url)
    with page_service(PORT + 200, WORK_SECONDS) as service:
        stop = folder / "stop"
        shift = system.start_shift(service, stop)
        story.tell("begun", f"the workload begins, {TARGET} = {system.limit()}")
        entry = found_by_grace(system, store, story)
        answered(system, entry.id)
        entry = judged(system, store, entry.id, story, "raise")
        limit, since = system.limit(), datetime.now(UTC)
        until(lambda: system.refreshes(since) >= AFTER_RUNS, "runs after the verdict", 300)
        harm = system.grace("propose", TARGET, str(HARMFUL), *ALICE)
        story.tell("harm proposed", f"by hand: {harm['title']}")
        answered(system, harm["id"])
        judged(system, store, harm["id"], story, "harm")
        stop.touch()
        system.await_end(shift, 120)
        undone = system.limit()
        story.tell("sweep begun", f"{TARGET} = {undone}")
        swept(system, service, folder, limit, rounds)
        story.tell("sweep ended", "the sweep is over")
    return {"raise": entry.id, "harm": harm["id"], "found": limit, "left": undone}


def figures(system: System, story: Story, ids: dict[str, Any]) -> dict[str, Any]:
    """All that is reported, from Grace's log; `runs` are the flow runs it rests on."""
    store = open_store(system.settings.url)
    raised, harm = (system.grace("show", ids[name]) for name in ("raise", "harm"))
    runs = runs_of(store, raised["content"]["plan"]["floor_seconds"])
    looks = {name: looks_of(store, ids[name]) for name in ("raise", "harm")}
    changes = _changes(runs, story, looks["raise"])
    rows = sweep_of(runs)
    best = min(rows, key=lambda row: float(row["execution"]["mean"]))
    found = next(row for row in rows if row["limit"] == ids["found"])
    is_undone = (harm["state"], harm["verdict"], ids["left"]) == (
        "rolled_back",
        "regressed",
        ids["found"],
    )
    samples = [Sample(**row["execution"]) for row in (found, best)]
    told = bars(changes, samples[0], samples[1], is_undone)
    kept = raised["state"] == "kept" and raised["verdict"] == "improved"
    told.append(Bar("Grace's own verdict", "kept, improved", raised["reason"] or "", kept))
    return {
        "begun": story.events[0]["at"],
        "ended": story.events[-1]["at"],
        "settings": _settings(),
        "limits": {
            "wrong": raised["before"],
            "found": ids["found"],
            "best": best["limit"],
            "harmful": HARMFUL,
        },
        "events": story.events,
        "proposals": {"raise": raised, "harm": harm},
        "looks": looks,
        "changes": {place: [asdict(one) for one in each] for place, each in changes.items()},
        "sweep": rows,
        "bars": [asdict(one) for one in told],
        "runs": json.loads(runs.to_json(orient="records", date_format="iso", date_unit="us")),
        "ledger": system.grace("ledger", "verify"),
    }


def _changes(
    runs: pd.DataFrame, story: Story, looks: list[dict[str, Any]]
) -> dict[str, list[Change]]:
    """Before Grace against after its verdict, and the two arms of the switchback."""
    plain = runs[runs["limit"] == 0]
    before = plain[plain["ended"] <= story.at("raise applied")]
    after = plain[
        (plain["queued"] >= story.at("raise judged")) & (plain["ended"] <= story.at("harm applied"))
    ]
    # each look tells the blocks of its own pair
    blocks = [block for look in looks for block in look["blocks"]]
    arms = {
        arm: pd.concat(
            [
                blocks_between(runs, [block], arm, SETTLE_SECONDS * (block["number"] % 2))
                for block in blocks
            ]
        )
        for arm in ("before", "after")
    }
    return {
        "before Grace and after": [change(m, list(before[m]), list(after[m])) for m in METRICS],
        "blocks of the switchback": [
            change(m, list(arms["before"][m]), list(arms["after"][m])) for m in METRICS
        ],
    }


def _settings() -> dict[str, Any]:
    return {
        "pages": PAGES,
        "work_seconds": WORK_SECONDS,
        "served_at_once": SERVED_AT_ONCE,
        "least_block_seconds": LEAST_BLOCK_SECONDS,
        "settle_seconds": SETTLE_SECONDS,
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg()[2],
    }


def governance() -> str:
    """The shipped one with shorter blocks, for flow runs that take seconds."""
    text = DEFAULT_GOVERNANCE.read_text()
    return text.replace("least_block_seconds = 60", f"least_block_seconds = {LEAST_BLOCK_SECONDS}")


@contextmanager
def brought_up(folder: Path) -> Iterator[System]:
    """Ended again whatever happens; a second Ctrl-C does not keep it from ending."""
    try:
        yield System.up(folder / "data", PORT, governance())
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say("ending everything that was started")
        System.of(folder / "data", PORT).down()


def checked(out: Path, api_url: str) -> bool:
    """Whether an independent reading of Prefect's API says the same."""
    command = [sys.executable, "-m", "benchmarks.headline_check", str(out / "figures.json")]
    return subprocess.run([*command, "--api", api_url], cwd=PROJECT, check=False).returncode == 0


def report(found: dict[str, Any], agrees: bool) -> int:
    told = [Bar(**one) for one in found["bars"]]
    agreed = "equal" if agrees else "NOT equal"
    told.append(Bar("recomputed from Prefect's API", "equal", agreed, agrees))
    rows = [(one.name, one.bar, one.figure, "met" if one.met else "MISSED") for one in told]
    print(f"\n{table(('what', 'bar', 'figure', ''), rows)}\n")
    return 0 if all(one.met for one in told) else 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT / "data" / "headline")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the sweep")
    parser.add_argument("--keep", action="store_true", help="do not delete the data folder")
    asked = parser.parse_args(arguments)
    # also where it was started in the background, with Ctrl-C ignored
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="grace-headline-"))
    out: Path = asked.out
    out.mkdir(parents=True, exist_ok=True)
    story = Story()
    story.tell("started", f"a fresh installation in {folder}")
    try:
        with brought_up(folder) as system:
            ids = measured(system, folder, story, asked.rounds)
            system.read_history()
            found = figures(system, story, ids)
            (out / "figures.json").write_text(json.dumps(found, indent=1, default=str))
            agrees = checked(out, system.api_url)
        from benchmarks.headline_page import draw  # takes a second, which belongs to no timing

        draw(found, out / "headline.svg")
    except KeyboardInterrupt:
        say("stopped")
        return 130
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    say(f"{out / 'figures.json'} and {out / 'headline.svg'} are written")
    return report(found, agrees)


if __name__ == "__main__":
    sys.exit(main())

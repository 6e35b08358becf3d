"""The headline once more, from Prefect alone: `python -m benchmarks.headline_check FILE --api URL`.

Imports nothing of Grace. Every flow run, task run and state is read from Prefect's API, every mean,
interval and change is computed again, and all of it is compared with what Grace recorded: its
evidence, each block of its measurements, its verdicts, and the figures of FILE. Exits with 1 where
anything differs.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.headline_recount import (
    Found,
    Prefect,
    block_values,
    change_of,
    floor_of,
    mean_of,
    read,
    running_seconds,
    sign_evidence,
    with_waits,
)

# text holds microseconds, and sums of floats are not the same in every order
NEAR = 1e-6
FLOOR_NEAR = 0.05  # Grace's floor is of what it had read by then, ours of all that had ended
RUNNING_NEAR = 0.002  # Prefect adds up what its states say, each to the microsecond


class Comparing:
    """What was compared, and what differed."""

    def __init__(self) -> None:
        self.compared = 0
        self.differing: list[str] = []

    def near(self, what: str, ours: Any, told: Any, tolerance: float = NEAR) -> None:
        self.compared += 1
        if ours is None or told is None:
            same = ours is None and told is None
        else:
            same = math.isclose(ours, told, rel_tol=tolerance, abs_tol=tolerance)
        if not same:
            self.differing.append(f"{what}: {ours} here, {told} as recorded")

    def within(self, what: str, ours: Found, told: Found) -> None:
        for name, value in ours.items():
            if isinstance(value, dict):
                self.within(f"{what}, {name}", value, told[name])
            else:
                self.near(f"{what}, {name}", value, told[name])

    def true(self, what: str, holds: bool) -> None:
        self.compared += 1
        if not holds:
            self.differing.append(what)


def check_runs(say: Comparing, runs: pd.DataFrame, told: list[Found], prefect: Prefect) -> None:
    """Each flow run, and its execution time from its states."""
    say.true("the flow runs of FILE are Prefect's", {r["id"] for r in told} == set(runs["id"]))
    by_id = runs.set_index("id")
    for one in told:
        if one["id"] not in by_id.index:
            continue
        ours = by_id.loc[one["id"]]
        for name in ("execution", "excess_wait"):
            say.near(f"{name} of {one['name']}", float(ours[name]), one[name])
        running = running_seconds(prefect.states(one["id"]))
        say.near(f"states of {one['name']}", running, one["execution"], RUNNING_NEAR)


def check_evidence(say: Comparing, runs: pd.DataFrame, proposal: Found) -> None:
    """The flow runs that raised the proposal."""
    evidence = proposal["content"]["evidence"]
    start, end = (pd.Timestamp(moment) for moment in evidence["span"])
    seen = runs[(runs["completed"] >= start) & (runs["completed"] <= end)]
    say.near("evidence, n", len(seen), evidence["n"])
    say.near("evidence, mean", float(seen["excess_wait"].mean()), evidence["mean"])


def check_measurement(
    say: Comparing, runs: pd.DataFrame, proposal: Found, looks: list[Found], settle: float
) -> None:
    """Each block's mean, each pair's difference, and what was concluded from all of them."""
    name, differences = proposal["title"], []
    for look in looks:
        means = {}
        for block in look["blocks"]:
            values = block_values(runs, block, settle)["excess_wait"]
            where = f"{name}, block {block['number']}"
            say.near(f"{where}, runs", len(values), block["units"])
            mean = float(values.mean()) if len(values) else None
            say.near(f"{where}, mean", mean, block["mean"])
            means[block["arm"]] = mean
        both = None not in means.values()
        differences.append(means["after"] - means["before"] if both else None)
    recorded = proposal["measurement"]["judgement"]
    for number, (ours, told) in enumerate(
        zip(differences, proposal["measurement"]["differences"], strict=True), 1
    ):
        say.near(f"{name}, pair {number}", ours, told)
    known = [value for value in differences if value is not None]
    say.near(f"{name}, effect", float(np.median(known)), recorded["effect"])
    evidence = sign_evidence(known)
    say.near(f"{name}, e-value", evidence, recorded["e_value"])
    mostly = "regressed" if np.median(known) > 0 else "improved"
    say.true(f"{name}: {mostly} here", evidence < 20 or proposal["verdict"] == mostly)


def arms_of(runs: pd.DataFrame, looks: list[Found], settle: float) -> dict[str, pd.DataFrame]:
    blocks = [block for look in looks for block in look["blocks"]]
    return {
        arm: pd.concat([block_values(runs, b, settle) for b in blocks if b["arm"] == arm])
        for arm in ("before", "after")
    }


def phases_of(runs: pd.DataFrame, events: list[Found]) -> dict[str, pd.DataFrame]:
    at = {event["name"]: pd.Timestamp(event["at"]) for event in events}
    plain = runs[~runs["name"].str.startswith("sweep-")]
    after = (plain["queued"] >= at["raise judged"]) & (plain["ended"] <= at["harm applied"])
    return {"before": plain[plain["ended"] <= at["raise applied"]], "after": plain[after]}


def check_changes(say: Comparing, runs: pd.DataFrame, found: Found) -> None:
    settle = found["settings"]["settle_seconds"]
    places = {
        "before Grace and after": phases_of(runs, found["events"]),
        "blocks of the switchback": arms_of(runs, found["looks"]["raise"], settle),
    }
    say.true("the places compared", set(places) == set(found["changes"]))
    for place, sides in places.items():
        for told in found["changes"][place]:
            ours = change_of(*(sides[side][told["metric"]] for side in ("before", "after")))
            say.within(f"{place}, {told['metric']}", ours, told)


def check_sweep(say: Comparing, runs: pd.DataFrame, found: Found) -> None:
    """The means, the best, and that no more tasks were at work than the limit lets."""
    swept = runs[runs["name"].str.startswith("sweep-")]
    limits = swept["name"].str.extract(r"limit-(\d+)$")[0].astype(int)
    means = {}
    for told in found["sweep"]:
        mine = swept[limits == told["limit"]]
        for metric in ("execution", "excess_wait"):
            say.within(f"sweep at {told['limit']}, {metric}", mean_of(mine[metric]), told[metric])
        means[told["limit"]] = float(mine["execution"].mean())
        say.true(f"at most {told['limit']} at once", mine["at_once"].max() <= told["limit"])
    say.true("all limits of the sweep", set(limits) == set(means))
    say.near(
        "the sweep's best", min(means, key=lambda limit: means[limit]), found["limits"]["best"]
    )


def check_bars(say: Comparing, found: Found) -> None:
    """What is printed as met is met by the figures that were checked above."""
    by_limit = {row["limit"]: row["execution"]["mean"] for row in found["sweep"]}
    wanted = {"execution": -0.4, "excess_wait": -0.5}
    for one in found["bars"]:
        for place, changes in found["changes"].items():
            for change in changes:
                if one["name"] != f"mean {change['metric'].replace('_', ' ')}, {place}":
                    continue
                bar = wanted[change["metric"]]
                high = 0.0 if change["high"] is None else change["high"]
                met = change["share"] <= bar and high < bar / 2
                say.true(f"bar: {one['name']}", met == one["met"])
        if "sweep's best" in one["name"]:
            ratio = by_limit[found["limits"]["found"]] / min(by_limit.values())
            say.true(f"bar: {one['name']}", (ratio <= 1.2) == one["met"])


def check(found: Found, prefect: Prefect) -> Comparing:
    say, settle = Comparing(), found["settings"]["settle_seconds"]
    runs, tasks = read(prefect)
    for name in ("raise", "harm"):
        proposal = found["proposals"][name]
        floor = proposal["content"]["plan"]["floor_seconds"]
        mine = with_waits(runs, tasks, floor)
        check_measurement(say, mine, proposal, found["looks"][name], settle)
        if name == "raise":
            end = pd.Timestamp(proposal["content"]["evidence"]["span"][1])
            limit = found["limits"]["wrong"]
            say.near("the floor", floor_of(tasks, limit, end), floor, FLOOR_NEAR)
            check_evidence(say, mine, proposal)
            check_runs(say, mine, found["runs"], prefect)
            check_changes(say, mine, found)
            check_sweep(say, mine, found)
    check_bars(say, found)
    say.true("the ledger verifies", found["ledger"]["ok"] is True)
    return say


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--api", required=True, help="of Prefect, as http://127.0.0.1:4200/api")
    asked = parser.parse_args(arguments)
    say = check(json.loads(asked.file.read_text()), Prefect(asked.api))
    for line in say.differing:
        print(f"differs: {line}")
    print(f"{say.compared} figures compared with Prefect's API, {len(say.differing)} differ")
    return 1 if say.differing else 0


if __name__ == "__main__":
    sys.exit(main())

"""Response: how long what the governed system runs waits and takes, and whether it succeeds.

Response time is queue wait and execution together, of runs where both are known. Task runs are
told apart by name, everything else (flow runs above all) by the deployment it belongs to.
"""

from math import inf

import pandas as pd

from grace.analysis.durations import Duration, duration
from grace.analysis.merging import Merged
from grace.analysis.rates import Rate, Record
from grace.analysis.rows import Topic, is_of_grace, labelled
from grace.analysis.rules import Rules
from grace.analysis.tally import EMPTY, WHOLE, Hours, Tally
from grace.analysis.tallying import joined, tallies, units, usable

__all__ = ["RESPONSE", "Response", "Timing", "report_response"]

FIGURES = ("success", "response", "execution", "wait")
DIMENSIONS = ("type", "task", "deployment")


class Timing(Record):
    """`success.open` runs are under way, `success.neither` were cancelled."""

    success: Rate
    response: Duration
    execution: Duration
    wait: Duration


class Response(Record):
    overall: Timing
    by_type: dict[str, Timing]
    by_task: dict[str, Timing]
    by_deployment: dict[str, Timing]


def report_response(found: Merged) -> Response:
    return Response(
        overall=_timing({name: found.whole(f"response.{name}") for name in FIGURES}),
        **{f"by_{dimension}": _timings(found, dimension) for dimension in DIMENSIONS},
    )


def observe(rows: pd.DataFrame, rules: Rules) -> Hours:
    rows = rows[~is_of_grace(rows)]
    rows = rows.assign(unit=units(_flow_run(rows), rows["hour"]))
    wait, no_wait = usable(rows["wait_time_seconds"], 0.0, inf)
    execution, no_execution = usable(rows["execution_time_seconds"], 0.0, inf)
    under_way = rows["completed_at"].isna().map({True: "open", False: "neither"})
    measured = {
        "success": (rows["success"].astype("float64"), under_way),
        "response": usable(wait + execution, 0.0, inf),
        "execution": (execution, no_execution),
        "wait": (wait, no_wait),
    }
    parts: dict[str, pd.Series[str] | str] = {"": WHOLE}
    parts |= {f".{name}": part for name, part in _parts(rows).items()}
    return joined(
        *(
            tallies(
                rows,
                f"response.{name}{dimension}",
                values,
                apart=apart,
                part=part,
                sketched=name != "success",
            )
            for name, (values, apart) in measured.items()
            for dimension, part in parts.items()
        )
    )


def _flow_run(rows: pd.DataFrame) -> "pd.Series[str]":
    """The flow run that a run belongs to: its parent's, else its own, else what it says itself."""
    own = rows["process_id"].where(rows["process_type"].eq("flow_run").fillna(False), None)
    said = pd.Series([about.get("flow_run") for about in rows["about"]], rows.index, dtype=object)
    named = rows["parent_process"].where(rows["parent_process"].notna(), own)
    return named.where(named.notna(), said)


def _parts(rows: pd.DataFrame) -> "dict[str, pd.Series[str]]":
    kind = labelled(rows["process_type"])
    deployment = [about.get("deployment") for about in rows["about"]]
    names = labelled(pd.Series(deployment, rows.index, dtype=object))
    return {
        "type": kind,
        "task": labelled(rows["task_name"]).where(kind.ne("flow_run"), None),
        "deployment": names.where(kind.ne("task_run"), None),
    }


def _timings(found: Merged, dimension: str) -> dict[str, Timing]:
    """Every part has a tally of success: each row is a success, a failure or counted apart."""
    tallied = {name: found.parts(f"response.{name}.{dimension}") for name in FIGURES}
    return {
        part: _timing({name: tallied[name].get(part, EMPTY) for name in FIGURES})
        for part in tallied["success"]
    }


def _timing(tallied: dict[str, Tally]) -> Timing:
    figures = {name: duration(tallied[name]) for name in FIGURES if name != "success"}
    return Timing(success=tallied["success"].rate(), **figures)


RESPONSE = Topic(
    name="response",
    table="parallel_process_logs",
    columns=(
        "process_id",
        "process_type",
        "task_name",
        "parent_process",
        "completed_at",
        "wait_time_seconds",
        "execution_time_seconds",
        "success",
    ),
    described=("task_payload", "extra"),
    observe=observe,
)

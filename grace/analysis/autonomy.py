"""Autonomous: what the governed system decided by itself, and how much of it was carried out.

Grace's own decisions (actor or source `grace`) are not the governed system's.
"""

import numpy as np
import pandas as pd

from grace.analysis.merging import Merged
from grace.analysis.rates import Mean, Rate, Record
from grace.analysis.rows import Topic, is_of_grace, labelled
from grace.analysis.rules import Rules, word
from grace.analysis.tally import Hours
from grace.analysis.tallying import joined, tallies, usable

__all__ = ["AUTONOMY", "Autonomy", "report_autonomy"]


class Autonomy(Record):
    """`execution` is executed of executed and not executed; open decisions are in neither.

    `approval` is of the decisions whose status or outcome says how they were answered.
    """

    decisions: int
    executed: int
    open: int
    not_executed: int
    execution: Rate
    by_decision_type: dict[str, Rate]
    approval: Rate
    confidence: Mean


def report_autonomy(found: Merged) -> Autonomy:
    execution = found.rate("autonomy.execution")
    return Autonomy(
        decisions=execution.n + execution.open,
        executed=execution.hits,
        open=execution.open,
        not_executed=execution.n - execution.hits,
        execution=execution,
        by_decision_type=found.rates("autonomy.decision_type"),
        approval=found.rate("autonomy.approval"),
        confidence=found.mean("autonomy.confidence", "logit"),
    )


def observe(rows: pd.DataFrame, rules: Rules) -> Hours:
    rows = rows[~is_of_grace(rows) & rows["actor"].ne("grace").fillna(True)]
    status, outcome = rows["status"].map(word), rows["outcome"].map(word)
    executed = status.isin(rules.executed).astype("float64").where(~status.isin(rules.open))
    kinds = labelled(rows["decision_type"])
    confidence, unusable = usable(rows["confidence"], 0.0, 1.0)
    return joined(
        tallies(rows, "autonomy.execution", executed, apart="open"),
        tallies(rows, "autonomy.decision_type", executed, apart="open", part=kinds),
        tallies(rows, "autonomy.approval", _answers(status, outcome, rules)),
        tallies(rows, "autonomy.confidence", confidence, apart=unusable),
    )


def _answers(
    status: "pd.Series[str]", outcome: "pd.Series[str]", rules: Rules
) -> "pd.Series[float]":
    """1 for an approval, 0 for a refusal, NaN where neither column says; the status goes first."""
    choices = [
        (column.isin(words), answer)
        for column in (status, outcome)
        for words, answer in ((rules.approved, 1.0), (rules.refused, 0.0))
    ]
    said = np.select([said for said, _ in choices], [answer for _, answer in choices], np.nan)
    return pd.Series(said, status.index)


AUTONOMY = Topic(
    name="autonomy",
    table="agentic_spine_logs",
    columns=("decision_type", "confidence", "actor", "status", "outcome"),
    described=("decision_context", "impact", "extra"),
    observe=observe,
)

"""Healing: how often attempts succeed, by severity, error type and fix type.

Pending attempts have no outcome yet, cancelled ones never will: neither is in a success rate.
"""

import numpy as np
import pandas as pd

from grace.analysis.merging import Merged
from grace.analysis.rates import Rate, Record
from grace.analysis.rows import Topic, is_of_grace, labelled
from grace.analysis.rules import Rules, word
from grace.analysis.tally import Hours
from grace.analysis.tallying import joined, tallies

__all__ = ["HEALING", "Healing", "report_healing"]

PARTS = ("severity", "error_type", "fix_type")


class Healing(Record):
    """`attempts` are all of them; `approval` is of those that needed one and have an answer."""

    attempts: int
    success: Rate
    by_severity: dict[str, Rate]
    by_error_type: dict[str, Rate]
    by_fix_type: dict[str, Rate]
    approval: Rate


def report_healing(found: Merged) -> Healing:
    success = found.rate("healing.success")
    return Healing(
        attempts=success.n + success.open + success.neither,
        success=success,
        by_severity=found.rates("healing.severity"),
        by_error_type=found.rates("healing.error_type"),
        by_fix_type=found.rates("healing.fix_type"),
        approval=found.rate("healing.approval"),
    )


def observe(rows: pd.DataFrame, rules: Rules) -> Hours:
    rows = rows[~is_of_grace(rows)]
    success, status = rows["success"].astype("float64"), rows["status"].map(word)
    apart = status.isin(rules.cancelled).map({True: "neither", False: "open"})
    return joined(
        tallies(rows, "healing.success", success, apart=apart),
        *(
            tallies(rows, f"healing.{name}", success, apart=apart, part=labelled(rows[name]))
            for name in PARTS
        ),
        _approval(rows, status.isin(rules.refused)),
    )


def _approval(rows: pd.DataFrame, refused: "pd.Series[bool]") -> Hours:
    """An attempt that needs approval has it once somebody is named, unless it was refused."""
    needing = rows["requires_approval"].astype("float64").eq(1.0)
    approved = rows["approved_by"].notna() & ~refused
    answer = pd.Series(np.where(approved, 1.0, 0.0), rows.index).where(approved | refused)
    return tallies(rows[needing], "healing.approval", answer[needing], apart="open")


HEALING = Topic(
    name="healing",
    table="healing_attempts",
    columns=(*PARTS, "status", "success", "requires_approval", "approved_by"),
    described=("metadata", "extra"),
    observe=observe,
)

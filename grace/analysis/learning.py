"""Learning: stated confidence, how often predictions came true, and whether one fits the other.

A row's *confidence* is what it states for its recommendation, else for its pattern, else for its
prediction. What an outcome is held against is the likelihood that was predicted, else that same
confidence. Patterns are counted whoever taught them: the library is Grace's own.
"""

import numpy as np
import pandas as pd

from grace.analysis.calibration import BINS, Calibration, report_calibration
from grace.analysis.merging import Merged
from grace.analysis.rates import Mean, Rate, Record
from grace.analysis.rows import Topic, is_of_grace, labelled
from grace.analysis.rules import Rules
from grace.analysis.tally import Hours
from grace.analysis.tallying import count_rows, joined, tallies, usable
from grace.store.append import OWN_SOURCES

__all__ = ["LEARNING", "Learning", "report_learning"]

CONFIDENCE = ("recommendation_confidence", "pattern_confidence", "predicted_likelihood")
LIKELIHOOD = ("predicted_likelihood", "recommendation_confidence", "pattern_confidence")


class Learning(Record):
    """`patterns_learned` were first seen within the window, `patterns` before its end."""

    rows: int
    by_type: dict[str, int]
    confidence: Mean
    predictions: int
    accuracy: Rate
    calibration: Calibration
    pattern_updates: int
    patterns_learned: int
    patterns: int


def report_learning(found: Merged, *, learned: int, patterns: int) -> Learning:
    accuracy = found.rate("learning.accuracy")
    return Learning(
        rows=found.count("learning.rows"),
        by_type=found.part_counts("learning.type"),
        confidence=found.mean("learning.confidence", "logit"),
        predictions=accuracy.n + accuracy.open,
        accuracy=accuracy,
        calibration=report_calibration(found),
        pattern_updates=found.count("learning.updates"),
        patterns_learned=learned,
        patterns=patterns,
    )


def observe(rows: pd.DataFrame, rules: Rules) -> Hours:
    updates = rows[rows["learning_type"].eq("pattern_update").fillna(False)]
    rows = rows[~is_of_grace(rows) & ~rows["source"].isin(OWN_SOURCES)]
    confidence, unusable = usable(_first(rows, CONFIDENCE), 0.0, 1.0)
    predictions = rows[rows["learning_type"].eq("prediction").fillna(False)]
    return joined(
        count_rows(updates, "learning.updates"),
        count_rows(rows, "learning.rows"),
        count_rows(rows, "learning.type", part=labelled(rows["learning_type"])),
        tallies(rows, "learning.confidence", confidence, apart=unusable),
        _judged(predictions),
    )


def _judged(rows: pd.DataFrame) -> Hours:
    """Predictions against what came true; those without an outcome are open."""
    correct = rows["prediction_correct"].astype("float64")
    stated, unusable = usable(_first(rows, LIKELIHOOD), 0.0, 1.0)
    unusable = unusable.where(unusable.notna() | stated.notna(), "not stated")
    stated, unusable = stated.where(correct.notna()), unusable.where(correct.notna())
    bins = pd.Series(np.minimum(stated * BINS, BINS - 1) // 1, rows.index)
    bins = bins.map("{:.0f}".format, na_action="ignore").astype(object)
    observed = correct.where(stated.notna())
    return joined(
        tallies(rows, "learning.accuracy", correct, apart="open"),
        tallies(rows, "learning.brier", (stated - observed) ** 2, apart=unusable),
        tallies(rows, "learning.gap", stated - observed),
        tallies(rows, "learning.excess", (stated - observed) * (2 * stated - 1)),
        tallies(rows, "learning.stated", stated, part=bins),
        tallies(rows, "learning.observed", observed, part=bins),
    )


def _first(rows: pd.DataFrame, columns: tuple[str, ...]) -> "pd.Series[float]":
    found = rows[columns[0]].astype("float64")
    for name in columns[1:]:
        found = found.where(found.notna(), rows[name].astype("float64"))
    return found


LEARNING = Topic(
    name="learning",
    table="ml_learning_logs",
    columns=("learning_type", "prediction_correct", *CONFIDENCE),
    described=("data_sources", "extra"),
    observe=observe,
)

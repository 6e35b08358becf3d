"""What models said of themselves, read from `ml_learning_logs`: stated confidence, and its gap.

What a row states is what the analysis takes it to state (`grace.analysis.learning`). A *gap* is the
stated confidence of a prediction less whether it came true, in [-1, 1]: above 0 more was stated
than came true. Its mean is calibration in the large: of predictions stated at p a share p comes
true in the long run (Dawid, The well-calibrated Bayesian, JASA 77:605, 1982).
"""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from grace.analysis.learning import CONFIDENCE, LIKELIHOOD
from grace.analysis.rows import is_of_grace, told_in
from grace.measurement.blocks import Unit
from grace.opportunities.grouping import units_of
from grace.store.append import OWN_SOURCES

__all__ = ["UNNAMED", "ModelLog", "model_logs"]

UNNAMED = "unnamed"
OWN = ("pattern:", "rule:")


@dataclass(frozen=True)
class ModelLog:
    """One model's units, each in the order of their ends: means of confidence and of gap.

    The name is *subsystem/model type*, as far as the rows tell them.
    """

    name: str
    confidences: tuple[Unit, ...]
    gaps: tuple[Unit, ...]


def model_logs(frame: pd.DataFrame, now: datetime) -> list[ModelLog]:
    """Every model that stated a confidence, by name.

    `frame` holds newest revisions of `ml_learning_logs`. A unit is the flow run that `data_sources`
    or `extra` names, else the hour, which counts once it is over. Grace's own patterns and rules
    are no model's, and a confidence outside 0 to 1 is none.
    """
    described = frame.assign(about=told_in(frame[["data_sources", "extra"]]))
    rows = described[described["timestamp"].notna() & ~_is_of_grace(described)]
    stated = _table(rows)
    names = sorted(stated.loc[stated["confidence"].notna(), "model"].unique())
    return [_model_log(str(name), stated[stated["model"] == name], now) for name in names]


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row each: model, flow run if named, time, confidence, gap; NaN where not stated."""
    correct = rows["prediction_correct"].astype("float64")
    correct = correct.where(rows["learning_type"].eq("prediction").fillna(False))
    return pd.DataFrame(
        {
            "model": _names(rows),
            "flow_run": pd.Series(list(map(_flow_run, rows["about"])), rows.index, dtype=object),
            "at": rows["timestamp"],
            "ended": rows["timestamp"],
            "confidence": _stated(rows, CONFIDENCE),
            "gap": _stated(rows, LIKELIHOOD) - correct,
        }
    )


def _model_log(name: str, rows: pd.DataFrame, now: datetime) -> ModelLog:
    return ModelLog(name, *(_units(rows, column, now) for column in ("confidence", "gap")))


def _units(rows: pd.DataFrame, column: str, now: datetime) -> tuple[Unit, ...]:
    stated = rows[rows[column].notna()].rename(columns={column: "value"})
    return tuple(units_of(stated, now)) if len(stated) else ()


def _stated(rows: pd.DataFrame, columns: tuple[str, ...]) -> "pd.Series[float]":
    """The first of the columns that is there, where it lies within 0 to 1."""
    found = rows[columns[0]].astype("float64")
    for name in columns[1:]:
        found = found.where(found.notna(), rows[name].astype("float64"))
    return found.where(found.between(0, 1))


def _names(rows: pd.DataFrame) -> list[str]:
    parts = zip(rows["subsystem"], rows["model_type"], strict=True)
    return [
        "/".join(part for part in each if isinstance(part, str) and part) or UNNAMED
        for each in parts
    ]


def _is_of_grace(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Its patterns and rules have ids of their own, also where every row is of one source."""
    own = rows["source"].isin(OWN_SOURCES) & rows["learning_id"].str.startswith(OWN)
    return is_of_grace(rows) | own


def _flow_run(about: dict[str, object]) -> str | None:
    named = about.get("flow_run")
    return named if isinstance(named, str) else None

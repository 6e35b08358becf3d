"""How flow runs ended, whatever is measured of them: what a guardrail looks at."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

__all__ = ["Outcome", "outcomes", "usual"]


@dataclass(frozen=True)
class Outcome:
    """`seconds` is how long it ran, `failed` 1 where it failed, else 0; None is *not known*."""

    seconds: float | None
    failed: float | None


def outcomes(frame: pd.DataFrame) -> Mapping[str, Outcome]:
    """By process id, of the flow runs that ended; cancelled ones count neither way."""
    is_over = (frame["process_type"] == "flow_run") & frame["completed_at"].notna()
    ended = frame[is_over & frame["success"].notna()]
    return {
        str(run): Outcome(None if pd.isna(seconds) else float(seconds), float(not success))
        for run, seconds, success in zip(
            ended["process_id"], ended["execution_time_seconds"], ended["success"], strict=True
        )
    }


def usual(frame: pd.DataFrame, ids: Collection[str]) -> Outcome:
    """Mean time and share of failures of these flow runs."""
    found = [each for run, each in outcomes(frame).items() if run in set(ids)]
    seconds = [each.seconds for each in found if each.seconds is not None]
    failed = [each.failed for each in found if each.failed is not None]
    return Outcome(fmean(seconds) if seconds else None, fmean(failed) if failed else None)

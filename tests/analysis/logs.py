"""Random logs: rows of four tables around a moment that is awkward for clocks, and revisions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MOMENTS = {
    "midnight": datetime(2026, 6, 10, 0, 0, tzinfo=UTC),
    "month end": datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC),
    "local midnight": datetime(2026, 1, 1, 0, 0, tzinfo=BERLIN),
    "clocks go forward": datetime(2026, 3, 29, 1, 59, 59, tzinfo=BERLIN),
    "an hour that is not there": datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN),
    "clocks go back": datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0),
    "the same hour again": datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    "clocks go back in the west": datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1),
}

Entry = tuple[str, dict[str, Any], datetime]

_NEAR = st.one_of(
    st.integers(-400, 400).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from([timedelta(microseconds=us) for us in (-1, 0, 1)]),
)
_SHARE = st.one_of(
    st.none(), st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0, 1.5]), st.floats(0, 1)
)
_SECONDS = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 2.5]), st.floats(1e-6, 1e5), st.just(float("inf"))
)
_TRUTH = st.sampled_from([True, False, None])
_KEY = st.integers(0, 11).map("key-{}".format)
_FLOW_RUN = st.sampled_from([None, "run-1", "run-2", "run-3"])
_SOURCE = st.sampled_from(["logger", "logger", "logger", "grace"])
_ABOUT = st.one_of(
    st.none(), st.just([1]), st.fixed_dictionaries({"flow_run": _FLOW_RUN, "page": st.just(7)})
)
_STATUS = st.sampled_from(
    [None, "Completed", "failed", "pending", " Executed ", "rejected", "approved", "started", "x"]
)


def _words(*words: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, "", *words])


HEALING = {
    "attempt_id": _KEY,
    "error_type": _words("TimeoutError", "ValueError"),
    "fix_type": _words("retry", "restart"),
    "severity": _words("low", "high"),
    "status": st.sampled_from([None, "pending", "Cancelled", "failed", "rejected"]),
    "success": _TRUTH,
    "requires_approval": _TRUTH,
    "approved_by": st.sampled_from([None, "anna"]),
    "metadata": _ABOUT,
    "source": _SOURCE,
}
DECISIONS = {
    "log_id": _KEY,
    "decision_type": _words("automation", "scale"),
    "status": _STATUS,
    "outcome": _STATUS,
    "confidence": _SHARE,
    "actor": st.sampled_from([None, "agent", "grace"]),
    "decision_context": _ABOUT,
    "source": _SOURCE,
}
LEARNING = {
    "learning_id": _KEY,
    "learning_type": _words("pattern_update", "prediction", "prediction", "model_training"),
    "pattern_name": _words("p1", "p2", "p3"),
    "pattern_confidence": _SHARE,
    "predicted_likelihood": _SHARE,
    "prediction_correct": _TRUTH,
    "recommendation_confidence": _SHARE,
    "data_sources": _ABOUT,
    "source": _SOURCE,
}
PROCESSES = {
    "process_id": _KEY,
    "process_type": _words("flow_run", "task_run", "task_run", "agent"),
    "task_name": _words("fetch", "store"),
    "task_payload": st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {
                "deployment": _words("flow/one", "flow/two"),
                "tags": st.sampled_from([[], ["grace"], ["sample"]]),
            }
        ),
    ),
    "parent_process": _FLOW_RUN,
    "wait_time_seconds": _SECONDS,
    "execution_time_seconds": _SECONDS,
    "success": _TRUTH,
    "source": _SOURCE,
}
TABLES = {
    "healing_attempts": (HEALING, "attempted_at"),
    "agentic_spine_logs": (DECISIONS, "timestamp"),
    "ml_learning_logs": (LEARNING, "timestamp"),
    "parallel_process_logs": (PROCESSES, "timestamp"),
}


@st.composite
def entries(draw: st.DrawFn, moment: datetime) -> tuple[str, dict[str, Any]]:
    """A row of some table, its times given in the zone of the moment."""
    table = draw(st.sampled_from(sorted(TABLES)))
    columns, time = TABLES[table]
    row = {name: draw(values) for name, values in columns.items()}
    row[time] = draw(st.one_of(st.none(), _NEAR.map(lambda delta: near(moment, delta))))
    if table == "parallel_process_logs":
        row["completed_at"] = draw(st.sampled_from([None, moment]))
    return table, row


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Entry], datetime, datetime]:
    """Rows in the order of logging, and a window about their middle."""
    moment = draw(st.sampled_from(sorted(MOMENTS.values())))
    recorded = draw(st.lists(_NEAR.map(lambda delta: near(moment, delta)), max_size=5))
    rows = [
        (table, row, at)
        for at in recorded
        for table, row in draw(st.lists(entries(moment), max_size=20))
    ]
    since = near(moment, draw(_NEAR))
    return rows, since, near(since, draw(st.integers(1, 700).map(lambda m: timedelta(minutes=m))))


def near(moment: datetime, delta: timedelta) -> datetime:
    """That much time later, in the zone of the moment; not the same wall clock that much on."""
    return (moment.astimezone(UTC) + delta).astimezone(moment.tzinfo)

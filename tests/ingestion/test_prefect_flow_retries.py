"""Which attempts of a flow run the history of its states tells of."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.ingestion.prefect_flow_retries import StateChange, flow_retry_rows
from grace.ingestion.prefect_records import FlowRun
from grace.ingestion.prefect_runs import Home
from grace.store.schema import LOGS

BEGIN = datetime(2026, 11, 23, 2, tzinfo=UTC)
RUN = FlowRun(id="the-run", name="made", flow_id="f")
HOME = Home("fetch", "fetch/nightly")
BOOM = "Flow run encountered an exception: ConnectionError: boom"


def rows(*states: str) -> list[dict[str, object]]:
    """Of states a minute apart, each written `TYPE` or `TYPE:name` or `TYPE:name:message`."""
    made = []
    for minute, written in enumerate(states):
        kind, name, message = [*written.split(":", 2), "", ""][:3]
        at = BEGIN + timedelta(minutes=minute)
        made.append(
            StateChange(type=kind, name=name or kind.title(), timestamp=at, message=message or None)
        )
    return flow_retry_rows(RUN, HOME, made[::-1])


def test_a_retry_names_the_error_of_the_attempt_before_it() -> None:
    (row,) = rows("PENDING", "RUNNING", f"SCHEDULED:AwaitingRetry:{BOOM}", "RUNNING", "COMPLETED")
    assert row["attempt_id"] == "the-run:2"
    assert (row["error_message"], row["error_type"]) == (BOOM, "ConnectionError")
    assert (row["success"], row["status"], row["failure_reason"]) == (True, "Completed", None)
    times = [row[name] for name in ("attempted_at", "applied_at", "verified_at")]
    assert times == [BEGIN + timedelta(minutes=minute) for minute in (2, 3, 4)]
    assert row["metadata"]["deployment"] == row["metadata"]["task"] == "fetch/nightly"
    assert row.keys() <= {*LOGS["healing_attempts"].payload, "metadata"}


def test_three_attempts_are_two_retries_each_with_its_own_failure() -> None:
    again = "SCHEDULED:AwaitingRetry:"
    second, third = rows(
        "RUNNING", f"{again}first", "RUNNING", f"{again}second", "RUNNING", "FAILED::third"
    )
    assert [second["error_message"], third["error_message"]] == ["first", "second"]
    assert [second["failure_reason"], third["failure_reason"]] == ["second", "third"]
    assert [second["success"], third["success"]] == [False, False]


@pytest.mark.parametrize(
    "states",
    [
        ("RUNNING", "PAUSED", "RUNNING", "COMPLETED"),
        ("RUNNING", "PAUSED:Suspended", "SCHEDULED:Resuming", "RUNNING", "COMPLETED"),
        ("RUNNING", "FAILED"),
        ("CANCELLED",),
        ("RUNNING", "SCHEDULED:AwaitingRetry:x", "CANCELLED"),
    ],
)
def test_a_run_that_went_on_or_was_not_tried_again_has_no_retry(states: tuple[str, ...]) -> None:
    assert rows(*states) == []


def test_a_pause_within_a_retry_does_not_end_it() -> None:
    (row,) = rows(
        "RUNNING", "SCHEDULED:AwaitingRetry:x", "RUNNING", "PAUSED", "RUNNING", "FAILED::y"
    )
    assert (row["attempt_id"], row["failure_reason"]) == ("the-run:2", "y")


def test_a_retry_asked_for_after_the_end_answers_the_failure_that_ended_the_run() -> None:
    (row,) = rows("RUNNING", "FAILED::over", "SCHEDULED:AwaitingRetry", "RUNNING", "COMPLETED")
    assert (row["error_message"], row["success"]) == ("over", True)


def test_a_flow_that_failed_without_a_message_was_retried_all_the_same() -> None:
    (row,) = rows("RUNNING", "SCHEDULED:AwaitingRetry", "RUNNING", "CANCELLED")
    assert (row["error_message"], row["success"]) == (None, None)


def test_an_attempt_under_way_is_no_row_yet() -> None:
    assert rows("RUNNING", "SCHEDULED:AwaitingRetry:x", "RUNNING") == []

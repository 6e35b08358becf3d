"""Flows that do nothing: what a run of any kind costs, and how soon any answer is taken up."""

from typing import Literal

from prefect import flow
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

__all__ = ["empty", "waiting"]


class Form(RunInput):
    """As many fields as Grace's own."""

    answer: Literal["approve", "reject"]
    reviewer: str = Field(min_length=1)
    reason: str = Field(min_length=1)


@flow(name="empty", retries=0)
def empty() -> None:
    pass


@flow(name="waiting", retries=0)
def waiting() -> None:
    """Ends as soon as somebody answers."""
    suspend_flow_run(wait_for_input=Form, key="answer", timeout=None)

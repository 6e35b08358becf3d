"""Telling people that a proposal waits, through a notification block of Prefect."""

import inspect

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.logging import get_logger
from prefect.utilities.asyncutils import run_coro_as_sync

from grace.errors import BadInput
from grace.governance.register import Entry
from grace.settings import Settings
from tasks.runs import run_link

__all__ = ["tell_waiting"]


def tell_waiting(settings: Settings, entry: Entry, run_id: str) -> None:
    """Say that a proposal waits, with the link to its run.

    A notice that cannot be sent is logged: the proposal waits in the UI all the same.
    """
    text = f"{entry.proposal.title}\n\nA proposal waits for an answer: {run_link(run_id)}"
    logger = get_logger("grace")
    logger.info("%s", text.replace("\n\n", ". "))
    if settings.notify_block is None:
        return
    try:
        block = _notification_block(settings.notify_block)
        sending: object = block.notify(text, subject="Grace: a proposal waits")
        if inspect.iscoroutine(sending):  # some blocks are synchronous only where no loop runs
            run_coro_as_sync(sending)
    except (OSError, RuntimeError, ValueError, BadInput) as problem:
        logger.error("the notice through %s was not sent: %s", settings.notify_block, problem)


def _notification_block(slug: str) -> NotificationBlock:
    block = Block.load(slug)
    if not isinstance(block, NotificationBlock):
        raise BadInput(f"GRACE_NOTIFY_BLOCK: {slug} is no notification block")
    return block

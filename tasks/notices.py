"""Telling people what they should know at once, through a notification block of Prefect."""

import inspect

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.logging import get_logger
from prefect.utilities.asyncutils import run_coro_as_sync

from grace.errors import BadInput
from grace.governance.register import Entry
from grace.settings import Settings
from tasks.runs import run_link

__all__ = ["notify", "tell", "tell_waiting"]


def tell_waiting(settings: Settings, entry: Entry, run_id: str) -> None:
    """Say that a proposal waits for an answer, with the link to its run."""
    _send(settings, "a proposal waits", entry, "A proposal waits for an answer", run_id)


def tell(settings: Settings, entry: Entry, what: str, why: str = "") -> None:
    """Say what became of a proposal, as in *a change was undone*, with the link to its run."""
    _send(settings, what, entry, why or what.capitalize(), entry.run_id)


def _send(settings: Settings, what: str, entry: Entry, told: str, run_id: str | None) -> None:
    text = f"{entry.proposal.title}\n\n{told}" + (f": {run_link(run_id)}" if run_id else "")
    notify(settings, what, text)


def notify(settings: Settings, what: str, text: str) -> None:
    """A notice that cannot be sent is logged: what it tells stands in the log all the same."""
    logger = get_logger("grace")
    logger.info("%s", text.replace("\n\n", ". "))
    if settings.notify_block is None:
        return
    try:
        block = _notification_block(settings.notify_block)
        sending: object = block.notify(text, subject=f"Grace: {what}")
        if inspect.iscoroutine(sending):  # some blocks are synchronous only where no loop runs
            run_coro_as_sync(sending)
    except (OSError, RuntimeError, ValueError, BadInput) as problem:
        logger.error("the notice through %s was not sent: %s", settings.notify_block, problem)


def _notification_block(slug: str) -> NotificationBlock:
    block = Block.load(slug)
    if not isinstance(block, NotificationBlock):
        raise BadInput(f"GRACE_NOTIFY_BLOCK: {slug} is no notification block")
    return block

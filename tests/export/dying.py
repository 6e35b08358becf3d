"""The end of a process at a step that it tells of."""

import os
import signal

from grace.export.sealing import Tell

__all__ = ["dying_at"]


def dying_at(step: str = "") -> Tell:
    """Whoever tells a text that begins so gets SIGKILL; nobody where it is empty."""

    def tell(text: str, share: float) -> None:
        if step and text.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    return tell

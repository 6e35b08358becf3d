"""Prefect's server behind the sign-in, with its pages kept to it and its garbage off the loop.

A cursor of SQLite that is collected takes the lock of its connection, and that connection's own
thread holds it for as long as it waits to write, up to a minute. By default whichever thread
allocates next collects. Where that was the event loop's, the server stood still, and with it
whoever held the write lock: both until the minute was over (seen on Prefect 3.8.8, Python 3.11 and
SQLite, every three or four minutes under load). A thread of its own may wait for a cursor without
harm.

    python -m grace.installation.prefect_server --no-prompt server start
"""

import gc
import importlib
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from grace.installation.own_page import OwnPage
from grace.installation.sign_in import SignIn
from grace.settings import Settings

__all__ = ["WHOLE_EVERY", "collect_forever", "main"]

# where people reach the page by another address than the server's own
_ADDRESSES = ("PREFECT_UI_URL", "PREFECT_SERVER_UI_API_URL", "PREFECT_UI_API_URL")

YOUNG_SECONDS = 0.5
# of everything: it stops the world for some tenths of a second
WHOLE_EVERY = 120


def collect_forever(sleep: Callable[[float], object], collect: Callable[[int], object]) -> None:
    """`collect` takes the oldest generation that is to be collected."""
    for number in range(1, sys.maxsize):
        sleep(YOUNG_SECONDS)
        collect(2 if number % WHOLE_EVERY == 0 else 1)


def _guard_pages() -> None:
    """The app that is served comes behind the sign-in, and its pages talk to nobody else.

    What the server asks itself does not come this way.
    """
    server: Any = importlib.import_module("prefect.server.api.server")
    create, settings = server.create_app, Settings()
    addresses = tuple(os.environ.get(name, "") for name in _ADDRESSES)
    reached = (*addresses, os.environ.get("PREFECT_API_URL", ""))

    def create_app(*arguments: Any, final: bool = False, **named: Any) -> Any:
        app = create(*arguments, final=final, **named)
        return OwnPage(SignIn(app, settings, addresses), reached) if final else app

    server.create_app = create_app


def main() -> None:
    _guard_pages()
    gc.disable()
    collecting = threading.Thread(
        target=collect_forever, args=(time.sleep, gc.collect), name="collector", daemon=True
    )
    collecting.start()
    sys.argv[0] = "prefect"
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""The sample workload: a page refresh whose tasks contend for one tag limit."""

import os

from prefect import flow, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from tasks.sample import fetch_page, summarise

__all__ = ["page_refresh"]

SERVICE = "http://127.0.0.1:4299"


@flow(name="page-refresh", task_runner=ThreadPoolTaskRunner(max_workers=20))  # type: ignore[arg-type]
def page_refresh(pages: int = 20, service: str | None = None) -> State[str]:
    """Fetches every page once, as many at a time as the tag limit `sample-pages` allows.

    `service` is the address of the page service; left empty, `GRACE_SAMPLE_SERVICE` says it.
    """
    service = service or os.environ.get("GRACE_SAMPLE_SERVICE", SERVICE)
    fetches = fetch_page.map(list(range(1, pages + 1)), service=unmapped(service))
    fetches.wait()
    sizes = [fetch.result() if fetch.state.is_completed() else None for fetch in fetches]
    return Completed(message=summarise(sizes))

"""The sample workload: a page refresh whose tasks contend for one tag limit."""

from prefect import flow, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from tasks.sample import fetch_page, page_service, summarise

__all__ = ["page_refresh"]


@flow(name="page-refresh", task_runner=ThreadPoolTaskRunner(max_workers=32))  # type: ignore[arg-type]
def page_refresh(pages: int = 18, service: str | None = None) -> State[str]:
    """Fetches every page once, as many at a time as the tag limit `sample-pages` allows.

    `service` is the address of the page service; left empty, the one that `grace up` started.
    """
    address = service or page_service()
    fetches = fetch_page.map(list(range(1, pages + 1)), service=unmapped(address))
    fetches.wait()
    sizes = [fetch.result() if fetch.state.is_completed() else None for fetch in fetches]
    return Completed(message=summarise(sizes))

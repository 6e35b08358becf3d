"""What the sample workload does: fetch pages from a service of limited capacity."""

import httpx
from prefect import task

from grace.errors import Unreachable
from grace.installation import read_installation
from grace.prefect import retry_by_rule
from grace.settings import Settings

__all__ = ["fetch_page", "page_service", "summarise"]

TIMEOUT_SECONDS = 30


def page_service() -> str:
    """The address of the sample service of this installation.

    Raises:
        Unreachable: none was started.
    """
    installation = read_installation(Settings())
    if installation is None or installation.service_url is None:
        raise Unreachable("no page service is running: start it with `grace up --sample`")
    return installation.service_url


@task(
    tags={"sample-pages"},
    task_run_name="page-{number}",
    retries=2,
    retry_delay_seconds=0.5,
    retry_condition_fn=retry_by_rule,
    persist_result=False,
)
def fetch_page(number: int, service: str) -> int:
    """Size in bytes of one page. Nothing that fails is tried again but by an approved rule."""
    # a local service is never behind the proxy of the environment
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        response = client.get(f"{service}/pages/{number}")
    return len(response.raise_for_status().content)


@task(persist_result=False)
def summarise(sizes: list[int | None]) -> str:
    """What arrived, in a line; a refresh that misses half of its pages is none.

    Raises:
        RuntimeError: fewer than half of the pages were fetched.
    """
    fetched = [size for size in sizes if size is not None]
    line = f"{len(fetched)} of {len(sizes)} pages, {sum(fetched)} bytes"
    if 2 * len(fetched) < len(sizes):
        raise RuntimeError(f"only {line}: is the page service running?")
    return line

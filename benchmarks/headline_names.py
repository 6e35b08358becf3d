"""What the headline's workload is called, for those who must not import Prefect yet."""

__all__ = ["PAGES", "TARGET", "labelled", "sweep_name"]

TARGET = "tag:sample-pages"
PAGES = 18
PREFIX = "sweep"


def sweep_name(limit: int, number: int) -> str:
    """The name of the flow run that was the `number`-th of a sweep, under this limit."""
    return f"{PREFIX}-{number}-limit-{limit}"


def labelled(name: str) -> int | None:
    """The limit under which a sweep's flow run was made; None for every other run."""
    words = name.split("-")
    return int(words[3]) if words[0] == PREFIX and len(words) == 4 else None

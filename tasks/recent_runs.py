"""The runs that a search looks at, read once for all of a cycle's searches."""

from datetime import datetime
from functools import lru_cache

import pandas as pd
import sqlalchemy as sa

from grace.recent.reading import recent
from grace.store import Store, open_store
from grace.store.schema import ledger_head
from tasks.search import Search

__all__ = ["RUNS", "runs_of"]

RUNS = "parallel_process_logs"


def runs_of(search: Search) -> pd.DataFrame:
    """Newest revisions since the search's beginning; shared between searches: leave it as it is."""
    return _read(search.settings.url, search.since, search.now, _size(search.store))


@lru_cache(maxsize=1)
def _read(url: str, since: datetime, now: datetime, size: int) -> pd.DataFrame:
    """`size` is the ledger's: what was logged since makes it another frame."""
    return recent(open_store(url), RUNS, since, now)


def _size(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(sa.select(ledger_head.c.size)).scalar_one())

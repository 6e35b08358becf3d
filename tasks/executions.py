"""The governed system's decisions as the log holds them, and what is known beside them."""

from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from grace.analysis.rules import load_rules
from grace.governance.policy import Policy
from grace.opportunities import improve_execution
from grace.opportunities.earning import decided
from grace.opportunities.improve_execution import Beside
from grace.store import Store
from grace.store.read import newest

if TYPE_CHECKING:  # it is drawn up from what this file loads
    from tasks.search import Search

__all__ = ["beside", "decided_of", "decisions_since"]


def decisions_since(store: Store, policy: Policy, since: datetime) -> pd.DataFrame:
    """Those that are not open, as `grace.opportunities.earning.decided` makes them."""
    return decided_of(newest(store, "agentic_spine_logs", since=since), policy)


def decided_of(rows: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Those of these rows of `agentic_spine_logs`."""
    return decided(rows, load_rules(), policy.earning)


def beside(search: "Search") -> Beside:
    def is_free(target: str) -> bool:
        return search.standing(improve_execution.KIND, target) is None

    lever = search.desk.lever(improve_execution.LEVER)
    return Beside(search.policy, lever.read, is_free, search.now)

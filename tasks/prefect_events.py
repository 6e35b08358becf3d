"""Paged reads of Prefect's events, oldest first.

The server answers at most 50 events a page and pages on by offset, which loses events when its
retention deletes others meanwhile. So each page begins at the time where the last one ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from prefect.client.orchestration import SyncPrefectClient

from grace.ingestion.prefect_automations import Event
from tasks.prefect_api import Window

__all__ = ["EventHistory"]

PAGE = 50  # the most that the server gives
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class EventHistory:
    client: SyncPrefectClient

    def pages(self, names: Sequence[str], window: Window) -> Iterator[list[Event]]:
        """Every event of these names in the window; those at the edge of a page come twice."""
        since = window.after
        while since <= window.until:
            page, token = self._first(names, Window(since, window.until))
            yield page
            if len(page) < PAGE:
                return
            last = page[-1].occurred
            if last == since:  # a whole page of one instant
                _, token = self._first(names, Window(since, since))
                while token:
                    page, token = self._next(token)
                    yield page
                last += MICROSECOND
            since = last

    def _first(self, names: Sequence[str], window: Window) -> tuple[list[Event], str | None]:
        occurred = {"since": window.after.isoformat(), "until": window.until.isoformat()}
        wanted = {"event": {"name": list(names)}, "occurred": occurred, "order": "ASC"}
        body = {"filter": wanted, "limit": PAGE}
        return _page(self.client.request("POST", "/events/filter", json=body).json())

    def _next(self, token: str) -> tuple[list[Event], str | None]:
        params = {"page-token": token}
        return _page(self.client.request("GET", "/events/filter/next", params=params).json())


def _page(answer: dict[str, object]) -> tuple[list[Event], str | None]:
    """Of the next page's address only the token: its host is how the server calls itself."""
    events = [Event.model_validate(event) for event in cast(list[object], answer["events"])]
    _, _, token = str(answer["next_page"] or "").partition("page-token=")
    return events, token or None

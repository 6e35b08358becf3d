"""Another time for a schedule: later by an offset, or denser; values as the lever reads them."""

from datetime import datetime, timedelta

from pydantic import JsonValue

__all__ = ["denser", "shifted"]

MINUTE, HOUR_MINUTES = 60, 60
# each run of a schedule costs a process: what fires more often should be a loop in one run
LEAST_SECONDS = 60.0


def shifted(value: JsonValue, seconds: float) -> JsonValue:
    """The same rhythm later by so many seconds, a cron rule by whole minutes; None where unknown.

    A cron rule is moved where its minute is a number in every hour, or `*/N`.
    """
    if not isinstance(value, dict):
        return None
    interval, anchor, cron = (value.get(key) for key in ("interval_seconds", "anchor", "cron"))
    if isinstance(interval, int | float) and isinstance(anchor, str):
        moved = datetime.fromisoformat(anchor) + timedelta(seconds=seconds)
        return {**value, "anchor": moved.isoformat().replace("+00:00", "Z")}
    if isinstance(cron, str):
        told = _cron_shifted(cron, max(1, round(seconds / MINUTE)))
        return {**value, "cron": told} if told else None
    return None


def denser(value: JsonValue, factor: float) -> JsonValue:
    """So many times as often, at most once a minute; None where it cannot be, or already is."""
    if not isinstance(value, dict) or value.get("active") is False:
        return None
    interval, cron = value.get("interval_seconds"), value.get("cron")
    if isinstance(interval, int | float):
        wanted = float(max(LEAST_SECONDS, interval / factor // 1))
        return {**value, "interval_seconds": int(wanted)} if wanted < interval else None
    if isinstance(cron, str):
        told = _cron_denser(cron, factor)
        return {**value, "cron": told} if told else None
    return None


def _cron_shifted(cron: str, minutes: int) -> str | None:
    minute, _, rest = cron.partition(" ")
    if minute.isdecimal() and rest.startswith("* "):
        return f"{(int(minute) + minutes) % HOUR_MINUTES} {rest}"
    every = _every(minute)
    if every is not None and minutes % every:
        return f"{minutes % every}-59/{every} {rest}"
    return None


def _cron_denser(cron: str, factor: float) -> str | None:
    minute, _, rest = cron.partition(" ")
    every = HOUR_MINUTES if minute.isdecimal() and rest.startswith("* ") else _every(minute)
    if every is None or every <= 1:
        return None
    # of the numbers of minutes that divide the hour evenly the longest that is short enough
    even = [each for each in range(1, every) if HOUR_MINUTES % each == 0]
    wanted = max((each for each in even if each <= every / factor), default=1)
    return f"*/{wanted} {rest}"


def _every(minute: str) -> int | None:
    step = minute.removeprefix("*/")
    return int(step) if step != minute and step.isdecimal() and int(step) > 0 else None

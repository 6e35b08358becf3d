"""A review as a page in the Prefect UI, and as a notice of a few lines."""

from collections.abc import Iterator

from grace.analysis.wording import percent
from grace.goals.metrics import metric_named
from grace.goals.shortfall import Part, shortfall_table
from grace.markdown import plain
from grace.opportunities.page import findings_table
from grace.reviews.review import Review

__all__ = ["notice", "review_page"]

NO_PARTS = "The log does not break this figure down, so nothing is said of where the gap lies."
NO_ENGINE = "No engine has a lever for this figure: it is for people to act on."


def review_page(made: Review, chart: str | None, engine_run: str | None) -> str:
    """In markdown; `chart` is an image, `engine_run` the address of the run that was started."""
    return "\n".join(_parts(made, chart, engine_run))


def notice(made: Review) -> str:
    """What a person should know at once, without markup."""
    lines = [f"{made.goal.title} is off track", _said(made)]
    if lacking := _heaviest(made):
        lines.append(lacking)
    return "\n\n".join(lines)


def _parts(made: Review, chart: str | None, engine_run: str | None) -> Iterator[str]:
    yield f"# Off track: {plain(made.goal.title)}\n\n{plain(_said(made))}{_by_now(made)}\n"
    if chart is not None:
        yield f"![value, target and forecast]({chart})\n"
    yield f"## Where the gap lies\n\n{_gap(made)}"
    yield f"## What is open about it\n\n{_open(made)}"
    started = f" Its engine was [started]({engine_run})." if engine_run else ""
    at = f"{made.made_at:%Y-%m-%d %H:%M} UTC"
    yield f"Made {at} for the event at ledger index {made.event.index}.{started}\n"


def _said(made: Review) -> str:
    payload = made.event.payload
    said = payload.get("explanation") if isinstance(payload, dict) else None
    return said if isinstance(said, str) else made.goal.title


def _by_now(made: Review) -> str:
    if made.standing is None:
        return f" By now the goal has ended: **{made.goal.status}**."
    if made.standing.status == "off_track":
        return ""
    return f" By now it is **{made.standing.status.replace('_', ' ')}**."


def _gap(made: Review) -> str:
    if not made.parts:
        return f"{NO_PARTS}\n"
    table = shortfall_table(list(made.parts), metric_named(made.goal.metric))
    rows = "".join(f"| {' | '.join(map(plain, row))} |\n" for row in table.rows)
    heads = f"| {' | '.join(table.heads)} |\n|{'---|' * len(table.heads)}\n"
    first = f"{plain(found)} " if (found := _heaviest(made)) else ""
    return f"{first}This is arithmetic; what causes it the engines look for.\n\n{heads}{rows}"


def _heaviest(made: Review) -> str:
    first = next(iter(made.parts), None)
    return f"Most of it lies in {_named(first)}." if first and first.lacking else ""


def _named(part: Part) -> str:
    return f"{part.name}: {percent(part.share)} of what is lacking"


def _open(made: Review) -> str:
    if made.engine is None:
        return f"{NO_ENGINE}\n"
    waiting = "".join(
        f"- **{plain(entry.proposal.title)}**: {entry.state.replace('_', ' ')}; "
        f"`grace show {entry.id}`\n"
        for entry in made.proposals
    )
    proposals = waiting or "No proposal is open that would move it.\n"
    blocked = "".join(
        f"- It waits for **{plain(each.goal.title)}**.\n"
        for each in (made.standing.blockers if made.standing else ())
    )
    looked_at = "" if not made.findings else f"\n{findings_table(made.findings)}"
    return f"{proposals}{blocked}{looked_at}"

"""`grace demo`: a week of a simulated system under the real engines, in about half a minute."""

import getpass
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import command, settings
from grace.cli.output import emit, progress
from grace.errors import BadInput, LedgerBroken

if TYPE_CHECKING:
    from grace.demo.report import Report
    from grace.governance.consent import Answer
    from grace.governance.policy import Policy
    from grace.governance.register import Entry
    from grace.settings import Settings
    from grace.store import Store
    from tasks.demo import Ask

__all__ = ["register"]

REVIEWER = "demo"
REASON = "grace demo approves every proposal; nobody has looked at it"
# its jobs run once or twice an hour, so that looking more often would find nothing more
EVERY = timedelta(hours=3)


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    days: Annotated[
        float, typer.Option(min=0.25, max=14, help="How long the simulated time is.")
    ] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another week.")] = 1,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask you about each proposal, at this terminal.")
    ] = False,
    reviewer: Annotated[
        str | None, typer.Option("--as", help="With --ask: your name as a reviewer.")
    ] = None,
) -> None:
    """Let a simulated system run for a week under the real engines, and see what comes of it.

    Needs no server and no configuration. The system's waits and failures follow from its limits and
    rules; what is found, proposed, measured, kept and undone is computed from its log as anywhere
    else. Without --ask every proposal is approved in the name of "demo", and the record says so.

    The log, with a key of its own, is the folder demo/ of the data folder; a former demo's is
    replaced. Every row in it says that its source is the simulator.

    Example: grace demo --days 4 --seed 7
    """
    from grace.demo.folder import begin_anew, demo_settings, open_demo, running_alone
    from grace.demo.report import report
    from tasks.log_access import reachable

    if reviewer is not None and not ask:
        raise BadInput("--as names who answers, which needs --ask")
    name = _reviewer(reviewer) if ask else REVIEWER
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    begin, own = end - _length(days), demo_settings(settings())
    with reachable(), running_alone(own):
        replaced = begin_anew(own, name, {"begin": begin.isoformat(), "days": days, "seed": seed})
        if replaced:
            progress(f"The former demo in {own.log_dir} is replaced.")
        progress(f"{days:g} days of a simulated system, seed {seed}, into {own.log_dir}")
        store = open_demo(own, begin)
        _run(own, store, begin, end, seed, _asking(name, store) if ask else _approving)
        found = report(own, store, begin, end)
    emit(_told(found, seed, str(own.log_dir), replaced), lambda: _page(found))
    if not found.ledger.ok:
        raise LedgerBroken(f"the demo's log does not hold: {found.ledger.reason}")


def _length(days: float) -> timedelta:
    if not math.isfinite(days):
        raise BadInput(f"--days {days}: write a number of days")
    return timedelta(days=days)


def _reviewer(given: str | None) -> str:
    from grace.governance.consent import check_is_reviewer
    from grace.governance.policy import Policy

    name = (given or getpass.getuser()).strip()
    if not name:
        raise BadInput("--as needs a name")
    check_is_reviewer(name, Policy(reviewers=(name,)))
    return name


def _run(
    own: "Settings", store: "Store", begin: datetime, end: datetime, seed: int, ask: "Ask"
) -> None:
    """Prefect is only imported, and leaves what it writes at that in the demo's folder."""
    os.environ.setdefault("PREFECT_HOME", str((own.log_dir / "prefect").absolute()))
    from flows.improvement import KINDS
    from grace.demo.page import day_line
    from grace.demo.report import DAY, day_of
    from tasks.demo import Engine, run_demo
    from tasks.demo_desk import DemoDesk
    from tasks.opportunities import find_waits

    desk = DemoDesk(store, begin, seed)

    def tell_day(number: int) -> None:
        progress(_plain(day_line(day_of(store, number, begin, desk.now()))))
        desk.plan(desk.now() + DAY, lambda: tell_day(number + 1))

    desk.plan(begin + DAY, lambda: tell_day(1))
    run_demo(
        own,
        desk,
        (
            Engine("reduce_wait_time", EVERY, (find_waits,)),
            Engine("proactive_improvement", EVERY, KINDS, learns=True),
        ),
        end,
        ask=ask,
        tell=lambda at, line: progress(_plain(f"{at:%a %H:%M}  {line}")),
    )


def _approving(entry: "Entry", policy: "Policy") -> "Answer":
    from grace.governance.consent import Answer

    return Answer(answer="approve", reviewer=REVIEWER, reason=REASON)


def _asking(reviewer: str, store: "Store") -> "Ask":
    """Shows the brief, and takes the answer from the terminal."""

    def ask(entry: "Entry", policy: "Policy") -> "Answer":
        from rich.console import Console
        from rich.markdown import Markdown

        from grace.brief import brief
        from grace.governance.consent import Answer
        from tasks.record import lines_beside

        beside = lines_beside(store, policy, entry, entry.changed_at)
        Console(stderr=True).print(Markdown(brief(entry, policy, beside)))
        try:
            answer = _typed("Approve or reject", lambda text: text in ("approve", "reject"))
            reason = _typed("Reason", bool)
        except (typer.Abort, EOFError):
            raise BadInput("the demo ended without an answer; it begins anew next time") from None
        return Answer.model_validate({"answer": answer, "reviewer": reviewer, "reason": reason})

    return ask


def _typed(question: str, is_one: Callable[[str], object]) -> str:
    while True:
        text = str(typer.prompt(question, err=True)).strip()
        if is_one(text):
            return text


def _told(found: "Report", seed: int, folder: str, replaced: bool) -> dict[str, object]:
    from grace.cli.proposals import row

    return {
        "folder": folder,
        "seed": seed,
        "replaced": replaced,
        "days": found.days,
        "proposals": [
            row(told.entry)
            | {
                "evidence": told.entry.proposal.evidence,
                "prediction": told.entry.proposal.prediction,
                "decisions": list(told.decisions),
                "actions": list(told.actions),
                "measurement": told.look,
            }
            for told in found.proposals
        ],
        "findings": list(found.findings),
        "ledger": found.ledger,
    }


def _page(found: "Report") -> str:
    from grace.demo.page import page

    return _plain(page(found, f"{command()} --log demo"))


def _plain(text: str) -> str:
    """Names from logs are no markup."""
    from rich.markup import escape

    return escape(text)

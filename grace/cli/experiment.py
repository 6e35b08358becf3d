"""`grace experiment …`: arms of anything that asks `grace.assign` itself."""

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

    from grace.experiments.register import Content, Standing
    from grace.measurement.arms import ArmsLook

__all__ = ["register"]


class Measure(StrEnum):
    FAILURES = "failures"
    TIME = "time"


class Better(StrEnum):
    LOWER = "lower"
    HIGHER = "higher"


METRICS = {Measure.FAILURES: "share of runs that fail", Measure.TIME: "mean execution time"}

Name = Annotated[str, typer.Argument(help="As `grace.assign` is given it.")]
As = Annotated[str, typer.Option("--as", help="Your name.", default_factory=getpass.getuser)]


def register(app: typer.Typer) -> None:
    experiment = typer.Typer(
        no_args_is_help=True, help="Compare two arms of your own code, side by side."
    )
    experiment.command("list")(list_)
    for command in (new, show, stop):
        experiment.command()(command)
    app.add_typer(experiment, name="experiment")


def new(
    name: Name,
    flow: Annotated[
        str, typer.Option(help="Whose runs are compared: FLOW, or FLOW/DEPLOYMENT alone.")
    ],
    smallest_effect: Annotated[
        float,
        typer.Option(help="A smaller difference counts as none; in seconds, or 0.02 for 2 points."),
    ],
    why: Annotated[str, typer.Option("--why", "-w", help="Why; it goes into the record.")],
    by: As,
    measure: Annotated[Measure, typer.Option("--metric", help="What is compared.")] = (
        Measure.FAILURES
    ),
    better: Annotated[Better, typer.Option(help="Which way is an improvement.")] = Better.LOWER,
    share: Annotated[float, typer.Option(help="Of the runs, how many are `after`.")] = 0.5,
    days: Annotated[float, typer.Option(help="The longest it may take.")] = 30,
    look_minutes: Annotated[float, typer.Option(help="From one look to the next.")] = 60,
    most_seconds: Annotated[
        float | None, typer.Option(help="End it where `after` runs take longer than this.")
    ] = None,
    most_failures: Annotated[
        float | None, typer.Option(help="End it where more than this share of `after` runs fail.")
    ] = None,
    same: Annotated[
        bool, typer.Option("--same", help="Both arms do the same: a test of the measuring itself.")
    ] = False,
) -> None:
    """Begin an experiment; all of this is fixed and hashed now, and runs count from now on.

    In the flow: `if assign("bigger-pages", flow_run.id) == "after": …`

    Example: grace experiment new bigger-pages --flow refresh --metric time --smallest-effect 2
    --why "fewer requests"
    """
    from grace.experiments.register import begin
    from grace.governance.policy import load_policy
    from grace.measurement.plan import guardrail
    from grace.store import open_store

    guards = {"execution time": most_seconds, "failure share": most_failures}
    _check_within("--smallest-effect", smallest_effect, 1 if measure is Measure.FAILURES else None)
    _check_within("--days", days, 366)
    _check_within("--look-minutes", look_minutes, 24 * 60)
    _check_within("--most-seconds", most_seconds)
    _check_within("--most-failures", most_failures, 1)
    content = _content(
        name=name,
        why=why,
        by=by,
        same=same,
        plan={
            "design": "arms",
            "metric": METRICS[measure],
            "better": better.value,
            "subject": flow,
            "smallest_effect": smallest_effect,
            "experiment": {
                "id": name,
                "share": share,
                "look_seconds": 60 * look_minutes,
                "longest_seconds": 86_400 * days,
                "guardrails": [guardrail(of, most) for of, most in guards.items() if most],
            },
        },
    )
    shared = "" if share == 0.5 else f", share={share:g}"
    begun = begin(open_store(settings().url), load_policy(settings()), content, datetime.now(UTC))
    emit(
        _row(begun),
        f"{name} has begun: {_rule(begun)}\nContent {begun.content_hash[:16]}. "
        f"Ask `grace.assign({name!r}, flow_run_id{shared})` in {flow}.",
    )


def list_() -> None:
    """List the experiments, newest last.

    Example: grace experiment list
    """
    from rich.table import Table

    from grace.experiments.register import list_experiments
    from grace.store import open_store

    found = list_experiments(open_store(settings().url, create=False))

    def table() -> "Table | str":
        if not found:
            return "No experiments. `grace experiment new --help` says how to begin one."
        drawn = Table("name", "stands", "flow", "metric", "begun", box=None)
        for each in found:
            plan = each.content.plan
            since = f"{each.begun_at:%Y-%m-%d %H:%M}"
            drawn.add_row(each.name, _state(each), plan.subject, plan.metric, since)
        return drawn

    emit([_row(each) for each in found], table)


def show(name: Name) -> None:
    """Show what an experiment has come to by now; looking changes nothing, look as you like.

    Example: grace experiment show bigger-pages
    """
    from grace.experiments.looking import look_now
    from grace.experiments.register import find
    from grace.measurement.looks import last_arms_look
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    standing = find(store, name)
    before = last_arms_look(store, standing.series, standing.content.plan)
    number = before.number + (standing.ended_at is None) if before else 1
    seen = look_now(store, standing, datetime.now(UTC), number)
    emit(_row(standing) | _seen(standing, seen), lambda: _page(standing, seen))


def stop(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; it goes into the record.")],
    by: As,
) -> None:
    """End an experiment without a verdict. Your code goes on assigning until you change it.

    Example: grace experiment stop bigger-pages --reason "the service is being moved"
    """
    from grace.experiments.register import find
    from grace.experiments.register import stop as stop_one
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    ended = stop_one(store, find(store, name), datetime.now(UTC), by=by, reason=reason)
    emit(_row(ended), f"{name} is stopped.")


def _content(**given: object) -> "Content":
    from pydantic import ValidationError

    from grace.experiments.register import Content

    try:
        return Content.model_validate(given)
    except ValidationError as problem:
        error = problem.errors()[0]
        said = {
            "name": "a name is of letters, digits, '.', '_' and '-', 64 at most",
            "subject": "--flow names a flow",
            "why": "--why says why",
            "share": "--share is between 0.3 and 0.7",
            "by": "--as names a person, and grace is the engine's name",
        }
        where = str(error["loc"][-1])
        raise BadInput(f"{said.get(where, error['msg'])}, not {error['input']!r}") from None


def _check_within(option: str, value: float | None, below: float | None = None) -> None:
    if value is None or 0 < value < (below or float("inf")):
        return
    within = f"between 0 and {below:g}" if below else "a number above 0"
    raise BadInput(f"{option} is {within}, not {value:g}")


def _rule(standing: "Standing") -> str:
    from grace.brief import duration
    from grace.measurement.metrics import metric

    content, plan = standing.content, standing.content.plan
    kind = "A/A, both arms do the same; " if content.same else ""
    return (
        f"{kind}{plan.metric} of {plan.subject}, {plan.better} is better, a difference below "
        f"{metric(plan.metric).show(plan.smallest_effect)} counts as none, at most "
        f"{duration(plan.trial.longest_seconds)}"
    )


def _state(standing: "Standing") -> str:
    if standing.ended_at is None:
        return "running"
    return standing.verdict or "stopped"


def _row(standing: "Standing") -> dict[str, object]:
    """What programs read of an experiment; only ever extended."""
    content = standing.content
    return {
        "name": standing.name,
        "state": _state(standing),
        "flow": content.plan.subject,
        "metric": content.plan.metric,
        "better": content.plan.better,
        "smallest_effect": content.plan.smallest_effect,
        "share": content.plan.trial.share,
        "look_seconds": content.plan.trial.look_seconds,
        "longest_seconds": content.plan.trial.longest_seconds,
        "guardrails": content.plan.trial.guardrails,
        "same": content.same,
        "why": content.why,
        "by": content.by,
        "content_hash": standing.content_hash,
        "begun_at": standing.begun_at,
        "ended_at": standing.ended_at,
        "verdict": standing.verdict,
        "reason": standing.reason,
    }


def _seen(standing: "Standing", seen: "ArmsLook") -> dict[str, object]:
    from grace.experiments.looking import seconds_to_verdict
    from grace.statistics.ratio_check import mismatch

    judged, arms = seen.judgement, (("before", seen.control), ("after", seen.treatment))
    share = standing.content.plan.trial.share
    return {
        "arms": {
            arm: {"n": sums.n, "mean": sums.mean if sums.n else None, "lost": lost}
            for (arm, sums), lost in zip(arms, seen.lost, strict=True)
        },
        "effect": judged.effect,
        "interval": judged.interval,
        "ratio_holds": not mismatch(judged.n_control, judged.n_treatment, share),
        "seconds_to_verdict": seconds_to_verdict(standing, seen),
        "verdict_by_now": seen.verdict,
        "stop": seen.stop,
        "looked_at": seen.at,
    }


def _page(standing: "Standing", seen: "ArmsLook") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from grace.brief import duration
    from grace.experiments.looking import seconds_to_verdict
    from grace.measurement.arms import arms_rows

    plan = standing.content.plan
    rows = [("what", _rule(standing)), ("why", f"{standing.content.why} ({standing.content.by})")]
    rows += [(label, said.replace("*", "")) for label, said in arms_rows(plan, seen)]
    left = seconds_to_verdict(standing, seen)
    if standing.ended_at is None:
        ahead = "not to be foreseen yet" if left is None else duration(left)
        rows.append(("time to a verdict", "reached" if left == 0 else ahead))
    else:
        who = f" by {standing.ended_by}" if standing.ended_by else ""
        rows.append(("ended", f"{standing.ended_at:%Y-%m-%d %H:%M} UTC{who}: {standing.reason}"))
    drawn = Table(title=f"{standing.name}: {_state(standing)}", box=None, show_header=False)
    drawn.title_justify = "left"
    for label, said in rows:
        drawn.add_row(escape(label), escape(said))
    return drawn

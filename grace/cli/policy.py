"""`grace policy …`: read a policy without using it, and ask it without proposing anything."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from pydantic import JsonValue

    from grace.governance.cedar import Rules, Ruling
    from grace.governance.change import Change
    from grace.governance.policy import Policy
    from grace.governance.request import ChangeAction

__all__ = ["register"]

Value = Annotated[
    str | None,
    typer.Argument(help="As JSON: 8, null, …; what is no JSON is text. A decision has none."),
]


def register(app: typer.Typer) -> None:
    policy = typer.Typer(no_args_is_help=True, help="What may be done: check it, ask it.")
    policy.command()(check)
    policy.command()(ask)
    app.add_typer(policy, name="policy")


def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A .cedar file of rules or a .toml file of governance. Default: all in force."
        ),
    ] = None,
) -> None:
    """Read a policy as if it were in force; say how many rules it has, or where it is wrong.

    With a file, it is read in the place of the one in force, and the digest is what it would be.

    Example: grace policy check drafts/policy.cedar
    """
    from grace.governance.policy import load_policy

    chosen = settings()
    if file is not None:
        place = "governance_file" if file.suffix == ".toml" else "policy_file"
        chosen = chosen.model_copy(update={place: file})
    policy = load_policy(chosen)
    counts = _counts(policy.rules)
    told = {"rules": counts, "reviewers": policy.reviewers, "digest": policy.digest}
    by_kind = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    reviewers = ", ".join(policy.reviewers)
    emit(told, f"Sound: {by_kind}. Reviewers: {reviewers}.\nDigest {policy.digest}")


def ask(
    target: Annotated[
        str, typer.Argument(help="As in `grace propose`, for example tag:NAME; or decision:TYPE.")
    ],
    before: Value = None,
    after: Value = None,
    lever: Annotated[
        str | None, typer.Option(help="What turns the target. Default: by the target's kind.")
    ] = None,
    kind: Annotated[str, typer.Option(help="The kind of proposal.")] = "by_hand",
    person: Annotated[
        str | None, typer.Option("--as", help="Who proposes it, or the system that decides.")
    ] = None,
    risk: Annotated[float, typer.Option(min=0, max=1, help="Its risk score.")] = 0.0,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="The lever cannot undo it.")
    ] = False,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"], help="When, UTC. Default: now."),
    ] = None,
) -> None:
    """Say what the policy in force answers to a change, and why; nothing is recorded.

    A change may be made, may be applied at this moment, and its inverse may be made once a person
    has approved it: three questions. A decision of the governed system is one: may it be made?

    Example: grace policy ask tag:pages 2 8 --risk 0.4 --at "2026-12-24 12:00"
    Example: grace policy ask decision:restart_service --as ops-agent
    """
    from grace.governance.policy import load_policy
    from grace.governance.request import about_change
    from grace.governance.risk import Risk, tier_of
    from grace.levers import lever_for

    policy = load_policy(settings())
    moment = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    if before is None and after is None:
        _ask_decision(policy, target, person, moment)
        return
    if before is None or after is None:
        raise BadInput("a change has a value before and one after: grace policy ask tag:pages 2 8")
    change = _change(lever or lever_for(target), target, before, after)
    tier = tier_of(policy.risk, risk)
    assumed = Risk(score=risk, tier=tier, parts={}, reversible=not irreversible)

    def answer(action: "ChangeAction") -> "Ruling":
        asked = change.inverse if action == "inverse" else change
        return policy.rule(
            about_change(
                asked,
                action,
                moment,
                kind=kind,
                risk=assumed,
                person=person,
                approved_by_person=True,
            )
        )

    rulings = {"change": answer("change"), "apply": answer("apply"), "inverse": answer("inverse")}
    free = "apply: nothing holds it back at this moment"
    is_held = rulings["apply"].answer == "forbid"
    lines = (
        _line("change", rulings["change"]),
        _line("apply", rulings["apply"]) if is_held else free,
        _line("inverse, once a person approved", rulings["inverse"]),
    )
    emit({**rulings, "digest": policy.digest}, "\n".join(lines))


def _ask_decision(policy: "Policy", target: str, system: str | None, at: datetime) -> None:
    from grace.governance.request import about_decision

    kind, _, decision_type = target.partition(":")
    if kind != "decision" or not decision_type:
        raise BadInput(f"{target} needs its value before and after, or is it decision:{target}?")
    if system is None:
        raise BadInput("a rule may go by the system that decides: say which with --as")
    ruling = policy.rule(about_decision(decision_type, system, at))
    emit({"decide": ruling, "digest": policy.digest}, _line("decide", ruling))


def _line(question: str, ruling: "Ruling") -> str:
    places = f" ({'; '.join(ruling.rules)})" if ruling.rules else ""
    return f"{question}: {ruling.answer}. {ruling.reason}{places}"


def _counts(rules: "Rules") -> dict[str, int]:
    """Of each effect; permits that a record earned apart."""
    kinds = [
        "earned" if rule.path == settings().earned_file else rule.effect for rule in rules.stated
    ]
    return {kind: kinds.count(kind) for kind in ("forbid", "permit", "earned")}


def _change(lever: str, target: str, before: str, after: str) -> "Change":
    from pydantic import ValidationError

    from grace.governance.change import Change

    try:
        return Change(lever=lever, target=target, before=_parsed(before), after=_parsed(after))
    except ValidationError as problem:
        raise BadInput(problem.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _parsed(value: str) -> "JsonValue":
    try:
        parsed: JsonValue = json.loads(value)
    except json.JSONDecodeError:
        return value
    except (ValueError, RecursionError):
        raise BadInput(f"{value[:20]}… is longer or deeper than any value can be") from None
    return parsed

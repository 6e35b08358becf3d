"""What the demo came to, as lines for people."""

from collections.abc import Iterator

from grace.account import Account
from grace.demo.report import Day, Report
from grace.governance.proposal import Evidence
from grace.measurement.metrics import metric
from grace.statistics.arms import ArmsJudgement
from grace.statistics.before_after import DaysJudgement

__all__ = ["day_line", "page"]


def page(found: Report, command: str) -> str:
    """`command` is how the commands that read the demo's log begin."""
    return "\n".join(_lines(found, command))


def day_line(day: Day) -> str:
    """As in: Day 1, from Mon 2 Mar 00:00: 1,128 task runs, 93.1 % succeeded, mean wait 6.12 s."""
    name = f"Day {day.number}, from {day.since:%a} {day.since.day} {day.since:%b %H:%M}"
    if day.success_rate is None or day.mean_wait_seconds is None:
        return f"{name}: no task run has ended"
    return (
        f"{name}: {day.task_runs:,} task runs, {100 * day.success_rate:.1f} % succeeded, "
        f"mean wait {day.mean_wait_seconds:.2f} s"
    )


def _lines(found: Report, command: str) -> Iterator[str]:
    yield "\nDay by day\n"
    yield from (f"  {day_line(day)}" for day in found.days)
    yield "\nWhat was proposed, and what became of it"
    for told in found.proposals:
        yield from ("", *_proposal(told))
    if not found.proposals:
        yield "\n  Nothing was: the evidence was not enough in so short a time."
    others = [each for each in found.findings if each.standing != "proposed"]
    if others:
        yield "\nLooked at last, and not proposed\n"
        yield from (f"  {each.target}: {each.standing}. {each.reason}" for each in others)
    ledger = found.ledger
    holds = "holds" if ledger.ok else f"does NOT hold: {ledger.reason}"
    yield f"\nThe ledger {holds}: {ledger.size} rows, signed up to {ledger.signed_size}."
    yield "\nWhere to look next\n"
    yield from _next(found, command)


def _proposal(told: Account) -> Iterator[str]:
    entry = told.entry
    proposal = entry.proposal
    yield f"  {proposal.title}"
    yield f"    seen       {_seen(proposal.evidence)}"
    said = proposal.prediction
    if said.now is not None and said.then is not None:
        show = metric(said.metric).show
        yield f"    predicted  {said.metric} from {show(said.now)} to {show(said.then)}"
    yield f"    risk       {proposal.risk.score:.2f} of 1, {proposal.risk.tier}"
    for each in told.decisions:
        if each.question == "a person's answer":
            yield f"    {each.answer:<9}  by {each.reviewer} ({each.assurance}): {each.reason}"
    yield f"    measured   {_measured(told)}"
    undone = entry.state == "rolled_back" and not any(
        each.question == "undo" and each.reviewer for each in told.decisions
    )
    state = entry.state.replace("_", " ")
    yield f"    ended      {state}, by itself" if undone else f"    now        {state}"


def _seen(evidence: Evidence) -> str:
    if evidence.mean is None:
        return "nothing yet"
    show = metric(evidence.metric).show
    said = f"{evidence.metric} {show(evidence.mean)} over {evidence.n} {evidence.unit}s"
    if evidence.e_value is None or evidence.needed is None or evidence.threshold is None:
        return said
    return (
        f"{said}; threshold {show(evidence.threshold)}, e-value {evidence.e_value:,.0f} "
        f"of {evidence.needed:,.0f} needed"
    )


def _measured(told: Account) -> str:
    judged = told.look.judgement if told.look else None
    if judged is None or judged.effect is None or judged.interval is None:
        return "nothing yet"
    plan = told.entry.proposal.plan
    change, sure = metric(plan.metric).show_change, f"{100 * (1 - plan.level):.0f} %"
    low, high = judged.interval
    verdict = (told.entry.verdict or "no verdict yet").replace("_", " ")
    said = f"{verdict}: {change(judged.effect)}, {sure} between {change(low)} and {change(high)}, "
    if isinstance(judged, ArmsJudgement):
        return (
            f"{said}{judged.n_treatment} runs with it and {judged.n_control} without, side by side"
        )
    if isinstance(judged, DaysJudgement):
        days = f"{judged.days_before} days before and {judged.days_after} after"
        return f"{said}{days}: weak evidence"
    return f"{said}after {judged.pairs} pairs of blocks (e-value {judged.e_value:.1f})"


def _next(found: Report, command: str) -> Iterator[str]:
    lines = [("proposals", "the proposals, and how each of them ended")]
    if found.proposals:
        last = found.proposals[-1].entry.id[-12:]
        lines.append((f"show {last}", "one of them: evidence, decisions, actions, measurement"))
    lines += [
        ("patterns", "the errors that were learned, and their rules"),
        ("analyse --hours 168", "rates, times and health, with n and intervals"),
        ("ledger verify", "check every row of the demo's log"),
    ]
    width = max(len(words) for words, _ in lines)
    yield from (f"  {command} {words:<{width}}  {told}" for words, told in lines)

"""What a person reads before answering: one page of markdown, the same in every place."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.governance.consent import WANTED, needed_for
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Proposal
from grace.governance.register import Entry
from grace.markdown import facts, plain
from grace.measurement.days import FIRST_VERDICT, LAST_VERDICT
from grace.measurement.metrics import Metric, metric
from grace.measurement.plan import Days, Experiment, Guardrail, Plan
from grace.settings import DEMO
from grace.statistics.before_after import DAYS_BEFORE

__all__ = ["brief", "duration"]


def brief(entry: Entry, policy: Policy, record: Sequence[str] = ()) -> str:
    """What changes, is expected, was seen, is risked; how long to a verdict; how it is undone.

    `record` says how the last changes of its kind went (`grace.record.page.beside`).
    """
    proposal = entry.proposal
    parts = [
        _heading(proposal),
        f"{plain(proposal.why)}\n",
        _change(proposal),
        _expectation(proposal),
        _seen(proposal.evidence),
        _risk(proposal),
        _record(record),
        _measurement(proposal),
        _undo(proposal),
        _answering(entry, policy),
    ]
    return "\n".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """As people say it: 45 s, 17 min, 5 h, 3 days."""
    span = timedelta(seconds=seconds)
    if span < timedelta(minutes=2):
        return f"{seconds:.0f} s"
    if span < timedelta(hours=2):
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if span < timedelta(days=2) else f"{span.days} days"


def _heading(proposal: Proposal) -> str:
    whose = {"main": "", "sample": "*sample workload* - ", DEMO: "*simulated system* - "}
    return f"## {whose.get(proposal.log, f'*{proposal.log}* - ')}{plain(proposal.title)}\n"


def _seen(evidence: Evidence) -> str:
    if evidence.unit == "none" and evidence.facts:
        told = [(plain(name), plain(str(value))) for name, value in evidence.facts.items()]
        return f"### What was seen\n\n{facts(told)}"
    if evidence.mean is None or evidence.span is None:
        return "### What was seen\n\nNothing yet: no run under this target was logged.\n"
    begin, end = evidence.span
    measured = metric(evidence.metric)
    rows = [
        (evidence.metric, f"**{measured.show(evidence.mean)}**"),
        ("n", f"{evidence.n} {evidence.unit}s"),
        ("span", _span(begin, end)),
    ]
    if evidence.interval and evidence.threshold is not None:
        rows.append(("95 % interval", _one_sided(measured, evidence.interval, evidence.threshold)))
    if evidence.e_value is not None and evidence.needed is not None:
        rows.append(("e-value", f"{evidence.e_value:,.0f}, needed {evidence.needed:,.0f}"))
    rows += [(plain(name), plain(str(value))) for name, value in evidence.facts.items()]
    others = "".join(f"- {plain(sentence)}\n" for sentence in evidence.ruled_out)
    ruled_out = f"\nWhy not something else:\n\n{others}" if others else ""
    return f"### What was seen\n\n{facts(rows)}{ruled_out}"


def _one_sided(measured: Metric, interval: tuple[float, float], threshold: float) -> str:
    low, high = interval
    ends = f"above {measured.show(low)}" if math.isinf(high) else f"below {measured.show(high)}"
    return f"{ends}; threshold {measured.show(threshold)}"


def _change(proposal: Proposal) -> str:
    diff = f"### What will change\n\n```diff\n{proposal.change.diff}\n```\n"
    if proposal.prefect_yaml_patch is None:
        return diff
    return (
        f"{diff}\nWhere `prefect.yaml` declares this, the next `prefect deploy` sets it "
        f"back. To make the change last:\n\n```yaml\n{proposal.prefect_yaml_patch}```\n"
    )


def _expectation(proposal: Proposal) -> str:
    said = proposal.prediction
    if said.then is None:
        return f"### What it should do\n\nNo prediction: {said.how}\n"
    show = metric(said.metric).show
    now = "unknown" if said.now is None else show(said.now)
    return f"### What it should do\n\n{said.metric}: {now} → **{show(said.then)}**. {said.how}\n"


def _risk(proposal: Proposal) -> str:
    risk = proposal.risk
    parts = "".join(f"- {name}: {part:.2f}\n" for name, part in risk.parts.items() if part)
    return f"### What it risks\n\n**{risk.score:.2f}** of 1, tier {risk.tier}:\n\n{parts}"


def _record(lines: Sequence[str]) -> str:
    told = "".join(f"- {line}\n" for line in lines)
    return f"### How the last ones of this kind went\n\n{told}" if told else ""


def _measurement(proposal: Proposal) -> str:
    plan, seconds = proposal.plan, proposal.seconds_to_verdict
    if plan.design == "unmeasured":
        why = plain(plan.why or "nothing measures its effect")
        return f"### How it is measured\n\n**It cannot be judged:** {why}.\n"
    if plan.days:
        return f"### How it is measured\n\n{_days(plan, plan.days)}"
    arms = plan.experiment
    longest = arms.longest_seconds if arms else 2 * len(plan.order) * plan.block_seconds
    when = (
        "**It cannot be judged at the present volume:** no runs come."
        if seconds is None
        else f"The earliest verdict comes after {duration(seconds)}, the latest after "
        f"{duration(longest)}."
    )
    if arms:
        return f"### How it is measured\n\n{when} {_arms(plan, arms)}"
    return (
        f"### How it is measured\n\n{when} The target is moved to and fro between the two values "
        f"in pairs of blocks of {duration(plan.block_seconds)}, in an order drawn beforehand. "
        f"An effect below {metric(plan.metric).show(plan.smallest_effect)} counts as none."
        f"{_guarded(plan.guardrails, TREATED)}\n"
    )


def _arms(plan: Plan, arms: Experiment) -> str:
    guarded = _guarded(arms.guardrails)
    return (
        f"{100 * arms.share:.0f} % of the flow runs go by the change, the others on as before, "
        f"side by side; a hash of the experiment's id and the run's says which. A look every "
        f"{duration(arms.look_seconds)}.{guarded} "
        f"An effect below {metric(plan.metric).show(plan.smallest_effect)} counts as none.\n"
    )


def _days(plan: Plan, days: Days) -> str:
    first, last = (duration(look.total_seconds()) for look in (FIRST_VERDICT, LAST_VERDICT))
    return (
        f"**Weak evidence:** the days since the change are compared with the {DAYS_BEFORE} before "
        f"{days.baseline_to:%Y-%m-%d %H:%M} UTC, {days.with_data} of which have data, because "
        f"{plain(plan.why or '')}. Whatever else changes meanwhile counts as its effect. There are "
        f"two looks, after {first} and {last}, and the change stays whatever they say."
        f"{_guarded(days.guardrails)} "
        f"An effect below {metric(plan.metric).show(plan.smallest_effect)} counts as none.\n"
    )


TREATED = "the treated runs'"


def _guarded(guardrails: Sequence[Guardrail], whose: str = "their") -> str:
    ends = " or ".join(
        f"{whose} mean {each.of} passes "
        f"{f'{each.bound:.0f} s' if each.of == 'execution time' else f'{100 * each.bound:.1f} %'}"
        for each in guardrails
    )
    return f" It is undone at once where {ends}." if ends else ""


def _undo(proposal: Proposal) -> str:
    if not proposal.risk.reversible:
        return "### How it is undone\n\n**It cannot be undone:** what it does stays done.\n"
    undone_as = "grace undo" if proposal.log == "main" else f"grace --log {proposal.log} undo"
    by_hand = f" A reviewer undoes it at any time: `{undone_as} {proposal.proposal_id}`."
    by_itself = _undone_by_itself(proposal.plan)
    return f"### How it is undone\n\n{by_itself}{'' if proposal.log == DEMO else by_hand}\n"


def _undone_by_itself(plan: Plan) -> str:
    if plan.design == "unmeasured" or (plan.days and not plan.days.guardrails):
        return "It is not undone by itself."
    if plan.days:
        return "It is undone by itself on a guardrail alone."
    none = "is kept" if plan.on_no_effect == "keep" else "is undone"
    return f"If it makes things worse it is undone by itself; if it changes nothing it {none}."


def _answering(entry: Entry, policy: Policy) -> str:
    needed = needed_for(entry, policy)
    how = "" if needed == "declared" else f"\nThe answer must be **{WANTED[needed]}**.\n"
    return (
        f"---\nReviewers: {', '.join(policy.reviewers) or 'nobody'}. Answer until "
        f"{entry.proposal.deadline:%Y-%m-%d %H:%M} UTC. Content `{entry.content_hash[:16]}`.\n{how}"
    )


def _span(begin: datetime, end: datetime) -> str:
    until = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M} to {until} UTC"

"""The opportunity `increase_activity`: fewer than 10 events an hour, where 20 are wanted.

An hour counts for what happened in it, but no more than for the wanted number: one burst does not
make up for hours of silence. Raised where the mean is shown to be below the threshold. A denser
schedule is proposed for a deployment that is tagged `monitoring`, because to look more often is
what it is for; for all others the finding only reports: more runs of somebody's work are no
improvement by themselves.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pandas as pd
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.optimizing import Optimizing
from grace.governance.proposal import Prediction
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding, Standing
from grace.opportunities.spread_schedules import schedule_of
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.opportunities.timetable import denser
from grace.recent.terms import has_deployment, tags_of, with_terms
from grace.statistics.evidence import Gate

__all__ = ["KIND", "LEVER", "METRIC", "TARGET", "case_for", "monitoring", "stream_of"]

KIND, TARGET = "increase_activity", "activity"
LEVER = "deployment-schedule"
METRIC = "activity"
TAG = "monitoring"
HOUR = timedelta(hours=1)

Read = Callable[[str], JsonValue]
Against = Callable[[str], tuple[Standing, str] | None]


def stream_of(hours: Sequence[tuple[datetime, int]], origin: datetime, rules: Optimizing) -> Stream:
    """`hours` are whole ones, in order: when each began, and how many events it had."""
    return Stream(
        kind=KIND,
        target=TARGET,
        metric=METRIC,
        unit="hour",
        gate=Gate(threshold=rules.events_an_hour / rules.events_target, kind="rate_below"),
        origin=origin,
        times=[begin + HOUR for begin, _ in hours],
        values=[min(events / rules.events_target, 1.0) for _, events in hours],
    )


def monitoring(frame: pd.DataFrame) -> list[str]:
    """The deployments tagged so whose runs a schedule starts, as far as the log knows."""
    rows = frame[(frame["process_type"] == "flow_run") & frame["parent_process"].isna()]
    rows = with_terms(rows)[["task_name", "terms"]].drop_duplicates()
    return sorted(
        {
            str(name)
            for name, terms in rows.itertuples(index=False)
            if TAG in tags_of(terms) and has_deployment(terms)
        }
    )


def case_for(
    seen: Seen,
    deployments: Sequence[str],
    read: Read,
    against: Against,
    rules: Optimizing,
    ledger_size: int,
) -> Case | Finding:
    """The case for a denser schedule of the first deployment that has one to make denser.

    `read` gives a schedule by its target and raises BadInput where there is none.
    """
    rate = (seen.weighed.mean or 0.0) * rules.events_target
    told = f"{rate:.1f} events an hour, where {rules.events_target:g} are wanted"
    if not deployments:
        why = f"{told}; no deployment tagged `{TAG}` has run, so this is only reported"
        return finding_for(seen, "held back", why)
    factor = rules.events_target / max(rate, rules.events_target / 10)
    refused = []
    for name in deployments:
        target = schedule_of(name)
        standing = against(target)
        if standing is not None:
            refused.append(f"{target} is {standing[0]}: {standing[1]}")
            continue
        before = read(target)
        after = denser(before, factor)
        if after is None:
            refused.append(f"{target} is paused, fires once a minute, or has no even rhythm")
            continue
        return _case(seen, target, before, after, told, ledger_size)
    return finding_for(seen, "held back", f"{told}; {'; '.join(refused)}")


def _case(
    seen: Seen, target: str, before: JsonValue, after: JsonValue, told: str, ledger_size: int
) -> Case:
    name = target.partition(":")[2].partition("#")[0]
    return Case(
        kind="increase_activity",
        title=f"Run {name} more often",
        why=f"There are {told}, and {name} is tagged `{TAG}`: to look is what it is for.",
        proposed_by="grace",
        change=Change(lever=LEVER, target=target, before=before, after=after),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={"events": told},
            ruled_out=["Deployments without the tag: more of their runs is no aim by itself."],
        ),
        prediction=Prediction(
            metric=METRIC,
            now=seen.weighed.mean,
            then=None,
            how="how many events each of its runs leaves differs; nothing measures it afterwards.",
        ),
        subject=None,
        floor_seconds=None,
        gap_seconds=None,
    )

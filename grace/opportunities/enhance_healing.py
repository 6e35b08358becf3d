"""The opportunity `enhance_healing`: what is tried against errors works too seldom.

Raised where the success rate of healing attempts is shown to be below 85 %; the unit of evidence
is the flow run that an attempt names, else the hour, because attempts within one fail together.
Proposed is a rule for the error pattern that fails most, of those for which another kind of fix has
a record that is surely better than what is done now.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from scipy.special import betaincinv

from grace.governance.change import Change
from grace.governance.proposal import Prediction
from grace.measurement.blocks import Unit
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.grouping import gap_seconds, name_of, units_of
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.patterns.library import Library
from grace.patterns.record import Record
from grace.patterns.rules import Rule
from grace.statistics.evidence import Gate

__all__ = ["GATE", "KIND", "METRIC", "TARGET", "case_for", "healing_units", "stream_of"]

KIND = "enhance_healing"
LEVER = "pattern-rule"
METRIC = "healing success rate"
TARGET = "healing"
GATE = Gate(threshold=0.85, kind="rate_below")
FEWEST_ATTEMPTS = 10
RETRIES = 2


@dataclass(frozen=True)
class _Candidate:
    fingerprint: str
    fix: str
    record: Record
    now: float  # the success rate over all kinds of fix
    failures: int


def healing_units(attempts: pd.DataFrame, now: datetime) -> list[Unit]:
    """Success rate of the finished attempts of each flow run or hour, in the order of their ends.

    `attempts` are rows of `healing_attempts`. An hour counts once it is over.
    """
    finished = attempts[attempts["success"].notna() & attempts["attempted_at"].notna()]
    if finished.empty:
        return []
    rows = pd.DataFrame(
        {
            "flow_run": [_flow_run(text) for text in finished["metadata"]],
            "at": finished["attempted_at"],
            "ended": finished["verified_at"].fillna(finished["attempted_at"]),
            "value": finished["success"].astype(float),
        }
    )
    return units_of(rows, now)


def stream_of(units: Sequence[Unit], origin: datetime) -> Stream:
    return Stream(
        kind=KIND,
        target=TARGET,
        metric=METRIC,
        unit=name_of(units),
        gate=GATE,
        origin=origin,
        times=[unit.completed for unit in units if unit.completed],
        values=[unit.value for unit in units],
    )


def case_for(
    seen: Seen,
    records: Mapping[str, Mapping[str, Record]],
    library: Library,
    is_free: Callable[[str], bool],
    ledger_size: int,
) -> Case | Finding:
    """The case for teaching the library a better fix, or why there is none.

    `records` holds, by fingerprint and kind of fix, what was tried; `is_free` says of a target
    whether it may be proposed now.
    """
    candidates = sorted(_candidates(records), key=lambda each: (-each.failures, each.fingerprint))
    free = [each for each in candidates if is_free(f"pattern:{each.fingerprint}")]
    if not free:
        told = "is open or rests" if candidates else "has a fix with a record that is surely better"
        which = "every pattern that has a better fix" if candidates else "no pattern that fails"
        return finding_for(seen, "held back", f"{which} {told}")
    chosen = free[0]
    template = library.pattern(chosen.fingerprint).template
    retries = RETRIES if chosen.fix == "retry" else 0
    rule = Rule(fix=chosen.fix, retries=retries, description=f"{chosen.fix} heals it most often")
    return Case(
        kind="enhance_healing",
        title=f"Heal {template[:60]} by {chosen.fix}",
        why=(
            f"Healing works in {100 * (seen.weighed.mean or 0):.0f} % of the attempts. Of this "
            f"error it heals {100 * chosen.now:.0f} %; {chosen.fix} healed "
            f"{chosen.record.successes} of {chosen.record.attempts}."
        ),
        proposed_by="grace",
        change=Change(
            lever=LEVER,
            target=f"pattern:{chosen.fingerprint}",
            before=None,
            after=rule.model_dump(mode="json"),
        ),
        evidence=shown(seen, ledger_size=ledger_size, facts={"error": template}),
        prediction=Prediction(
            metric=METRIC,
            now=chosen.now,
            then=chosen.record.successes / chosen.record.attempts,
            how=f"the record of {chosen.fix} on this error, among other kinds of fix",
        ),
        subject=chosen.fingerprint,
        floor_seconds=None,
        gap_seconds=gap_seconds(seen.stream.times),
    )


def _candidates(records: Mapping[str, Mapping[str, Record]]) -> list[_Candidate]:
    """A fix for each pattern whose rate is surely (95 %, one-sided) above the mix of all fixes."""
    found = []
    for fingerprint, fixes in records.items():
        attempts = sum(each.attempts for each in fixes.values())
        successes = sum(each.successes for each in fixes.values())
        fix, record = max(fixes.items(), key=lambda each: (_lower(each[1]), each[0]))
        now = successes / attempts
        if record.attempts >= FEWEST_ATTEMPTS and _lower(record) > now:
            found.append(_Candidate(fingerprint, fix, record, now, attempts - successes))
    return found


def _lower(record: Record) -> float:
    """The lower 95 % limit of a success rate (Clopper & Pearson, Biometrika 26:4, 1934)."""
    if record.successes == 0:
        return 0.0
    return float(betaincinv(record.successes, record.attempts - record.successes + 1, 0.05))


def _flow_run(metadata: object) -> str | None:
    if not isinstance(metadata, str):
        return None
    told = json.loads(metadata)
    found = told.get("flow_run") if isinstance(told, dict) else None
    return found if isinstance(found, str) else None

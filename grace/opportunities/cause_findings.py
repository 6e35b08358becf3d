"""What binds, as findings: of each deployment, and of each limit that costs one of them time."""

from collections.abc import Sequence

from grace.governance.optimizing import Optimizing
from grace.measurement.deployments import deployment_subject
from grace.opportunities.causes import LIMITS, Diagnosis
from grace.opportunities.finding import Finding

__all__ = ["KIND", "RUNS", "findings_of"]

KIND, RUNS = "cause", "runs"


def findings_of(diagnoses: Sequence[Diagnosis], rules: Optimizing) -> list[Finding]:
    """One about all runs where none of them can be told of: there is insufficient data."""
    told = [_finding(deployment_subject(each.subject), each.text, each) for each in diagnoses]
    limits: dict[str, Finding] = {}
    for each in diagnoses:
        for cause in each.causes:
            if cause.name in LIMITS and cause.key and cause.key not in limits:
                limits[cause.key] = _finding(cause.key, f"Of {each.subject}: {each.text}", each)
    if not any(each.causes for each in diagnoses):
        most = max((each.runs for each in diagnoses), default=0)
        window = f"the last {rules.window_hours:g} h"
        why = f"insufficient data: {most} of {rules.fewest_runs} flow runs in {window}"
        told.append(Finding(target=RUNS, kind=KIND, standing="quiet", reason=why, n=most))
    known = {each.target for each in told}
    return told + [each for key, each in limits.items() if key not in known]


def _finding(target: str, reason: str, diagnosis: Diagnosis) -> Finding:
    return Finding(target=target, kind=KIND, standing="quiet", reason=reason, n=diagnosis.runs)

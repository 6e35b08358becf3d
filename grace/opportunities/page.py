"""What was looked at, and why something was or was not proposed, as a part of a page."""

from collections.abc import Sequence

from grace.markdown import plain
from grace.measurement.metrics import metric
from grace.opportunities.cause_findings import KIND as CAUSE
from grace.opportunities.finding import Finding

__all__ = ["findings_table"]


def findings_table(findings: Sequence[Finding]) -> str:
    """A table with a line each, and below it the reasons."""
    if not findings:
        return "Nothing to look at has been logged yet.\n"
    rows = "".join(
        f"| {plain(each.target)} | {_looked_at(each)} | {each.standing} | {each.n} "
        f"| {_shown(each)} |\n"
        for each in findings
    )
    reasons = "".join(
        f"- **{plain(each.target)}**, {_looked_at(each)}: {_reason(each, findings)}\n"
        for each in findings
    )
    return f"| target | looked at | standing | n | mean |\n|---|---|---|---|---|\n{rows}\n{reasons}"


def _looked_at(finding: Finding) -> str:
    return "what makes it wait" if finding.kind == CAUSE else plain(finding.metric)


def _reason(finding: Finding, findings: Sequence[Finding]) -> str:
    """What makes a deployment wait also stands under each limit it met; once is enough here."""
    for other in findings:
        if other.kind == CAUSE == finding.kind and finding.reason.endswith(f": {other.reason}"):
            return f"see {plain(other.target)}"
    asked = f" (`grace show {finding.proposal_id}`)" if finding.proposal_id else ""
    return f"{plain(finding.reason)}{asked}"


def _shown(finding: Finding) -> str:
    return "-" if finding.mean is None else metric(finding.metric).show(finding.mean)

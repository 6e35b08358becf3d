"""What the engine proposes for a limit stays within what the policy allows."""

import pytest

from grace.governance.policy import Policy
from grace.governance.request import about_change
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.reduce_wait_time import case_for, stream_of
from grace.opportunities.streams import see
from grace.opportunities.waits import pressures
from tests.ruling import LOW, a_policy, a_rule


@pytest.fixture
def case_under(log, start):
    """The case for tag:pages under a policy: twelve tasks at once behind two slots, 5 s of wait."""
    for number in range(5):
        log.burst(f"f{number}", 100 * number, [2.0] * 12, slots=2)
    frame = log.frame()
    (pressure,) = (each for each in pressures(frame) if each.key == "tag:pages")
    (seen,) = see([stream_of(pressure, start)], pressure.times[-1])

    def case(policy: Policy) -> Case | Finding:
        return case_for(seen, pressure, frame, policy, 7)

    return case


def at_most(most: int) -> str:
    return a_rule(
        "forbid",
        f"context.after has number && context.after.number.ceiling > {most}",
        f"at most {most}",
    )


@pytest.mark.parametrize(("most", "chosen"), [(1000, 6), (6, 6), (5, 5), (4, 4), (3, 3)])
def test_a_tighter_guardrail_leads_to_a_smaller_step(case_under, start, most, chosen):
    """Six slots reach the target; where fewer are allowed, as many as are, and not forbidden."""
    policy = a_policy(at_most(most))
    case = case_under(policy)
    assert (case.change.before, case.change.after) == (2, chosen)
    assert case.title == f"Raise tag:pages from 2 to {chosen}"
    asked = about_change(case.change, "change", start, kind=case.kind, risk=LOW)
    assert policy.rule(asked).answer == "ask"


@pytest.mark.parametrize(
    "rule",
    [
        at_most(2),
        a_rule("forbid", 'resource.name like "pag*" && principal is Engine', "at most 2"),
        a_rule("forbid", 'context.kind == "reduce_wait_time"', "at most 2"),
    ],
)
def test_where_the_policy_forbids_every_step_it_says_so(case_under, rule):
    """A finding with the rule's words, not a proposal that is forbidden as soon as it is made."""
    found = case_under(a_policy(rule))
    assert (found.standing, found.reason) == (
        "held back",
        "the policy forbids any higher tag:pages: at most 2",
    )

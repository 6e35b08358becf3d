"""What the policy answers: forbid, permit or ask."""

from datetime import UTC, datetime

import pytest

from grace.governance.policy import Policy, load_policy
from grace.governance.request import about_decision, about_goal, about_proposal
from grace.governance.risk import Risk
from grace.settings import Settings
from tests.proposing import NOON, a_proposal
from tests.ruling import INVERSE, a_policy, a_rule, asked


@pytest.fixture
def shipped(tmp_path) -> Policy:
    return load_policy(Settings(data_dir=tmp_path))


def test_what_no_rule_names_is_asked():
    """The default is a person's decision, with the reason in words."""
    ruling = asked(a_policy())
    assert (ruling.answer, ruling.rules) == ("ask", ())
    assert ruling.reason == "no rule permits it, so a person decides"


def test_a_permit_permits_with_its_own_words_and_its_place():
    ruling = asked(a_policy("// ours\n", a_rule("permit", reason="ours")))
    assert (ruling.answer, ruling.reason) == ("permit", "ours")
    assert ruling.rules == ("policy.cedar, line 3",)


def test_forbid_wins_over_permit():
    """However narrow the permit and however wide the forbid, and in whatever order."""
    wide = a_rule("forbid", reason="freeze")
    narrow = a_rule("permit", 'resource == Target::"tag:pages"', "ours")
    for policy in (a_policy(wide, narrow), a_policy(narrow, wide)):
        assert (asked(policy).answer, asked(policy).reason) == ("forbid", "freeze")


def test_every_forbid_that_applies_says_why():
    """In the order of the file, each once."""
    texts = [a_rule("forbid", reason=reason) for reason in ("one", "two", "one")]
    ruling = asked(a_policy(*texts))
    assert ruling.reason == "one; two"
    assert ruling.rules == tuple(f"policy.cedar, line {line}" for line in (1, 2, 3))


def test_more_than_ten_rules_are_told_apart():
    """Rule 11 of 12 is not rule 1: each decides in its own words."""
    texts = [a_rule("forbid", f'context.lever == "{n}"', f"rule {n}") for n in range(12)]
    policy = a_policy(*texts)
    for number in range(12):
        ruling = asked(policy, lever=str(number))
        assert ruling.reason == f"rule {number}"
        assert ruling.rules == (f"policy.cedar, line {number + 1}",)


def test_a_rule_that_cannot_be_evaluated_forbids():
    """Cedar alone would skip it, and a permit beside it would decide."""
    overflows = a_rule("forbid", "context.hour * 9223372036854775807 > 1", "never")
    ruling = asked(a_policy(a_rule("permit"), overflows))
    assert (ruling.answer, ruling.rules) == ("forbid", ("policy.cedar, line 2",))
    assert ruling.reason.startswith("the rule of policy.cedar, line 2 cannot be evaluated: integer")


def test_a_permit_that_cannot_be_evaluated_forbids_too():
    overflows = a_rule("permit", "context.hour * 9223372036854775807 > 1")
    assert asked(a_policy(overflows)).answer == "forbid"


def test_a_rule_for_changes_says_nothing_about_inverses():
    """And the other way round: a permit of undoing permits no change."""
    inverse = a_policy(INVERSE)
    assert asked(inverse, action="inverse", approved_by_person=True).answer == "permit"
    assert asked(inverse).answer == "ask"
    assert asked(a_policy(a_rule("permit")), action="inverse").answer == "ask"


@pytest.mark.parametrize(
    ("when", "at", "frozen"),
    [
        ("context.weekday >= 6", datetime(2026, 3, 1, 12, tzinfo=UTC), True),
        ("context.weekday >= 6", datetime(2026, 3, 2, 0, tzinfo=UTC), False),
        ("context.hour >= 22", datetime.fromisoformat("2026-03-02T23:30+02:00"), False),
        ("context.hour >= 22", datetime.fromisoformat("2026-03-02T23:30+01:00"), True),
        ('context.now < datetime("2026-03-02")', datetime(2026, 3, 1, 23, 59, tzinfo=UTC), True),
        ('context.now < datetime("2026-03-02")', datetime(2026, 3, 2, tzinfo=UTC), False),
    ],
)
def test_a_freeze_goes_by_the_time_in_utc(when, at, frozen):
    ruling = asked(a_policy(a_rule("forbid", when, action="apply")), action="apply", at=at)
    assert ruling.answer == ("forbid" if frozen else "ask")


def test_a_rule_may_go_by_risk_and_by_who_proposed_it():
    """Risk as a decimal, tiers as text, reversibility as truth, the engine as what it is."""
    policy = a_policy(
        a_rule("forbid", 'context.risk.greaterThan(decimal("0.5"))', "risky"),
        a_rule("forbid", 'context.tier == "medium"', "medium"),
        a_rule("forbid", "!context.reversible", "for ever"),
        a_rule("forbid", 'principal is Person && context.proposed_by like "ann*"', "ann"),
    )
    risky = Risk(score=0.51, tier="medium", parts={}, reversible=False)
    assert asked(policy, risk=risky).reason == "risky; medium; for ever"
    assert asked(policy, person="anna").reason == "ann"
    assert asked(policy).answer == "ask"


def test_a_proposal_asks_for_itself_and_for_its_inverse():
    """What stands in it is what is asked: kind, proposer, values, and on undoing the other way."""
    by_hand = a_proposal(kind="by_hand", proposed_by="grace")
    as_person = 'principal == Person::"grace" && context.kind == "by_hand"'
    up = 'context.before.json == "2" && context.after.json == "8"'
    down = 'context.before.json == "8" && context.after.json == "2"'
    there = a_rule("permit", f"{as_person} && {up}", "there")
    policy = a_policy(there, a_rule("permit", down, "back", action="inverse"))
    assert policy.rule(about_proposal(by_hand, "change", NOON)).reason == "there"
    assert policy.rule(about_proposal(by_hand, "inverse", NOON)).reason == "back"
    assert policy.rule(about_proposal(a_proposal(), "change", NOON)).answer == "ask"


@pytest.mark.parametrize(
    ("before", "after", "answer", "said"),
    [
        (2, 8, "ask", "no rule"),
        (2, 9, "forbid", "four times"),
        (8, 1, "ask", "no rule"),
        (2, 0, "forbid", "at least 1"),
        (2, -5, "forbid", "at least 1"),
        (2, 0.5, "forbid", "at least 1"),
        (900, 1000, "ask", "no rule"),
        (900, 1000.5, "forbid", "at most 1000"),
        (None, 1000, "ask", "no rule"),
        (None, 1001, "forbid", "at most 1000"),
        (0, 1, "forbid", "four times"),
        (True, 4, "ask", "no rule"),
        (2, None, "forbid", "stays limited"),
        (2, "4", "forbid", "stays limited"),
        (2, True, "forbid", "stays limited"),
        (2, [4], "forbid", "stays limited"),
        (2, 2**80, "forbid", "at most 1000"),
        (2, -(10**4000), "forbid", "at least 1"),
    ],
)
def test_the_shipped_guardrails_hold_for_limits(shipped, before, after, answer, said):
    """1 to 1000, at most four times at one step, and no limit loses its number."""
    ruling = asked(shipped, before, after)
    assert ruling.answer == answer
    assert said in ruling.reason


def test_the_shipped_guardrails_hold_for_no_other_lever(shipped):
    """A threshold of 0.2 is no limit below 1."""
    assert asked(shipped, 0.05, 0.2, lever="prefect-variable").answer == "ask"


def test_what_the_shipped_policy_permits(shipped):
    """The inverse of what a person approved, the engine's own goals; all else asks."""
    undo = {"action": "inverse", "before": 2000, "after": 2}
    assert asked(shipped, **undo, approved_by_person=True).answer == "permit"
    assert asked(shipped, **undo, approved_by_person=False).answer == "ask"
    assert asked(shipped, action="apply").answer == "ask"
    for action in ("create_goal", "close_goal"):
        for autonomous, person, answer in (
            (True, None, "permit"),
            (False, None, "ask"),
            (True, "ann", "ask"),
            (False, "ann", "ask"),
        ):
            goal = about_goal(action, "mean", NOON, autonomous=autonomous, person=person)
            assert shipped.rule(goal).answer == answer
    assert shipped.rule(about_decision("restart_service", "agent", NOON)).answer == "ask"


def test_a_decision_of_the_governed_system_is_asked_by_its_type():
    earned = a_rule("permit", 'resource == Target::"decision:restart_service"', action="decide")
    policy = a_policy(earned)
    for kind, answer in (("restart_service", "permit"), ("restart_services", "ask")):
        assert policy.rule(about_decision(kind, "agent", NOON)).answer == answer

"""The benchmark of decisions at small size: what it times are real and varied decisions."""

from benchmarks.policy import ACTIONS, decide, load, many_rules, requests
from grace.governance.policy import DEFAULT_POLICY


def test_requests_vary_and_every_answer_comes():
    rules, _ = load(DEFAULT_POLICY.read_text())
    answers, seconds = decide(rules, requests(300))
    assert (answers.total(), len(seconds)) == (300, 300)
    assert set(answers) == {"forbid", "ask", "permit"}
    asked = list(requests(300))
    assert {request.action for request in asked} == set(ACTIONS)
    assert len({(request.target, str(request.deed)) for request in asked}) == 300


def test_two_hundred_rules_are_two_hundred_that_can_decide():
    """Sound ones, of which some forbid, some permit, and most name something else."""
    rules, _ = load(many_rules(200))
    assert len(rules.stated) == 200
    answers, _ = decide(rules, requests(1000))
    assert answers["ask"] > answers["forbid"] > 0 < answers["permit"]


def test_the_same_is_drawn_again():
    assert list(requests(50)) == list(requests(50))

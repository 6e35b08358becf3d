"""The score of a change and its parts."""

import math

import pytest
from pydantic import ValidationError

from grace.governance.risk import Risk, RiskWeights, Track, assess

PROVEN = Track(ended=10, undone=0)


def assessed(*, reversible=True, reach="unit", e_value=1200.0, track=PROVEN, **weights) -> Risk:
    return assess(
        RiskWeights(**weights), reversible=reversible, reach=reach, e_value=e_value, track=track
    )


def test_a_proven_reversible_change_of_one_unit_has_no_risk():
    """Every part is named, and each adds nothing; evidence of 1,000 is enough."""
    risk = assessed(e_value=1000.0)
    assert (risk.score, risk.tier) == (0.0, "low")
    assert set(risk.parts.values()) == {0.0}


@pytest.mark.parametrize(
    ("differs", "part", "adds"),
    [
        ({"reversible": False}, "cannot be undone", 0.4),
        ({"reach": "shared"}, "touches what runs share", 0.2),
        ({"e_value": None}, "weak evidence", 0.2),
        ({"e_value": 100.0}, "weak evidence", 0.2 / 3),
        ({"e_value": 1.0}, "weak evidence", 0.2),
        ({"e_value": 0.01}, "weak evidence", 0.2),
        ({"track": Track(ended=0, undone=0)}, "never done before", 0.1),
        ({"track": Track(ended=4, undone=1)}, "undone before", 0.075),
    ],
)
def test_each_part_adds_what_its_weight_says(differs, part, adds):
    """One part at a time, the others at nothing."""
    risk = assessed(**({"e_value": math.inf} | differs))
    assert risk.parts.pop(part) == pytest.approx(adds)
    assert not any(risk.parts.values())
    assert risk.score == pytest.approx(adds, abs=0.0005)


def test_the_score_is_the_sum_of_its_parts():
    """A change by hand, of what all share, of a kind never done before."""
    risk = assessed(reach="shared", e_value=None, track=Track(ended=0, undone=0))
    assert risk.score == pytest.approx(sum(risk.parts.values())) == 0.5
    assert risk.tier == "medium"


def test_the_score_ends_at_one():
    """Whatever the weights, 1 is the most."""
    worst = Track(ended=1, undone=1)
    risk = assessed(reversible=False, reach="shared", e_value=None, track=worst, irreversible=5.0)
    assert (risk.score, risk.tier) == (1.0, "high")
    assert sum(risk.parts.values()) > 1


@pytest.mark.parametrize(
    ("weight", "tier"),
    [(0.299, "low"), (0.3, "medium"), (0.599, "medium"), (0.6, "high")],
)
def test_tiers_begin_at_their_bounds(weight, tier):
    assert assessed(reversible=False, irreversible=weight, e_value=math.inf).tier == tier


def test_evidence_that_is_no_number_counts_as_none():
    """NaN is not the absence of doubt."""
    assert assessed(e_value=math.nan).parts["weak evidence"] == pytest.approx(0.2)


@pytest.mark.parametrize("reversible", [True, False])
def test_what_cannot_be_undone_says_so_whatever_its_weight(reversible):
    """Rules go by it, also where it adds nothing to the score."""
    assert assessed(reversible=reversible, irreversible=0.0).reversible is reversible


def test_tiers_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match=r"medium_from 0\.7 is above high_from 0\.6"):
        RiskWeights(medium_from=0.7)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf, True, "0.4"])
def test_a_weight_that_is_no_weight_is_refused(weight):
    """Negative, endless and truth values would make a score that means nothing."""
    with pytest.raises(ValidationError):
        RiskWeights(shared=weight)

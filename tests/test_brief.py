"""The page that a person reads before answering says everything the answer depends on."""

import pytest

from grace.brief import brief, duration
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction
from tests.proposing import a_proposal, an_entry

POLICY = Policy(reviewers=("ann", "ben"))


@pytest.mark.parametrize(
    "fact",
    [
        "*sample workload* - Raise tag:pages from 2 to 8",
        "| mean excess wait | **5.20 s** |",
        "14 flow runs",
        "2026-03-01 11:53 to 12:00 UTC",
        "above 3.10 s; threshold 2.00 s",
        "2,346, needed 1,200",
        "- tag:other: no run met it",
        "- 2\n+ 8",
        "5.20 s → **0.70 s**. By replaying the runs.",
        "**0.15** of 1, tier low",
        "- weak evidence: 0.15",
        "The earliest verdict comes after 14 min, the latest after 60 min",
        "An effect below 0.52 s counts as none",
        "if it changes nothing it is undone",
        "`grace --log sample undo 0195-abc`",
        "Reviewers: ann, ben. Answer until 2026-03-04 12:00 UTC",
    ],
)
def test_the_brief_says(fact):
    """Numbers with n, interval and span; the diff; prediction, risk, time to a verdict, undo."""
    assert fact in brief(an_entry(a_proposal()), POLICY)


def test_risk_names_only_the_parts_that_count():
    """A part that adds nothing is not listed."""
    assert "other" not in brief(an_entry(a_proposal()), POLICY).partition("What it risks")[2]


def test_a_change_that_cannot_be_judged_is_labelled_so():
    """Without runs there is no time to a verdict, and the page does not invent one."""
    page = brief(an_entry(a_proposal(seconds_to_verdict=None)), POLICY)
    assert "It cannot be judged at the present volume" in page


def test_a_deployments_limit_comes_with_what_makes_it_last():
    """The next deploy would set back what its file declares; a tag's limit stands in no file."""
    patch = "deployments:\n  - name: nightly\n    concurrency_limit: 8\n"
    assert f"```yaml\n{patch}```" in brief(an_entry(a_proposal(prefect_yaml_patch=patch)), POLICY)
    assert "prefect deploy" not in brief(an_entry(a_proposal()), POLICY)


def test_a_change_without_data_claims_nothing():
    """By hand, with nothing logged: neither figures nor a prediction."""
    nothing = Evidence(metric="mean excess wait", unit="none", n=0, mean=None, ledger_size=0)
    blank = Prediction(metric="mean excess wait", now=None, then=None, how="nothing was logged")
    page = brief(an_entry(a_proposal(evidence=nothing, prediction=blank, log="main")), POLICY)
    assert "Nothing yet" in page
    assert "No prediction: nothing was logged" in page
    assert "sample workload" not in page


def test_text_from_the_log_is_shown_as_it_is():
    """An error's template in angle brackets, or a message that looks like a page, stays text."""
    proposal = a_proposal(title="Retry on <NUM> | **x**", why="<script>alert(1)</script>")
    page = brief(an_entry(proposal), POLICY)
    assert r"Retry on &lt;NUM&gt; \| \*\*x\*\*" in page
    assert "<script>" not in page


def test_the_record_of_its_kind_stands_beside_the_risk():
    """A line each, before how it is measured; without a record the page has no empty heading."""
    told = brief(an_entry(a_proposal()), POLICY, ["2 of 3 improved.", "Predicted -3.10 s."])
    before, _, after = told.partition("### How the last ones of this kind went\n\n")
    assert "### What it risks" in before
    assert after.startswith("- 2 of 3 improved.\n- Predicted -3.10 s.\n\n### How it is measured")
    assert "last ones" not in brief(an_entry(a_proposal()), POLICY)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(45, "45 s"), (840, "14 min"), (7200, "2 h"), (172800, "2 days"), (90000, "25 h")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    """Seconds, minutes, hours or days, whichever is short."""
    assert duration(seconds) == said


def test_what_cannot_be_undone_says_so_and_names_no_way_back():
    """The risk knows it; a command that would be refused is not offered."""
    like = a_proposal()
    page = brief(
        an_entry(a_proposal(risk=like.risk.model_copy(update={"reversible": False}))), POLICY
    )
    assert "**It cannot be undone:** what it does stays done." in page
    assert "grace --sample undo" not in page

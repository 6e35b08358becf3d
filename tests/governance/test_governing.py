"""The numbers and people of governance: what is read, and what is told where it is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.governance.governing import Governing, Measuring, read_governing
from grace.governance.learning import Learning
from grace.governance.policy import DEFAULT_GOVERNANCE
from grace.governance.risk import RiskWeights

FILE = Path("governance.toml")
REVIEWERS = 'reviewers = ["ann"]\n'


def refused(text: str) -> str:
    """The one line that says what is wrong with a text, after the name of the file."""
    with pytest.raises(BadInput) as caught:
        read_governing(FILE, text)
    message = str(caught.value)
    assert message.startswith("governance.toml: ")
    assert "\n" not in message
    return message.removeprefix("governance.toml: ")


def read_or_none(text: str) -> Governing | None:
    try:
        return read_governing(FILE, text)
    except BadInput:
        return None


def test_the_shipped_file_says_what_the_code_defaults_to():
    """The documented file and the defaults of the code are the same governance."""
    shipped = read_governing(DEFAULT_GOVERNANCE, DEFAULT_GOVERNANCE.read_text())
    assert shipped == Governing(reviewers=("operator",))


def test_the_documented_defaults_are_these():
    """20 changes a day, 5 open, 72 hours, 7 days; 30 pairs of 60 s; undo; weights and tiers."""
    shipped = read_governing(DEFAULT_GOVERNANCE, DEFAULT_GOVERNANCE.read_text())
    assert (shipped.changes_a_day, shipped.open_proposals) == (20, 5)
    assert (shipped.deadline, shipped.rest) == (timedelta(hours=72), timedelta(days=7))
    assert shipped.measuring == Measuring(
        pairs=30, least_block_seconds=60, effect_share=0.1, on_no_effect="undo"
    )
    assert shipped.risk == RiskWeights(
        irreversible=0.4,
        shared=0.2,
        evidence=0.2,
        novelty=0.1,
        track_record=0.3,
        medium_from=0.3,
        high_from=0.6,
    )


def test_everything_in_the_file_is_taken_over():
    """No key is read and then dropped."""
    text = (
        'reviewers = ["ann", "bob"]\nchanges_a_day = 3\nopen_proposals = 2\ndeadline_hours = 1.5\n'
        "rest_days = 0\n[measuring]\npairs = 8\nleast_block_seconds = 5\neffect_share = 0.2\n"
        'on_no_effect = "keep"\n[risk]\nshared = 0.5\n'
    )
    assert read_governing(FILE, text) == Governing(
        reviewers=("ann", "bob"),
        changes_a_day=3,
        open_proposals=2,
        deadline_hours=1.5,
        rest_days=0,
        measuring=Measuring(pairs=8, least_block_seconds=5, effect_share=0.2, on_no_effect="keep"),
        risk=RiskWeights(shared=0.5),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{REVIEWERS}changes_per_day = 3\n", "line 2, changes_per_day: there is no such key"),
        (
            f"{REVIEWERS}\n[risk]\nshared = 1\nsherad = 1\n",
            "line 5, risk.sherad: there is no such key",
        ),
        (f"{REVIEWERS}[risc]\nshared = 0.1\n", "line 2, risc: there is no such key"),
        (
            f"{REVIEWERS}[assurance]\nhihg = 'signature'\n",
            "line 3, assurance.hihg: there is no such key",
        ),
        (f"{REVIEWERS}[[forbid]]\ntarget = 'a'\n", "line 2, forbid: rules stand in policy.cedar"),
        (f"{REVIEWERS}[bounds]\nmost = 9\n", "line 2, bounds: rules stand in policy.cedar"),
        (f'{REVIEWERS}digest = "0"\n', "line 2, digest: there is no such key"),
        (f"{REVIEWERS}rules = []\n", "line 2, rules: there is no such key"),
    ],
)
def test_a_key_too_many_or_too_few_is_named_with_its_line(text, said):
    assert refused(text) == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('retrain = "train"', "retrain: 'train' names no deployment; write FLOW/DEPLOYMENT"),
        ('retrain = "a/b/c"', "retrain: 'a/b/c' names no deployment; write FLOW/DEPLOYMENT"),
        ('retrain = "a/ "', "retrain: 'a/ ' names no deployment; write FLOW/DEPLOYMENT"),
        ("retrain = 4", "retrain: Input should be a valid string"),
        ('threshold_variable = "Sure From"', "threshold_variable: 'Sure From' is no Prefect var"),
        ('model_parameter = "the model"', "model_parameter: 'the model' is no parameter"),
        ("threshold_step = 0", "threshold_step: Input should be greater than 0"),
        ("threshold_step = nan", "threshold_step: "),
        ("threshold_highest = 95", "threshold_highest: Input should be less than or equal to 1"),
        ("threshold = 0.5", "threshold: there is no such key"),
    ],
)
def test_what_learning_names_is_checked_with_its_line(line, said):
    """What it takes is said: a retraining is FLOW/DEPLOYMENT, a threshold lies in 0 to 1."""
    assert refused(f"{REVIEWERS}[learning]\n# here\n{line}\n").startswith(
        f"line 4, learning.{said}"
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("threshold_lowest = 0.9\nthreshold_highest = 0.9", "threshold_lowest 0.9 is not below"),
        ('model_parameter = "model"', "model_parameter is a parameter of the deployment"),
    ],
)
def test_what_does_not_go_together_in_learning_is_told(lines, said):
    """With the line of its table: bounds in the wrong order, a parameter of no deployment."""
    assert refused(f"{REVIEWERS}[learning]\n{lines}\n").startswith(f"line 2, learning: {said}")


def test_learning_names_nothing_by_default_and_all_of_it_is_taken_over():
    shipped = read_governing(DEFAULT_GOVERNANCE, DEFAULT_GOVERNANCE.read_text()).learning
    assert shipped == Learning(threshold_step=0.05, threshold_lowest=0.5, threshold_highest=0.95)
    assert (shipped.retrain, shipped.threshold_variable) == (None, None)
    text = DEFAULT_GOVERNANCE.read_text()
    for name in ("retrain", "model_parameter", "threshold_variable"):
        text = text.replace(f"# {name} = ", f"{name} = ")
    named = read_governing(FILE, text).learning
    assert named.retrain == "train-model/on-demand"
    assert (named.model_parameter, named.threshold_variable) == ("model", "confidence_threshold")


def test_webhooks_are_named_with_where_their_secret_is():
    """As the shipped file shows it, once its lines are no comments any more."""
    text = DEFAULT_GOVERNANCE.read_text()
    shown = [line for line in text.partition("# [webhooks")[2].splitlines() if "_block" not in line]
    table = "\n".join(["[webhooks" + shown[0], *(line.removeprefix("# ") for line in shown[1:])])
    named = read_governing(FILE, f"{REVIEWERS}{table}\n").webhooks["tickets"]
    assert (named.secret_variable, named.secret_block) == ("TICKETS_SECRET", None)
    assert named.undo_url == "https://tickets.example/undo"
    assert read_governing(FILE, text).webhooks == {}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('url = "tickets"\nsecret_block = "a"', ".url: it is no address"),
        ('url = "ftp://a/b"\nsecret_block = "a"', ".url: it is no address"),
        ('url = "http://a:b@c/"\nsecret_block = "a"', ".url: an address with a password"),
        ('url = "http://a/"', ": name either secret_variable or secret_block"),
        ('secret_block = "a"', ".url: is missing"),
        ('url = "http://a/"\nsecret_variable = "whsec_QUJD+/=="', ".secret_variable: it names no"),
        ('url = "http://a/"\nsecret_block = "A b"', ".secret_block: it names no Secret block"),
        ('url = "http://a/"\nsecret = "whsec_QUJD"', ".secret: there is no such key"),
    ],
)
def test_a_webhook_that_is_none_is_told_without_its_secret(lines, said):
    told = refused(f"{REVIEWERS}[webhooks.pager]\n{lines}\n")
    assert f"webhooks.pager{said}" in told
    assert "QUJD" not in told


def test_a_key_that_begins_like_another_is_told_apart():
    """The `pairs` of the measuring is wrong, not the key before it, and not a comment."""
    text = f"# pairs = 6\n{REVIEWERS}[measuring]\npairs_of_all = 1\npairs = 6\n"
    assert refused(text.replace("pairs_of_all = 1\n", "")).startswith("line 4, measuring.pairs: ")
    assert refused(text.replace("pairs = 6\n", "pairs = 7\n")) == (
        "line 4, measuring.pairs_of_all: there is no such key"
    )


def test_a_syntax_error_is_told_with_its_line():
    assert "line 2" in refused(f"{REVIEWERS}changes_a_day = = 3\n")


def test_what_is_nested_without_end_is_refused():
    assert refused(f"reviewers = {'[' * 20_000}") == "it is nested too deep"


@pytest.mark.parametrize("reviewers", ["[]", '[""]', '["  "]', '"ann"', "[1]", "true"])
def test_without_names_there_are_no_reviewers(reviewers):
    """An empty list, blanks, and what is no list of names: somebody must be able to answer."""
    assert refused(f"reviewers = {reviewers}\n").startswith("line 1, reviewers")


@pytest.mark.parametrize(
    "line",
    [
        "changes_a_day = true",
        "changes_a_day = 2.5",
        "changes_a_day = -1",
        'changes_a_day = "20"',
        "open_proposals = 0",
        "deadline_hours = nan",
        "deadline_hours = inf",
        "deadline_hours = 0",
        "deadline_hours = 1e12",
        "rest_days = true",
        "rest_days = -inf",
        "measuring.pairs = 6",
        "measuring.effect_share = nan",
        "measuring.least_block_seconds = inf",
        'measuring.on_no_effect = "maybe"',
        "risk.shared = nan",
        "risk.high_from = inf",
        "risk.novelty = true",
        "risk.novelty = -0.1",
    ],
)
def test_a_value_that_is_no_sensible_number_is_named_with_its_line(line):
    """Truth values, NaN, infinity, numbers in quotes and numbers out of range."""
    name = line.partition(" ")[0]
    assert refused(f"{REVIEWERS}# here\n{line}\n").startswith(f"line 3, {name}: ")


@pytest.mark.parametrize("value", ['"sworn"', '"Signed in"', '""', "3", "true"])
def test_there_are_three_ways_to_be_known(value):
    """Declared, signed in and signature; a word for none of them is refused with its line."""
    text = f"{REVIEWERS}[assurance]\nhigh = {value}\n"
    assert refused(text).startswith("line 3, assurance.high: Input should be 'declared', 'signed")


def test_tiers_in_the_wrong_order_are_refused():
    """Every score above 0.3 would be high, and none medium."""
    text = f"{REVIEWERS}[risk]\nmedium_from = 0.7\nhigh_from = 0.3\n"
    assert refused(text) == "line 2, risk: medium_from 0.7 is above high_from 0.3"


@given(st.text(max_size=60))
def test_any_text_ends_in_one_line_of_complaint(text):
    """Whatever the text, it ends in BadInput, or says nothing: none sets a key by chance."""
    if read_or_none(text) != Governing():
        refused(text)

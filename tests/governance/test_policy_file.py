"""The policy file: what is read from it, and what it is told where it is wrong."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.governance.policy import DEFAULT, Bounds, Measuring, Policy, Rule, load_policy
from grace.governance.risk import RiskWeights
from grace.settings import Settings

REVIEWERS = 'reviewers = ["ann"]\n'


@pytest.fixture
def load(tmp_path):
    """Load a policy of this text; the file is policy.toml."""

    def loaded(text: str | bytes) -> Policy:
        path = tmp_path / "policy.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_policy(Settings(data_dir=tmp_path, policy_file=path))

    return loaded


@pytest.fixture
def refused(load, tmp_path):
    """The one line that says what is wrong with a text, after the name of the file."""

    def said(text: str | bytes) -> str:
        with pytest.raises(BadInput) as caught:
            load(text)
        message = str(caught.value)
        prefix = f"policy {tmp_path / 'policy.toml'}: "
        assert message.startswith(prefix)
        assert "\n" not in message
        return message.removeprefix(prefix)

    return said


def test_the_shipped_policy_says_what_the_code_defaults_to(tmp_path):
    """The documented file and the defaults of the code are the same policy."""
    shipped = load_policy(Settings(data_dir=tmp_path))
    inverse = Rule(purpose="inverse", reason="approving a change approves its inverse")
    assert shipped == Policy(
        reviewers=("operator",),
        permit=(inverse,),
        digest=hashlib.sha256(DEFAULT.read_bytes()).hexdigest(),
    )


def test_the_documented_defaults_are_these(tmp_path):
    """20 changes a day, 5 open, 72 hours, 7 days; 1 to 1000 by 4 times; 30 pairs of 60 s; undo."""
    shipped = load_policy(Settings(data_dir=tmp_path))
    assert (shipped.changes_a_day, shipped.open_proposals) == (20, 5)
    assert (shipped.deadline, shipped.rest) == (timedelta(hours=72), timedelta(days=7))
    assert shipped.bounds == Bounds(least=1, most=1000, step_factor=4)
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


def test_a_log_has_its_own_policy(tmp_path):
    """data/main/policy.toml is read without being named, and not by the sample log."""
    settings = Settings(data_dir=tmp_path)
    settings.log_dir.mkdir()
    (settings.log_dir / "policy.toml").write_text('reviewers = ["zoe"]')
    assert load_policy(settings).reviewers == ("zoe",)
    assert load_policy(settings.for_sample(True)).reviewers == ("operator",)


def test_everything_in_the_file_is_taken_over(load):
    """No key is read and then dropped."""
    policy = load(
        'reviewers = ["ann", "bob"]\nchanges_a_day = 3\nopen_proposals = 2\ndeadline_hours = 1.5\n'
        'rest_days = 0\n[[forbid]]\nlever = "a*"\ntarget = "b"\nreason = "c"\n'
        '[[permit]]\npurpose = "inverse"\nreason = "d"\n[bounds]\nleast = 2\nmost = 9\n'
        "step_factor = 2\n[measuring]\npairs = 8\nleast_block_seconds = 5\neffect_share = 0.2\n"
        'on_no_effect = "keep"\n[risk]\nshared = 0.5\n'
    )
    assert policy == Policy(
        reviewers=("ann", "bob"),
        changes_a_day=3,
        open_proposals=2,
        deadline_hours=1.5,
        rest_days=0,
        forbid=(Rule(lever="a*", target="b", reason="c"),),
        permit=(Rule(purpose="inverse", reason="d"),),
        bounds=Bounds(least=2, most=9, step_factor=2),
        measuring=Measuring(pairs=8, least_block_seconds=5, effect_share=0.2, on_no_effect="keep"),
        risk=RiskWeights(shared=0.5),
        digest=policy.digest,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{REVIEWERS}changes_per_day = 3\n", "line 2, changes_per_day: there is no such key"),
        (
            f"{REVIEWERS}\n[bounds]\nmost = 9\nleest = 1\n",
            "line 5, bounds.leest: there is no such key",
        ),
        (f"{REVIEWERS}[risc]\nshared = 0.1\n", "line 2, risc: there is no such key"),
        ("changes_a_day = 3\n", "reviewers: is missing"),
        (f"{REVIEWERS}[[forbid]]\ntarget = 'a'\n", "line 2, forbid.reason: is missing"),
    ],
)
def test_a_key_too_many_or_too_few_is_named_with_its_line(refused, text, said):
    assert refused(text) == said


def test_the_line_is_that_of_the_rule_and_not_of_its_neighbour(refused):
    """Of two rules with the same keys, the wrong one is named; comments name nothing."""
    text = f'# reason = ""\n{REVIEWERS}[[forbid]]\nreason = "a"\n[[forbid]]\nreason = ""\n'
    assert refused(text).startswith("line 6, forbid.reason: ")


def test_a_key_that_begins_like_another_is_told_apart(refused):
    """The `most` of the bounds is wrong, not the key before it that begins so."""
    text = f"{REVIEWERS}[[forbid]]\nmost_of_all = 1\nreason = 'a'\n[bounds]\nmost = 0\n"
    assert refused(text) == "line 3, forbid.most_of_all: there is no such key"
    assert refused(text.replace("most_of_all", "lever").replace("= 1", "= 'a'")).startswith(
        "line 6, bounds.most: "
    )


def test_a_syntax_error_is_told_with_its_line(refused):
    assert "line 2" in refused(f"{REVIEWERS}changes_a_day = = 3\n")


def test_a_file_that_is_no_text_is_refused(refused):
    assert "utf-8" in refused(b"reviewers = ['\xff']")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """A policy that was named and is gone is an error, never the default."""
    path = tmp_path / "gone.toml"
    with pytest.raises(BadInput, match=r"gone\.toml: No such file"):
        load_policy(Settings(data_dir=tmp_path, policy_file=path))


def test_a_folder_is_no_policy(tmp_path):
    with pytest.raises(BadInput, match="directory"):
        load_policy(Settings(data_dir=tmp_path, policy_file=tmp_path))


@pytest.mark.parametrize("reviewers", ["[]", '[""]', '["  "]', '"ann"', "[1]", "true"])
def test_without_names_there_are_no_reviewers(refused, reviewers):
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
        "bounds.least = true",
        "bounds.most = false",
        "bounds.most = inf",
        "bounds.step_factor = nan",
        "bounds.step_factor = inf",
        "bounds.step_factor = true",
        "bounds.step_factor = 0.5",
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
def test_a_value_that_is_no_sensible_number_is_named_with_its_line(refused, line):
    """Truth values, NaN, infinity, numbers in quotes and numbers out of range."""
    name = line.partition(" ")[0]
    assert refused(f"{REVIEWERS}# here\n{line}\n").startswith(f"line 3, {name}: ")


def test_bounds_in_the_wrong_order_are_refused(refused):
    """They would forbid everything and say nothing about why."""
    text = f"{REVIEWERS}[bounds]\nleast = 10\nmost = 5\n"
    assert refused(text) == "line 2, bounds: least 10 is above most 5"


def test_the_digest_is_that_of_the_file(load, tmp_path):
    """What sha256sum says of the file, so that an auditor can compare; line ends count."""
    text = f"{REVIEWERS}rest_days = 1\n"
    digests = {
        load(each).digest for each in (text, text + "# a comment\n", text.replace("\n", "\r\n"))
    }
    assert len(digests) == 3
    assert load(text).digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_cannot_be_written_into_the_file(load):
    text = f'{REVIEWERS}digest = "{"0" * 64}"\n'
    assert load(text).digest == hashlib.sha256(text.encode()).hexdigest()


@given(st.text(max_size=60))
def test_any_text_is_a_policy_or_one_line_of_complaint(tmp_path_factory, text):
    """Whatever the text, it ends in BadInput with one line: none names a reviewer by chance."""
    path = tmp_path_factory.mktemp("policies") / "policy.toml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(BadInput, match=r"\A[^\n]+\Z"):
        load_policy(Settings(policy_file=path))

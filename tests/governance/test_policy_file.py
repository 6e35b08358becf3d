"""The files of a policy: which are read, what binds them together, and what is refused."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.governance.policy import DEFAULT_GOVERNANCE, DEFAULT_POLICY, Policy, load_policy
from grace.settings import Settings
from tests.ruling import a_rule, asked

REVIEWERS = 'reviewers = ["zoe"]\n'
EARNED = a_rule("permit", 'resource.name == "restart_service"', "earned", action="decide")


@pytest.fixture
def home(settings: Settings) -> Path:
    """The folder of the main log, in which a policy may lie."""
    settings.log_dir.mkdir(parents=True)
    return settings.log_dir


def refused(settings: Settings) -> str:
    with pytest.raises(BadInput, match=r"\A[^\n]+\Z") as caught:
        load_policy(settings)
    return str(caught.value)


def test_without_files_the_shipped_ones_are_in_force(settings):
    """Six rules, one reviewer, and the digest that an auditor can make of the two files."""
    shipped = load_policy(settings)
    assert [rule.effect for rule in shipped.rules.stated] == ["forbid"] * 4 + ["permit"] * 2
    assert all(rule.path == DEFAULT_POLICY for rule in shipped.rules.stated)
    assert shipped.reviewers == ("operator",)


def test_a_log_has_its_own_policy(settings, home):
    """data/main/ is read without being named, and not by the sample log."""
    (home / "policy.cedar").write_text(a_rule("forbid", reason="hands off"))
    (home / "governance.toml").write_text(REVIEWERS)
    ours, sample = load_policy(settings), load_policy(settings.for_log("sample"))
    assert (ours.reviewers, asked(ours).reason) == (("zoe",), "hands off")
    assert (sample.reviewers, asked(sample).answer) == (("operator",), "ask")


def test_files_that_are_named_are_read_in_place_of_those_beside_the_log(settings, home, tmp_path):
    (home / "policy.cedar").write_text("this is not read")
    (home / "governance.toml").write_text("nor = 'this'")
    policy, numbers = tmp_path / "mine.cedar", tmp_path / "mine.toml"
    policy.write_text(a_rule("forbid", reason="named"))
    numbers.write_text(REVIEWERS)
    named = settings.model_copy(update={"policy_file": policy, "governance_file": numbers})
    loaded = load_policy(named)
    assert (asked(loaded).reason, loaded.reviewers) == ("named", ("zoe",))


def test_a_file_that_was_changed_is_read_anew(settings, home):
    """What was parsed once is kept by its content, not by its name."""
    file = home / "policy.cedar"
    for reason in ("first", "other", "first"):
        file.write_text(a_rule("forbid", reason=reason))
        assert asked(load_policy(settings)).reason == reason
    assert load_policy(settings).rules is load_policy(settings).rules


def test_the_digest_binds_every_file(settings, home):
    """A comment in any of them makes another one, and so does a file that comes or goes."""
    files = {
        "policy.cedar": a_rule("forbid"),
        "governance.toml": REVIEWERS,
        "earned.cedar": EARNED,
    }
    digests = [load_policy(settings).digest]
    for name, text in files.items():
        for content in (text, f"{text}\n", text.replace("\n", "\r\n") + "\r\n"):
            (home / name).write_bytes(content.encode())
            digests.append(load_policy(settings).digest)
    assert len(set(digests)) == len(digests)
    (home / "earned.cedar").unlink()
    assert load_policy(settings).digest == digests[-4]


@pytest.mark.parametrize("earned", [False, True])
def test_the_digest_is_made_of_what_sha256sum_says(settings, home, earned):
    """`sha256sum FILES | sha256sum`, the names in order: no Grace is needed to compare it."""
    names = ["governance.toml", "policy.cedar"]
    (home / "policy.cedar").write_text(a_rule("forbid"))
    (home / "governance.toml").write_text(REVIEWERS)
    if earned:
        (home / "earned.cedar").write_text(EARNED)
        names.insert(0, "earned.cedar")
    printed = subprocess.run(["sha256sum", *names], cwd=home, capture_output=True, check=True)
    assert load_policy(settings).digest == hashlib.sha256(printed.stdout).hexdigest()


def test_permits_that_were_earned_count_and_forbids_still_win(settings, home):
    """Beside the shipped rules; its places are told by its own name."""
    (home / "earned.cedar").write_text(f"// by a record\n{a_rule('permit', reason='earned')}")
    ruling = asked(load_policy(settings))
    assert (ruling.answer, ruling.rules) == ("permit", ("earned.cedar, line 2",))
    assert asked(load_policy(settings), 2, 9).answer == "forbid"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (a_rule("forbid"), "line 2: only permit may stand in this file"),
        ("permit (principal, action, resource);", 'line 2: this permit has no @reason("…")'),
        (a_rule("permit", "context.foo"), "line 2: attribute `foo` in context"),
    ],
)
def test_what_is_no_sound_permit_is_no_earned_one(settings, home, text, said):
    (home / "earned.cedar").write_text(f"\n{text}\n")
    assert refused(settings).startswith(f"{home / 'earned.cedar'}: {said}")


def test_an_old_policy_is_never_passed_over(settings, home):
    """Its rules would silently be in force no more; also beside new files, and when named."""
    old = home / "policy.toml"
    old.write_text(REVIEWERS)
    assert refused(settings).startswith(f"{old}: policies are written in Cedar now: write")
    (home / "policy.cedar").write_text(a_rule("forbid"))
    assert refused(settings).startswith(f"{old}: policies are written in Cedar now: write")
    load_policy(settings.for_log("sample"))
    named = settings.for_log("sample").model_copy(update={"policy_file": old})
    assert refused(named).startswith(f"{old}: policies are written in Cedar now: write")


@pytest.mark.parametrize("name", ["policy_file", "governance_file"])
def test_a_file_that_was_named_and_is_gone_is_an_error(settings, tmp_path, name):
    """Never the default."""
    gone = tmp_path / "gone.cedar"
    named = settings.model_copy(update={name: gone})
    assert refused(named) == f"{gone}: No such file or directory"
    assert "directory" in refused(settings.model_copy(update={name: tmp_path}))


@pytest.mark.parametrize("name", ["policy.cedar", "governance.toml", "earned.cedar"])
def test_a_file_that_is_no_text_is_refused(settings, home, name):
    (home / name).write_bytes(b"reviewers = ['\xff']")
    assert refused(settings).startswith(f"{home / name}: 'utf-8'")


def test_mistakes_are_told_with_their_file_and_line(settings, home):
    (home / "governance.toml").write_text(f"{REVIEWERS}changes_a_dya = 3\n")
    assert refused(settings) == (
        f"{home / 'governance.toml'}: line 2, changes_a_dya: there is no such key"
    )
    (home / "policy.cedar").write_text(f"\n\n{a_rule('forbid', 'context.levr')}")
    assert refused(settings).startswith(f"{home / 'policy.cedar'}: line 3: attribute `levr`")


def test_without_rules_everything_is_asked():
    assert asked(Policy(reviewers=("ann",))).answer == "ask"


@pytest.mark.parametrize("shipped", [DEFAULT_POLICY, DEFAULT_GOVERNANCE])
def test_the_examples_in_the_shipped_files_can_be_used(settings, home, shipped):
    """Every line that is commented out to be taken in is sound."""
    text = shipped.read_text()
    name = "policy.cedar" if shipped is DEFAULT_POLICY else "governance.toml"
    starts = ("// @", "// forbid", "// when", "// unless")
    lines = [
        line.removeprefix("// ") if line.startswith(starts) else line for line in text.split("\n")
    ]
    (home / name).write_text("\n".join(lines))
    effects = [rule.effect for rule in load_policy(settings).rules.stated]
    assert effects.count("forbid") == (7 if shipped is DEFAULT_POLICY else 4)


@given(st.text(max_size=80) | st.text('()[]{};"/\\@.&|= \r\npermitforbidwhen', max_size=80))
def test_any_text_is_a_policy_or_one_line_of_complaint(tmp_path_factory, text):
    """Whatever the text, it is empty of rules or ends in BadInput with one line."""
    path = tmp_path_factory.mktemp("policies") / "policy.cedar"
    path.write_bytes(text.encode(errors="surrogatepass"))
    said = f"{path}: "
    try:
        assert load_policy(Settings(policy_file=path)).rules.stated == ()
    except BadInput as problem:
        said = str(problem)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said

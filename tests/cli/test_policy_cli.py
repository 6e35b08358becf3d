"""`grace policy`: a draft is read without being in force; a change is asked about, not proposed."""

import json

import pytest

from grace.cli import main
from grace.governance.policy import load_policy
from tasks.levers.earned_permit import EarnedPermit
from tests.ruling import INVERSE, a_rule


@pytest.fixture
def run(capsys):
    """Runs one command; its exit code, standard output and standard error."""

    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["policy", *arguments])
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run_command


def test_the_policy_in_force_is_counted_and_named_by_its_digest(run, settings):
    settings.log_dir.mkdir(parents=True)
    settings.earned_file.write_text(a_rule("permit", action="decide"))
    code, out, _ = run("check", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "rules": {"forbid": 4, "permit": 2, "earned": 1},
            "reviewers": ["operator"],
            "digest": load_policy(settings).digest,
        },
    )
    assert run("check")[1].startswith("Sound: 4 forbid, 2 permit, 1 earned. Reviewers: operator.\n")


def test_a_draft_is_checked_in_the_place_of_what_is_in_force(run, settings, tmp_path):
    """The digest is what it would be; the one in force stays."""
    in_force = load_policy(settings).digest
    rules, numbers = tmp_path / "draft.cedar", tmp_path / "draft.toml"
    rules.write_text(f"{a_rule('forbid')}\n{INVERSE}")
    numbers.write_text('reviewers = ["zoe"]')
    told = json.loads(run("check", str(rules), "--json")[1])
    assert told["rules"] == {"forbid": 1, "permit": 1, "earned": 0}
    of_numbers = json.loads(run("check", str(numbers), "--json")[1])["digest"]
    assert len({told["digest"], of_numbers, in_force}) == 3
    assert "Reviewers: zoe" in run("check", str(numbers))[1]
    assert load_policy(settings).digest == in_force


def test_a_draft_with_a_mistake_exits_2_with_its_line(run, tmp_path):
    draft = tmp_path / "draft.cedar"
    draft.write_text(f"\n{a_rule('forbid', 'context.levr == 1')}\n")
    code, out, err = run("check", str(draft))
    assert (code, out) == (2, "")
    assert err.startswith(f"grace: {draft}: line 2: attribute `levr` in context")
    assert err.count("\n") == 1


def test_a_change_is_asked_about_with_the_rule_that_answers(run):
    code, out, _ = run("ask", "tag:pages", "2", "9")
    forbidden, applied, inverse = out.splitlines()
    assert code == 0
    assert forbidden.startswith("change: forbid. a limit grows to at most four times itself")
    assert "(default_policy.cedar, line " in forbidden
    assert applied == "apply: nothing holds it back at this moment"
    assert inverse.startswith("inverse, once a person approved: permit. approving a change")


def test_what_is_asked_is_what_was_said(run, settings):
    """Lever, kind, proposer, risk and its tier, reversibility, moment: a rule sees them all."""
    settings.log_dir.mkdir(parents=True)
    seen = (
        'context.lever == "webhook" && context.kind == "x" && principal == Person::"ann" && '
        'context.risk == decimal("0.4") && context.tier == "medium" && !context.reversible && '
        'context.weekday == 4 && context.hour == 12 && context.after.kind == "absent" && '
        'context.before has text && context.before.text == "a"'
    )
    (settings.log_dir / "policy.cedar").write_text(
        f"{a_rule('forbid', seen, 'seen')}\n{a_rule('forbid', seen, 'frozen', action='apply')}"
    )
    words = ("tag:x", "a", "null", "--lever", "webhook", "--kind", "x", "--as", "ann")
    at = ("--at", "2026-12-24 12:00")
    told = json.loads(run("ask", *words, "--risk", "0.4", "--irreversible", *at, "--json")[1])
    assert told["change"] == {
        "answer": "forbid",
        "reason": "seen",
        "rules": ["policy.cedar, line 1"],
    }
    assert (told["apply"]["reason"], told["inverse"]["answer"]) == ("frozen", "ask")
    assert told["digest"] == load_policy(settings).digest
    out = run("ask", *words, "--risk", "0.4", "--irreversible", *at)[1]
    assert "apply: forbid. frozen (policy.cedar, line 2)" in out


def test_a_variable_is_no_limit(run):
    """The lever follows from the target's kind, so that its own rules answer."""
    assert run("ask", "variable:threshold", "0.05", "0.9")[1].startswith("change: ask.")


def test_a_run_is_asked_about_by_its_own_lever(run, settings):
    """A rule about its lever finds it by the target alone."""
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    what = '(principal, action == Action::"change", resource)'
    rule = f'forbid {what} when {{ context.lever == "run-deployment" }};'
    (settings.log_dir / "policy.cedar").write_text(f'@reason("no runs")\n{rule}\n')
    value = '{"key": "a", "parameters": {}}'
    assert run("ask", "run:train/again", "null", value)[1].startswith("change: forbid. no runs")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1" * 5000, "[" * 100_000])
def test_what_is_no_value_exits_2_with_one_line(run, value):
    code, _, err = run("ask", "tag:x", "2", value)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("grace: ")


def test_a_decision_is_asked_about_by_its_type_and_system(run, settings):
    """From ask to permit once it was earned, in the words of the rule; nothing is recorded."""
    settings.log_dir.mkdir(parents=True)
    words = ("ask", "decision:restart_service", "--as", "ops-agent")
    assert run(*words)[:2] == (0, "decide: ask. no rule permits it, so a person decides\n")
    value = {"systems": ["ops-agent"], "reason": "it earned it"}
    EarnedPermit(settings).apply("permit:restart_service", value)
    assert run(*words)[1] == "decide: permit. it earned it (earned.cedar, line 4)\n"
    assert json.loads(run(*words, "--json")[1])["decide"]["answer"] == "permit"
    assert run(*words[:-1], "other")[1].startswith("decide: ask.")
    assert not (settings.log_dir / "grace.db").exists()


@pytest.mark.parametrize("words", [("decision:x",), ("tag:x",), ("tag:x", "2"), ("decision:",)])
def test_a_question_that_lacks_something_exits_2_with_one_line(run, words):
    code, _, err = run("ask", *words)
    assert (code, err.count("\n")) == (2, 1)

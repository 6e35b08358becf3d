"""The command line on a log with a proposal that waits: what people and programs read from it."""

import json

import pytest

from grace.cli import main
from grace.governance.register import list_entries
from tasks.runs import read_run

ENDS = pytest.raises(SystemExit)


@pytest.fixture
def run(capsys, desk):
    """Runs one command; its exit code, standard output and standard error."""

    def run_command(*arguments):
        capsys.readouterr()
        with ENDS as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run_command


def test_a_proposal_by_hand_goes_the_whole_way(run, desk):
    """propose, proposals, show, approve: each tells programs what it did, and the limit moves."""
    code, out, _ = run("--json", "propose", desk.target, "4", "--as", "carl", "--why", "a test")
    proposed = json.loads(out)
    assert (code, proposed["state"], proposed["after"]) == (0, "awaiting_approval", 4)

    _, out, _ = run("--json", "proposals", "--waiting")
    (row,) = json.loads(out)
    assert row["id"] == proposed["id"]
    assert {
        "id",
        "state",
        "kind",
        "target",
        "risk",
        "tier",
        "created_at",
        "deadline",
        "verdict",
    } <= (row.keys())

    desk.carry_on(desk.entry_of(row["id"]))
    code, out, _ = run("approve", row["id"][-8:], "--as", "ann", "--reason", "fine")
    assert code == 0
    desk.carry_on(desk.entry_of(row["id"]))
    assert desk.limit == 4

    _, out, _ = run("--json", "show", row["id"])
    told = json.loads(out)
    assert [each["answer"] for each in told["decisions"]] == ["ask", "approve"]
    assert [each["value"] for each in told["actions"]] == [4]
    _, out, _ = run("show", row["id"])
    assert "approve by ann (declared)" in out


def test_a_rejection_is_taken_from_the_command_line(run, desk):
    """The run goes on, and nothing is applied."""
    entry = desk.propose(4)
    desk.carry_on(entry)
    assert run("reject", entry.id, "--as", "ben", "--reason", "no")[0] == 0
    desk.carry_on(entry)
    assert (desk.entry(entry).state, desk.limit) == ("rejected", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", "nothing", "--as", "ann", "--reason", "x"), "no proposal with id 'nothing'"),
        (("propose", "pages", "3", "--why", "x", "--as", "c"), "write tag:NAME"),
        (("propose", "global:g", "no", "--why", "x", "--as", "c"), "a whole number from 1 on"),
        (("propose", "global:g", "0", "--why", "x", "--as", "c"), "a whole number from 1 on"),
        (("propose", "global:g", "true", "--why", "x", "--as", "c"), "a whole number from 1 on"),
        (("propose", "deployment:a/b", "3", "--why", "x", "--as", "c"), "no deployment 'a/b'"),
        (("propose", "global:g", "3", "--why", "x", "--as", "c", "--lever", "magic"), "no lever"),
        (("propose", "work-pool:p", "3", "--why", "x", "--as", "c"), "no work pool 'p'"),
        (("propose", "work-queue:p", "3", "--why", "x", "--as", "c"), "work-queue:POOL/NAME"),
        (("propose", "schedule:a/b#c", "600", "--why", "x", "--as", "c"), "no deployment 'a/b'"),
        (("propose", "parameters:a", "{}", "--why", "x", "--as", "c"), "write parameters:FLOW/"),
        (("propose", "retries:a/b", "11", "--why", "x", "--as", "c"), "from 0 to 10"),
        (("propose", "webhook:w", "{}", "--why", "x", "--as", "c"), "no webhook 'w'"),
        (("propose", "global:g", "3", "--why", "x", "--as", "Grace"), "the engine's name"),
        (("undo", "nothing", "--as", "ann", "--reason", "x"), "no proposal with id 'nothing'"),
        (("pause", "--as", "mallory", "--reason", "x"), "'mallory' is not on the list"),
        (("status", "--why", "tag:unseen"), "no cycle has looked at 'tag:unseen'"),
    ],
)
def test_bad_input_is_one_clear_line(run, desk, arguments, said):
    """Exit code 2, one line on standard error that says what to do, and nothing proposed."""
    assert list_entries(desk.store) == []
    code, out, err = run(*arguments)
    assert list_entries(desk.store) == []
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("grace: ")
    assert err.count("\n") == 1


def test_the_same_value_is_no_change(run, desk):
    """Proposing what is set already is refused with the value."""
    code, _, err = run("propose", desk.target, "2", "--as", "c", "--why", "x")
    assert (code, err) == (2, f"grace: {desk.target} is 2 already\n")


def test_a_forbidden_change_exits_2_with_the_rule(run, desk):
    """It is recorded, and no run waits for anybody."""
    code, _, err = run("propose", desk.target, "2000", "--as", "c", "--why", "x")
    assert code == 2
    assert "the policy forbids it: a limit is at most 1000; a limit grows to at most four" in err


def test_a_policy_with_a_typing_error_stops_everything_at_its_line(run, desk):
    """File and line, exit 2, and the proposal still waits."""
    entry = desk.propose(4)
    desk.carry_on(entry)
    desk.governance_file.write_text('reviewers = ["ann"]\nchanges_a_dya = 3\n')
    code, _, err = run("approve", entry.id, "--as", "ann", "--reason", "x")
    assert code == 2
    assert f"{desk.governance_file}: line 2" in err
    assert err.count("\n") == 1
    assert read_run(entry.run_id).stands == "asking"


def test_the_wrong_person_is_told_before_the_run_goes_on(run, desk):
    """The command line asks the same rules first; the run keeps waiting."""
    entry = desk.propose(4)
    desk.carry_on(entry)
    code, _, err = run("approve", entry.id, "--as", "carl", "--reason", "x")
    assert code == 2
    assert "'carl' is not on the list of reviewers (ann, ben)" in err
    assert read_run(entry.run_id).stands == "asking"


def test_a_prefect_that_does_not_answer_is_one_line(run, desk, monkeypatch):
    """Nothing is written where the server is away."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        code, _, err = run("propose", desk.target, "4", "--as", "c", "--why", "x")
    assert code == 2
    assert "Prefect does not answer" in err
    assert err.count("\n") == 1
    assert not (desk.settings.log_dir / "grace.db").exists()


def test_status_tells_the_log_without_prefect(run, desk, monkeypatch):
    """Engines are unknown, the rest is read from the log, and the trouble is named."""
    desk.propose(4)
    monkeypatch.delenv("PREFECT_API_URL")
    code, out, _ = run("--json", "status")
    told = json.loads(out)
    assert (code, told["engines"], told["waiting"]) == (0, {}, 1)
    assert "grace up" in told["prefect"]
    assert told["ledger"]["size"] > 0


def test_pause_and_resume_are_recorded(run, desk):
    """A pause holds until it is resumed, and status says who paused and why."""
    assert run("pause", "--as", "ann", "--reason", "release week")[0] == 0
    _, out, _ = run("--json", "status")
    assert json.loads(out)["paused"] == "paused by ann: release week"
    assert run("resume", "--as", "ben", "--reason", "done")[0] == 0
    _, out, _ = run("--json", "status")
    assert json.loads(out)["paused"] is None

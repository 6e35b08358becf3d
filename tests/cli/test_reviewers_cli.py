"""`grace reviewers` and signed answers on the command line, as people and programs meet them."""

import io
import json
from datetime import UTC, datetime

import pytest

from grace.cli import main
from grace.identity.roster import read_roster
from grace.notary.signer import sign
from grace.store.read import newest
from tasks.runs import read_run

PASSWORD = "correct horse battery"


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs one command, with what is piped into it; exit code, standard output and error."""

    def run_command(*arguments, piped=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(piped))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run_command


def test_a_reviewer_comes_with_a_password_and_goes(run, settings):
    """The list says who has what; the password is nowhere in it, nor in what is said."""
    code, out, _ = run("reviewers", "add", "ann", "--password-stdin", piped=f"{PASSWORD}\n")
    assert (code, out) == (0, "ann may answer now\n")
    assert read_roster(settings).active("ann").password.is_of(PASSWORD)
    _, out, _ = run("reviewers", "--json")
    told = json.loads(out)
    assert told["reviewers"] == [{"name": "ann", "password": True, "keys": []}]
    assert told["needed"] == {"low": "declared", "medium": "declared", "high": "declared"}
    assert PASSWORD not in settings.reviewers_file.read_text() + out
    assert (
        run("reviewers", "password", "ann", "--password-stdin", piped="another one, longer")[0] == 0
    )
    assert read_roster(settings).active("ann").password.is_of("another one, longer")
    code, out, _ = run("reviewers", "remove", "ann")
    assert out == "ann may answer no longer; nobody may answer now\n"
    assert json.loads(run("reviewers", "list", "--json")[1])["reviewers"] == []


def test_a_key_is_made_added_and_taken_away(run, settings, tmp_path):
    """What `keygen` writes beside the key is what `key` takes."""
    file = tmp_path / "ann.key"
    code, out, _ = run(
        "reviewers",
        "keygen",
        str(file),
        "--as",
        "ann",
        "--password-stdin",
        "--json",
        piped=PASSWORD,
    )
    made = json.loads(out)
    assert code == 0
    assert b"ENCRYPTED" in file.read_bytes()
    assert run("reviewers", "add", "ann", "--key", made["public_file"])[0] == 0
    (row,) = json.loads(run("reviewers", "--json")[1])["reviewers"]
    assert row["keys"] == [{"id": made["id"], "key": made["key"]}]
    assert made["id"] in run("reviewers")[1]
    assert run("reviewers", "key", "ann", made["id"], "--remove")[0] == 0
    assert run("reviewers", "key", "ann", made["key"])[0] == 0
    assert [str(key) for key in read_roster(settings).keys_of("ann")] == [made["key"]]


@pytest.mark.parametrize(
    ("arguments", "piped", "said"),
    [
        (("add", "ann smith"), "", "cannot be a reviewer's name"),
        (("add", "ann", "--password-stdin"), "short", "at least 12 characters"),
        (("add", "ann", "--password"), "", "no terminal to ask"),
        (("add", "ann", "--key", "nothing"), "", "neither a file nor a public key"),
        (("remove", "ann"), "", "'ann' is no reviewer; reviewers: nobody"),
        (("password", "ann", "--password-stdin"), PASSWORD, "no list of reviewers yet"),
        (("keygen", "/dev/null/x.key", "--as", "a", "--no-encrypt"), "", "/dev/null/x.key: "),
        (("keygen", "x.key", "--as", "a", "--password-stdin"), "", "encrypts nothing"),
        (("keygen", "x.key", "--as", "a+b", "--no-encrypt"), "", "cannot be a reviewer's name"),
    ],
)
def test_what_cannot_be_is_one_line(run, settings, tmp_path, monkeypatch, arguments, piped, said):
    """Exit code 2, and no list."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run("reviewers", *arguments, piped=piped)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert read_roster(settings) is None


def test_an_edited_list_is_answered_for(run, settings):
    run("reviewers", "add", "ann")
    text = settings.reviewers_file.read_text()
    settings.reviewers_file.write_text(text.replace("ann", "eve"))
    code, _, err = run("reviewers", "add", "ben")
    assert (code, "not the one that the ledger recorded last" in err) == (2, True)
    assert run("reviewers", "adopt")[1] == "reviewers: eve\n"
    assert run("reviewers", "add", "ben")[0] == 0


def test_an_answer_is_signed_on_the_command_line(run, desk, tmp_path):
    """With a key of the list; the change is applied, and `grace show` says how it is known."""
    desk.governance_file.write_text('[assurance]\nlow = "signature"\nmedium = "signature"\n')
    sign(desk.settings, desk.store, datetime.now(UTC))
    for name in ("ann", "eve"):
        run("reviewers", "keygen", str(tmp_path / f"{name}.key"), "--as", name, "--no-encrypt")
    run("reviewers", "add", "ann", "--key", str(tmp_path / "ann.key.pub"))
    entry = desk.propose(4)
    desk.carry_on(entry)
    said = ("approve", entry.id, "--as", "ann", "--reason", "fine")
    code, _, err = run(*said, "--key", str(tmp_path / "eve.key"))
    assert (code, "is no key of ann on the list" in err) == (2, True)
    assert read_run(entry.run_id).stands == "asking"
    assert run(*said, "--key", str(tmp_path / "ann.key"))[0] == 0
    assert desk.carry_on(desk.entry(entry)).is_completed()
    assert desk.limit == 4
    assert "approve by ann (signature)" in run("show", entry.id)[1]


def test_a_reviewer_with_a_password_is_asked_for_it(run, desk):
    """Before the run goes on; a wrong one is refused here already."""
    desk.governance_file.write_text("")
    run("reviewers", "add", "ann", "--password-stdin", piped=PASSWORD)
    entry = desk.propose(4)
    desk.carry_on(entry)
    said = ("approve", entry.id, "--as", "ann", "--reason", "fine")
    code, _, err = run(*said)
    assert (code, "no terminal to ask for the password of ann" in err) == (2, True)
    code, _, err = run(*said, "--password-stdin", piped="a wrong password")
    assert (code, "that is not the password of ann" in err) == (2, True)
    assert read_run(entry.run_id).stands == "asking"
    assert run(*said, "--password-stdin", piped=PASSWORD)[0] == 0
    desk.carry_on(desk.entry(entry))
    # this server asks nobody to sign in, so that the name is all that it can say
    row = newest(desk.store, "decisions", proposal_id=entry.id).iloc[-1]
    assert (row["answer"], row["assurance"], desk.limit) == ("approve", "declared", 4)

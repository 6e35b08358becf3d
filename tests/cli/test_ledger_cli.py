"""`grace ledger …` as a person and a program meet it."""

import json
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from grace.cli import main
from grace.ledger.note import Checkpoint, Note, SigningKey, VerifierKey
from grace.settings import Settings
from tests.children import child
from tests.running import until
from tests.tampering import Log

START_SECONDS = 60


@pytest.fixture
def log(settings: Settings) -> Log:
    """A log of 32 rows, signed."""
    made = Log(settings)
    made.write(2)
    made.sign()
    return made


class Shell:
    """Runs commands within this process; tells exit code, output and errors."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def __call__(self, *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["ledger", *words])
        said = self.capture.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def json(self, *words: str) -> tuple[int, dict[str, object]]:
        code, out, _ = self(*words, "--json")
        answer = json.loads(out)
        assert isinstance(answer, dict)
        return code, answer


@pytest.fixture
def grace(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def _edit(log: Log, index: int = 24) -> None:
    with log.attack() as connection:
        table = log.table_at(connection, index)
        connection.execute(f"UPDATE {table} SET source = 'x' WHERE ledger_index = {index}")


class TestVerify:
    """`grace ledger verify`."""

    def test_a_log_that_holds(self, log: Log, grace: Shell) -> None:
        """Exit code 0, and the facts."""
        code, out, err = grace("verify")
        assert (code, err) == (0, "")
        assert "holds: 32 rows, signed up to 32" in out

    def test_a_missing_outside_checkpoint_is_told(self, log: Log, grace: Shell) -> None:
        """It proves nothing wrong, and it is what an old copy would need."""
        log.settings.checkpoint_file.unlink()
        code, out, _ = grace("verify")
        assert code == 0
        assert f"There is no checkpoint at {log.settings.checkpoint_file}" in out

    def test_a_broken_log_names_its_first_bad_index(self, log: Log, grace: Shell) -> None:
        """Exit code 1, one line of errors."""
        _edit(log)
        code, out, err = grace("verify")
        assert code == 1
        assert err == "grace: edited: first bad index 24: the row at index 24 was edited\n"
        assert "does NOT hold" in out

    def test_as_json(self, log: Log, grace: Shell) -> None:
        """The documented object, broken or not."""
        root = log.settings.checkpoint_file.read_text().split("\n")[2]
        whole = {"ok": True, "size": 32, "root": root, "signed_size": 32}
        none = {"first_bad_index": None, "reason": None, "kind": None}
        assert grace.json("verify") == (0, whole | none)
        _edit(log)
        told = {"first_bad_index": 24, "reason": "the row at index 24 was edited", "kind": "edited"}
        assert grace.json("verify") == (1, whole | {"ok": False} | told)

    def test_where_there_is_no_database(self, settings: Settings, grace: Shell) -> None:
        """Exit code 2, one line, and nothing is created."""
        code, out, err = grace("verify")
        assert (code, out) == (2, "")
        assert err.startswith("grace: there is no Grace database at ")
        assert err.count("\n") == 1
        assert not settings.data_dir.exists()

    def test_by_a_key_and_a_checkpoint_from_elsewhere(
        self, log: Log, grace: Shell, tmp_path: Path
    ) -> None:
        """An auditor trusts what he kept, not what lies beside the log."""
        key, kept = tmp_path / "grace.pub", tmp_path / "checkpoint"
        key.write_text(grace("key")[1])
        kept.write_text(grace("checkpoint")[1])
        for given in (str(key), key.read_text().strip()):
            assert grace("verify", "--key", given, "--checkpoint", str(kept))[0] == 0
        other = SigningKey("grace/main/other", bytes(32)).verifier
        code, answer = grace.json("verify", "--key", str(other))
        assert (code, answer["kind"]) == (1, "swapped_key")
        log.path.unlink()
        fresh = Log(log.settings)
        fresh.write(1)
        code, answer = grace.json("verify", "--key", str(key), "--checkpoint", str(kept))
        assert (code, answer["kind"], answer["signed_size"]) == (1, "restored", 32)

    @pytest.mark.parametrize(
        "words", [("--key", "no-key"), ("--checkpoint", "no-file"), ("--key", "a+00000000+AAAA")]
    )
    def test_what_cannot_be_used_is_bad_input(
        self, log: Log, grace: Shell, words: tuple[str, str]
    ) -> None:
        """Exit code 2, naming what was given."""
        code, _, err = grace("verify", *words)
        assert code == 2
        assert words[1] in err

    def test_a_signed_log_without_any_key_is_not_passed(self, log: Log, grace: Shell) -> None:
        """Somebody who takes the key away does not get exit code 0."""
        for path in log.settings.log_dir.glob("signing*"):
            path.unlink()
        code, _, err = grace("verify")
        assert code == 2
        assert "--key" in err

    def test_the_result_is_remembered_for_status(self, log: Log, grace: Shell) -> None:
        """With the size that was checked."""
        grace("verify")
        _edit(log)
        kept = log.settings.log_dir / "verification.json"
        assert json.loads(kept.read_text())["ok"] is True
        grace("verify")
        assert json.loads(kept.read_text())["ok"] is False


class TestCheckpointAndKey:
    """What is published."""

    def test_the_checkpoint_is_printed_as_it_is_published(self, log: Log, grace: Shell) -> None:
        """Byte for byte, so that a redirection makes a checkpoint file."""
        code, out, _ = grace("checkpoint")
        assert (code, out) == (0, log.settings.checkpoint_file.read_text())

    def test_the_checkpoint_as_json(self, log: Log, grace: Shell) -> None:
        """Its parts and the note."""
        note = log.settings.checkpoint_file.read_text()
        signed = Checkpoint.parse(Note.parse(note).text)
        root = note.split("\n")[2]
        told = {"origin": signed.origin, "size": 32, "root": root, "note": note}
        assert grace.json("checkpoint") == (0, told)

    def test_the_key_is_the_public_one(self, log: Log, grace: Shell) -> None:
        """Which verifies the checkpoint."""
        code, out, _ = grace("key")
        key = VerifierKey.parse(out)
        assert code == 0
        assert Note.parse(log.settings.checkpoint_file.read_text()).standing(key) == "valid"
        told = {"key": out.strip(), "name": key.name, "key_id": key.key_id}
        assert grace.json("key") == (0, told)

    @pytest.mark.parametrize("command", ["checkpoint", "key"])
    def test_before_the_first_signing(self, settings: Settings, grace: Shell, command: str) -> None:
        """Exit code 2 and what to do; no key is made by looking for one."""
        Log(settings).write(0)
        code, out, err = grace(command)
        assert (code, out) == (2, "")
        assert "sign" in err
        assert not settings.key_file.exists()


class TestSign:
    """`grace ledger sign`."""

    def test_once(self, settings: Settings, grace: Shell) -> None:
        """It makes the key and says what it signed."""
        log = Log(settings)
        log.write(1)
        code, answer = grace.json("sign")
        assert (code, answer["size"]) == (0, 16)
        assert answer["root"] == log.verify().root
        assert "Signed 16 rows" in grace("sign")[1]

    def test_a_log_that_was_cut_back_is_refused(self, log: Log, grace: Shell) -> None:
        """Exit code 1: it is a check that failed."""
        with log.attack() as connection:
            connection.execute("UPDATE ledger_head SET size = 7")
        code, _, err = grace("sign")
        assert code == 1
        assert "nothing is signed" in err

    def test_a_failure_to_publish_is_told_and_the_signature_kept(
        self, log: Log, grace: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Exit code 2, one line."""
        monkeypatch.setenv("GRACE_CHECKPOINT_URL", "/dev/null/nowhere")
        log.write(1, start=2)
        code, _, err = grace("sign")
        assert code == 2
        assert "signed and kept, but not published" in err
        assert log.verify().signed_size == 48

    @pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
    def test_the_service_ends_cleanly(self, settings: Settings, ending: signal.Signals) -> None:
        """It waits for the log, signs it, and a polite signal is answered with exit code 0."""
        command = [sys.executable, "-m", "grace.cli", "ledger", "sign", "--every", "1"]
        environment = os.environ | {"GRACE_DATA_DIR": str(settings.data_dir)}
        with child(command, env=environment, stdout=PIPE, stderr=PIPE) as service:
            assert service.stdout is not None
            assert service.stdout.readline().startswith("not signed: there is no Grace database")
            Log(settings).write(1)
            # of its signings it tells the first, which may be that of a log without rows yet
            lines = iter(service.stdout.readline, "")
            told = next(line for line in lines if not line.startswith("not signed"))
            assert told in ("signed 0 rows\n", "signed 16 rows\n")
            until(lambda: Log(settings).verify().signed_size == 16)
            service.send_signal(ending)
            _, errors = service.communicate(timeout=START_SECONDS)
        assert (service.returncode, errors) == (0, "")
        assert Log(settings).verify().signed_size == 16


def test_every_command_has_help_with_an_example(grace: Shell) -> None:
    """As the rest of the command line has."""
    for command in ("verify", "checkpoint", "key", "sign"):
        code, out, _ = grace(command, "--help")
        assert code == 0
        assert f"Example: grace ledger {command}" in out

"""The credential stands in one file that its owner alone may read, and nowhere else."""

import base64
import subprocess
from pathlib import Path

import pytest

from grace.connection import connection_file, read_connection
from tests.foreign import CREDENTIAL
from tests.watched.conftest import Watched

_, _, PASSWORD = CREDENTIAL.partition(":")
FORMS = (PASSWORD.encode(), base64.b64encode(CREDENTIAL.encode()))


def holding(folder: Path) -> list[Path]:
    """Files with the password, as it is or as it goes over the wire.

    Another process reads them: SQLite's locks are gone once their own process closes the file.
    What a living Prefect puts away between being listed and being read is no fault.
    """
    wanted = [word for form in FORMS for word in ("-e", form.decode())]
    command = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", "--text", *wanted]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    problems = [line for line in done.stderr.splitlines() if "No such file" not in line]
    assert done.returncode in (0, 1) or (done.stderr and not problems), done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


def test_a_search_for_it_would_find_it(tmp_path: Path) -> None:
    for number, form in enumerate(FORMS):
        (tmp_path / str(number)).write_bytes(b"\x00" + form + b"\x00")
    assert len(holding(tmp_path)) == len(FORMS)


def test_the_credential_is_in_its_file_and_nowhere_else(
    watched: Watched,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in the log, in no artifact, run or log line of Grace's own server, and not said."""
    reached = watched.connect()
    assert watched.cycle().is_completed()
    watched.proxy.answers(401)
    failed = watched.cycle()
    assert failed.is_failed()
    file = connection_file(watched.settings)
    assert holding(tmp_path) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_connection(watched.settings) == reached
    own = list(tmp_path_factory.getbasetemp().glob("prefect-server*"))
    assert [each for each in own if (each / "prefect.db").exists()]
    assert [found for each in own for found in holding(each)] == []
    for said in (repr(reached), str(reached), failed.message, *capfd.readouterr()):
        assert PASSWORD not in said

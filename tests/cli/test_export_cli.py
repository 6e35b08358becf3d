"""`grace export`, `verify`, `restore` and `validate` as a person and a program meet them."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

import grace as package
from flows.export import data_export
from grace.cli import main
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import LOGS

GOOD = {"attempt_id": "a", "confidence": 0.5, "attempted_at": datetime(2026, 3, 1, tzinfo=UTC)}
# one line up, and nothing left on it
ERASED = "\x1b[1A\x1b[2K"


class Shell:
    """Runs commands within this process; tells exit code, output and errors."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def __call__(self, *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = self.capture.readouterr()
        return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def grace(capsys: pytest.CaptureFixture[str], store: Store) -> Shell:
    """A log of one row."""
    with store.writing(datetime.now(UTC)) as writer:
        writer.append("healing_attempts", [GOOD])
    return Shell(capsys)


def test_from_export_to_restored(grace: Shell, settings: Settings, tmp_path: Path) -> None:
    """Three commands, each with an answer for people, and `--json` as documented."""
    archive = tmp_path / "backup.zip"
    code, out, _ = grace("export", "--to", str(archive), "--json")
    answer = json.loads(out)
    assert (code, answer["path"], answer["rows"]) == (0, str(archive), 1)
    key = str(settings.public_key_file)
    code, out, _ = grace("verify", str(archive), "--key", key)
    assert code == 0
    assert "1 all rows of 16 tables" in out
    target = f"sqlite:///{tmp_path}/restored.db"
    code, out, _ = grace("restore", str(archive), "--into", target)
    assert (code, "Restored 1 rows" in out) == (0, True)
    code, _, err = grace("restore", str(archive), "--into", target)
    assert (code, err.count("\n")) == (2, 1)
    assert "empty database" in err


def test_a_changed_archive_is_one_line_and_a_one(
    grace: Shell, settings: Settings, tmp_path: Path
) -> None:
    """A check that did not hold, not bad usage; a file that is not there is that."""
    archive = tmp_path / "backup.zip"
    grace("export", "--to", str(archive))
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    key = str(settings.public_key_file)
    code, _, err = grace("verify", str(archive), "--key", key)
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = grace("verify", str(tmp_path / "none.zip"), "--key", key)
    assert (code, err.count("\n")) == (2, 1)


def test_rows_that_are_not_sound(grace: Shell, store: Store, tmp_path: Path) -> None:
    """The export ends with 1 and leaves nothing; `validate --failing` shows the row."""
    with store.writing(datetime.now(UTC)) as writer:
        writer.append("healing_attempts", [GOOD | {"attempt_id": "b", "confidence": 3.0}])
    archive = tmp_path / "backup.zip"
    code, _, err = grace("export", "--to", str(archive))
    assert (code, "confidence" in err, archive.exists()) == (1, True, False)
    code, out, _ = grace("validate", "--failing", "--json", "--table", "healing_attempts")
    (failing,) = json.loads(out)["failing"]
    assert (code, failing["row"]["attempt_id"], failing["row"]["confidence"]) == (1, "b", 3.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "xml"), "format"),
        (("--table", "users"), "tables"),
        (("--folder", "--zstd"), "a folder is neither"),
        (("--learning-only", "--crypto-chains"), "exclude one another"),
        (("--age", "age1nobody"), "no age recipient"),
        (("--to", "s3://user:secret@bucket/x.zip"), "no password here"),
        (("--to", "nowhere://x"), "no place to write to"),
    ],
)
def test_what_cannot_be_done_is_bad_usage(
    grace: Shell, words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """One line that says why; nothing is written."""
    to = () if "--to" in words else ("--to", str(tmp_path / "x.zip"))
    code, _, err = grace("export", *words, *to)
    assert (code, err.count("\n")) == (2, 1), err
    assert said in err
    assert "secret" not in err
    assert not (tmp_path / "x.zip").exists()


def test_the_verbs_are_python_too(grace: Shell, tmp_path: Path) -> None:
    """`from grace import export_all`, with the fields of the form."""
    finished = package.export_all(str(tmp_path / "a.zip"), format="csv", newest=True)
    assert (finished.rows, finished.format, finished.newest) == (1, "csv", True)
    assert (tmp_path / "a.zip").is_file()
    with pytest.raises(AttributeError):
        package.export_everything  # noqa: B018


def test_archives_are_listed_with_why_they_stay(
    grace: Shell, settings: Settings, tmp_path: Path
) -> None:
    """Also before there is one; with rules, and with what is no archive."""
    code, out, _ = grace("archives")
    assert (code, out.strip().endswith("None is ever deleted.")) == (0, True)
    grace("export")
    grace("export", "--learning-only", "--format", "csv")
    (settings.log_dir / "exports" / "notes.txt").write_text("mine")
    (settings.log_dir / "governance.toml").write_text(
        'reviewers = ["ann"]\n[retention]\nkeep_daily = 1\n'
    )
    code, out, _ = grace("archives", "--json")
    told = json.loads(out)
    assert (code, told["rules"]["keep_daily"]) == (0, 1)
    assert [(each["scope"], each["stays"]) for each in told["archives"]] == [
        ("all", "the newest valid backup"),
        ("learning", "the next export since the last one builds upon it"),
    ]
    assert list(told["others"]) == ["notes.txt"]
    code, out, _ = grace("archives")
    assert "Left alone, notes.txt: " in out
    assert "Kept of each kind: 1 daily, 0 weekly, 0 monthly." in out


def test_whoever_looks_on_sees_a_bar(grace: Shell, settings: Settings, tmp_path: Path) -> None:
    """On a terminal, and gone afterwards; standard output stays what it is without one."""
    archive = tmp_path / "backup.zip"
    grace("export", "--to", str(archive))
    words = ["verify", str(archive), "--key", str(settings.public_key_file), "--json"]
    told, shown = _on_a_terminal([sys.executable, "-m", "grace.cli", *words])
    assert json.loads(told)["rows"] == 1
    bars, _, last = shown.rpartition("proving")
    assert "%" in bars
    assert last.endswith(ERASED)


def _on_a_terminal(command: list[str]) -> tuple[bytes, str]:
    """What it says on standard output, and all that it writes to the terminal of its errors."""
    main_end, terminal = os.openpty()
    with (
        open(main_end, "rb", buffering=0) as screen,
        ThreadPoolExecutor() as threads,
        open(terminal, "wb") as errors,
    ):
        # read all along: a terminal that is full makes whoever writes to it wait
        seen = threads.submit(_all_of, screen)
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            timeout=60,
            check=True,
        )
        errors.close()
        return done.stdout, seen.result().decode(errors="replace")


def _all_of(screen: io.FileIO) -> bytes:
    """Linux answers with an error once nobody has the terminal any more."""
    read = []
    with suppress(OSError):
        while some := screen.read(1 << 16):
            read.append(some)
    return b"".join(read)


def test_the_form_in_the_ui_is_bounded_and_says_what_is_meant() -> None:
    """Every field has a name for people, what it does, and an end; nothing has to be typed."""
    schema = data_export.parameters.model_dump()
    assert schema["required"] == []
    fields = schema["definitions"]["ExportRequest"]["properties"]
    for name, field in fields.items():
        assert field["description"], name
        assert field["title"] != name.replace("_", " ").title() or name == "format", name
        kinds = [each for each in field.get("anyOf", [field]) if each["type"] == "string"]
        assert all("enum" in each or "maxLength" in each for each in kinds), name
        assert field.get("type") != "array" or (field["maxItems"] and field["items"]["enum"])
    assert set(fields["tables"]["items"]["enum"]) == set(LOGS)

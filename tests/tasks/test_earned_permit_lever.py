"""The lever that writes earned permits: exact both ways, whole or not at all, and others' kept.

`python -m tests.tasks.test_earned_permit_lever DATA_DIR MOMENT` is killed as it sets a permit; with
numbers for the moment it sets those, and lives.
"""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.earned import permit_in, with_permit
from grace.governance.policy import load_policy
from grace.governance.request import about_decision
from grace.levers import find_lever, verify
from grace.settings import Settings
from tasks.levers.earned_permit import EarnedPermit
from tests.ruling import a_rule

TARGET = "permit:restart_service"
VALUE = {"systems": ["ops-agent"], "reason": "48 of 48 ended well"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = a_rule("permit", 'resource.name == "mine"', "by hand", action="decide")
FILE = Path("earned.cedar")


@pytest.fixture
def lever(settings: Settings) -> EarnedPermit:
    settings.log_dir.mkdir(parents=True)
    return EarnedPermit(settings)


def answer(settings: Settings, kind: str = "restart_service", system: str = "ops-agent") -> str:
    return load_policy(settings).rule(about_decision(kind, system, NOON)).answer


def test_a_permit_changes_the_answer_of_its_type_and_systems_alone(lever, settings):
    assert answer(settings) == "ask"
    lever.apply(TARGET, VALUE)
    assert verify(lever, Change(lever=lever.name, target=TARGET, before=None, after=VALUE))
    asked = about_decision("restart_service", "ops-agent", NOON)
    assert load_policy(settings).rule(asked).reason == "48 of 48 ended well"
    assert (answer(settings), answer(settings, system="other")) == ("permit", "ask")
    assert answer(settings, "restart_services") == "ask"
    lever.apply(TARGET, True)
    assert (answer(settings, system="other"), lever.read(TARGET)) == ("permit", True)


def test_a_forbid_of_the_policy_wins(lever, settings):
    (settings.log_dir / "policy.cedar").write_text(a_rule("forbid", action="decide"))
    lever.apply(TARGET, True)
    assert answer(settings) == "forbid"


def test_twice_is_once_and_the_inverse_leaves_no_trace(lever, settings):
    """The same bytes, and afterwards the digest of a policy without the file."""
    digest = load_policy(settings).digest
    lever.apply(TARGET, VALUE)
    once = settings.earned_file.stat()
    lever.apply(TARGET, VALUE)
    assert settings.earned_file.stat() == once
    lever.apply(TARGET, None)
    lever.apply(TARGET, None)
    assert (settings.earned_file.exists(), load_policy(settings).digest) == (False, digest)


@pytest.mark.parametrize(
    "text",
    ["", "// mine", f"// mine\r\n{OURS}\r\n", OURS, f"{OURS} // and so on", f'{OURS}// @id("x")\n'],
)
def test_what_a_person_wrote_is_kept_to_the_byte(lever, settings, text):
    """Also without a line end, and its mode; two permits come and go in any order."""
    file = settings.earned_file
    file.write_bytes(text.encode())
    file.chmod(0o600)
    lever.apply(TARGET, VALUE)
    lever.apply("permit:other", True)
    assert file.read_bytes().startswith(text.encode())
    assert (lever.read(TARGET), lever.read("permit:other")) == (VALUE, True)
    lever.apply(TARGET, None)
    assert (answer(settings), answer(settings, "other")) == ("ask", "permit")
    lever.apply("permit:other", None)
    assert file.read_bytes() == text.encode()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_permit_that_was_edited_by_hand_is_seen_as_such(lever, settings):
    """It is not what was approved, so the drift guard holds; undoing takes it away all the same."""
    file = settings.earned_file
    file.write_text(OURS)
    lever.apply(TARGET, VALUE)
    file.write_text(file.read_text().replace("ops-agent\\", "any-agent\\"))
    edited = lever.read(TARGET)
    assert "any-agent" in edited["edited"]
    with pytest.raises(BadInput, match="no permit"):
        lever.check(TARGET, edited)
    lever.apply(TARGET, None)
    assert (file.read_text(), lever.read(TARGET)) == (OURS, None)


@pytest.mark.parametrize(
    ("earned", "policy"),
    [
        (f"{OURS}\npermit (principal", None),
        (a_rule("forbid"), None),
        (None, f'@id("earned restart_service") {a_rule("forbid")}'),
        (None, "forbid ("),
    ],
)
def test_where_the_policy_would_be_unreadable_nothing_is_written(lever, settings, earned, policy):
    """One line that names the file and the line, and the file as it was."""
    if earned:
        settings.earned_file.write_text(earned)
    if policy:
        (settings.log_dir / "policy.cedar").write_text(policy)
    with pytest.raises(BadInput, match=r"\A[^\n]+\.cedar: line \d+: [^\n]+\Z"):
        lever.apply(TARGET, VALUE)
    found = settings.earned_file.read_text() if settings.earned_file.exists() else None
    assert found == earned


@pytest.mark.parametrize(
    "value",
    [False, 1, "true", [], {"systems": []}, {"systems": ["a", "a"]}, {"until": 3}, {"reason": " "}],
)
def test_what_is_no_permit_is_refused(lever, settings, value):
    for refuse in (lever.check, lever.apply):
        with pytest.raises(BadInput, match=r"permit"):
            refuse(TARGET, value)
    assert not settings.earned_file.exists()


@pytest.mark.parametrize("target", ["permit:", "permit: ", "tag:x", "permit:\udcff"])
def test_what_is_no_target_is_refused(lever, target):
    with pytest.raises(BadInput):
        lever.read(target)


def test_a_folder_that_cannot_be_written_is_one_line(lever, settings):
    settings.earned_file.mkdir()
    with pytest.raises(BadInput, match=r"\A[^\n]*earned.cedar: Is a directory\Z"):
        lever.apply(TARGET, VALUE)


@given(
    st.text(min_size=1).filter(lambda text: text.strip()),
    st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True),
    st.text().filter(lambda text: text.strip()),
)
def test_any_name_and_reason_comes_back_as_it_was(decision_type, systems, reason):
    """Whatever they hold, no text leaves its quotes: one rule is written, and read again."""
    value = {"systems": systems, "reason": reason}
    text = with_permit(FILE, OURS, decision_type, value)
    assert permit_in(FILE, text, decision_type) == value
    assert with_permit(FILE, text, decision_type, None) == OURS


def test_writers_at_once_lose_nothing_of_each_other(lever, settings):
    numbers = [[str(10 * writer + n) for n in range(10)] for writer in range(3)]
    command = [sys.executable, "-m", __name__, str(settings.data_dir)]
    writers = [subprocess.Popen([*command, *its]) for its in numbers]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert all(lever.read(f"permit:{number}") is True for its in numbers for number in its)


@pytest.mark.parametrize(("moment", "after"), [("before", "old"), ("after", "new")])
def test_killed_as_it_writes_it_leaves_the_old_file_or_the_new(lever, settings, moment, after):
    """Between the temporary file and the rename, and right after it; then it can be set again."""
    lever.apply("permit:other", True)
    old = settings.earned_file.read_text()
    new = with_permit(settings.earned_file, old, "restart_service", VALUE)
    command = [sys.executable, "-m", __name__, str(settings.data_dir), moment]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert settings.earned_file.read_text() == {"old": old, "new": new}[after]
    load_policy(settings)
    lever.apply(TARGET, VALUE)
    assert settings.earned_file.read_text() == new


def test_a_lever_turns_what_lies_beside_the_log_it_is_asked_for(settings):
    sample = settings.for_log("sample")
    sample.log_dir.mkdir(parents=True)
    find_lever("earned-permit", sample).apply(TARGET, True)
    assert (sample.earned_file.exists(), settings.earned_file.exists()) == (True, False)


def main(data_dir: str, moment: str, *numbers: str) -> None:
    lever = EarnedPermit(Settings(data_dir=Path(data_dir)))
    if moment.isdigit():
        for number in (moment, *numbers):
            lever.apply(f"permit:{number}", True)
        return
    replace = os.replace

    def deadly(old: Path, new: Path) -> None:
        if moment == "after":
            replace(old, new)
        os.kill(os.getpid(), signal.SIGKILL)

    os.replace = deadly
    lever.apply(TARGET, VALUE)


if __name__ == "__main__":
    main(*sys.argv[1:])

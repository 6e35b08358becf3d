"""`grace.may`: what a governed system is told about a decision of its own, and what is recorded."""

import logging
import subprocess
import sys

import pytest

from grace import may
from grace.governance.policy import load_policy
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tasks.levers.earned_permit import EarnedPermit
from tests.ruling import a_rule

ASKS = """
import sys
from grace import may
for kind in sys.stdin:
    print(may(kind.strip(), system="ops-agent"), flush=True)
"""


@pytest.fixture
def lever(settings: Settings) -> EarnedPermit:
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    return EarnedPermit(settings)


def test_every_answer_is_recorded_with_what_was_asked(settings, store, lever):
    """As a decision under the digest of the policy, and as Grace's own, not the system's."""
    assert may("restart_service", system="ops-agent") == "ask"
    lever.apply("permit:restart_service", {"systems": ["ops-agent"], "reason": "it earned it"})
    assert may("restart_service", system="ops-agent") == "permit"
    rows = newest(store, "decisions")
    assert rows["answer"].tolist() == ["ask", "permit"]
    assert set(rows["question"]) == {"may it decide"}
    assert rows["reason"].tolist()[1] == "it earned it"
    assert '"system":"ops-agent"' in rows["detail"].iloc[1]
    assert rows["policy_digest"].iloc[1] == load_policy(settings).digest
    assert newest(store, "agentic_spine_logs")["actor"].tolist() == ["grace", "grace"]
    assert verify(settings, store).ok


def test_a_process_that_runs_on_is_told_what_holds_now(settings, lever):
    """Permitted, taken back, forbidden: each from its next question on."""
    with subprocess.Popen(
        [sys.executable, "-c", ASKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as system:

        def asked() -> str:
            system.stdin.write("restart_service\n")
            system.stdin.flush()
            return system.stdout.readline().strip()

        answers = [asked()]
        for value in (True, None):
            lever.apply("permit:restart_service", value)
            answers.append(asked())
        lever.apply("permit:restart_service", True)
        (settings.log_dir / "policy.cedar").write_text(a_rule("forbid", action="decide"))
        answers.append(asked())
        system.stdin.close()
    assert answers == ["ask", "permit", "ask", "forbid"]


def test_a_policy_that_cannot_be_read_forbids(settings, lever, caplog):
    """A rule may be in it; one line says what is wrong."""
    lever.apply("permit:restart_service", True)
    with settings.earned_file.open("a") as file:
        file.write("permit (")
    with caplog.at_level(logging.WARNING, "grace"):
        assert may("restart_service", system="ops-agent") == "forbid"
    assert "earned.cedar: line" in caplog.text


def test_what_cannot_be_recorded_is_not_permitted(settings, lever, monkeypatch, caplog):
    """A permit becomes *ask*; a forbid stays one."""
    lever.apply("permit:restart_service", True)
    nowhere = settings.data_dir / "no.db"
    nowhere.mkdir()
    monkeypatch.setenv("GRACE_DATABASE_URL", f"sqlite:///{nowhere}")
    with caplog.at_level(logging.WARNING, "grace"):
        assert may("restart_service", system="ops-agent") == "ask"
    assert "was not recorded" in caplog.text
    (settings.log_dir / "policy.cedar").write_text(a_rule("forbid", action="decide"))
    assert may("restart_service", system="ops-agent") == "forbid"


def test_names_that_no_policy_can_hold_are_forbidden(settings, lever, caplog):
    """And told in a line that any handler can write."""
    with caplog.at_level(logging.WARNING, "grace"):
        assert may("restart\udcff", system="ops-agent") == "forbid"
    assert "restart\\udcff" in caplog.text
    assert newest(open_store(settings.url), "decisions").empty


def test_wrong_settings_forbid(monkeypatch):
    monkeypatch.setenv("GRACE_PORT", "none")
    assert may("restart_service", system="ops-agent") == "forbid"

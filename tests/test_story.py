"""A proposal's life on the running system, through a power cut while a person is asked."""

import os
import signal

from grace.installation.processes import is_alive
from tests.running import System, until

LIMIT = "/v2/concurrency_limits/tag:sample-pages"


def told(system: System, proposal_id: str) -> dict[str, object]:
    shown: dict[str, object] = system.grace("--sample", "show", proposal_id)
    return shown


def test_a_waiting_approval_survives_kill_9_and_is_then_carried_out(system: System) -> None:
    """Server and worker die while a run waits; it still waits, is approved, applied and undone."""
    by_hand = ("propose", "tag:sample-pages", "4", "--as", "alice", "--why", "a story")
    proposed = system.grace("--sample", *by_hand)
    run_id = proposed["run_id"]
    until(lambda: system.state(run_id) == "Suspended")

    killed = [system.processes[name] for name in ("server", "worker")]
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, killed)))
    assert system.grace("up", "--sample")["changed"] is True
    assert system.state(run_id) == "Suspended"
    assert system.get(LIMIT)["limit"] == 2

    system.grace("--sample", "approve", proposed["id"], "--as", "operator", "--reason", "go on")
    until(lambda: told(system, proposed["id"])["state"] == "measuring")
    applied, *_ = told(system, proposed["id"])["actions"]
    assert (applied["purpose"], applied["value"]) == ("apply", 4)

    undone = ("undo", proposed["id"], "--as", "operator", "--reason", "the story ends")
    assert system.grace("--sample", *undone)["state"] == "rolled_back"
    assert system.get(LIMIT)["limit"] == 2
    answers = [each["answer"] for each in told(system, proposed["id"])["decisions"]]
    assert answers == ["ask", "approve", "undo"]
    assert system.grace("--sample", "ledger", "verify")["ok"] is True

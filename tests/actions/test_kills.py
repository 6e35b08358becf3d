"""A process that is killed with SIGKILL while it applies: recovered, and applied once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grace.actions.action import done_actions
from grace.actions.applying import apply_approved, recover_applying
from grace.governance.register import find
from grace.notary.verify import verify
from tests.actions.killed import MOMENTS

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_it_is_applied_once(
    store, lever, policy, clock, make, approved, settings, moment
):
    """Whatever the moment, the target is set once, one action is recorded, the log verifies."""
    entry = approved(make())
    url = store.engine.url.render_as_string()
    arguments = [url, str(lever.file), entry.id, moment]
    died = subprocess.run(
        [sys.executable, "-m", "tests.actions.killed", *arguments], cwd=PROJECT, check=False
    )
    assert died.returncode == -signal.SIGKILL

    found = find(store, entry.id)
    assert found.state == ("approved" if moment == "guarding" else "applying")
    if found.state == "approved":
        ended = apply_approved(store, lever, found, policy, clock, None)
    else:
        ended = recover_applying(store, lever, found, clock, None)
    assert (ended.state, lever.read("pages"), lever.sets) == ("applied", 8, [8])
    assert [done.name for done in done_actions(store, entry.id)] == ["apply"]
    assert verify(settings, store).ok

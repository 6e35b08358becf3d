"""Processes that are killed with SIGKILL while they apply, measure and undo: recovered, once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grace.actions.action import done_actions
from grace.actions.applying import apply_approved, recover_applying
from grace.governance.register import find
from grace.notary.verify import verify
from grace.store import open_store
from grace.store.read import newest
from tests.actions.file_lever import FileLever
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


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_random_moments_nothing_is_done_twice_or_lost(tmp_path, settings, kills):
    """Through apply, fourteen blocks, keep and undo: each deed is done once, the record is whole.

    A proposal is carried on, killed and taken up again until it is undone.
    """
    script = [sys.executable, "-m", "tests.actions.killed_chain", str(tmp_path), str(kills), "7"]
    told = subprocess.run(script, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    killed, ended = map(int, told.split())
    assert killed >= kills
    assert ended >= 1
    deeds = ["apply", *(f"block-{number}" for number in range(14)), "keep", "undo"]
    for number in range(ended):
        store = open_store(f"sqlite:///{tmp_path / str(number) / 'grace.db'}", create=False)
        entry = find(store, "p-1")
        assert (entry.state, entry.verdict) == ("rolled_back", "improved")
        assert [done.name for done in done_actions(store, "p-1")] == deeds
        assert FileLever(tmp_path / str(number) / "values.json").read("pages") == 2
        looks = newest(store, "verdicts")
        assert sorted(looks["pairs"]) == list(range(1, 8))
        assert verify(settings, store).ok

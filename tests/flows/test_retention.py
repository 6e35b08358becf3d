"""Old archives go the way of every change: proposed, agreed to by a person or a rule, recorded."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace.brief import brief
from grace.errors import NotAllowed
from grace.export.shelf import exports_folder
from grace.governance.enabling import observe_only, set_enabled
from grace.governance.policy import DEFAULT_POLICY, load_policy
from grace.governance.register import Entry, list_entries
from grace.levers import lever_for
from grace.markdown import plain
from tasks.by_hand import propose_by_hand
from tasks.changes import undo_change
from tests.desk import Desk, run_deployed
from tests.export.conftest import Exporting

RULES = "\n[retention]\nkeep_daily = 2\n"
DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"
SWEEP = "governance/every-10-minutes"


@pytest.fixture
def nights(desk: Desk, tmp_path: Path) -> Exporting:
    """Four backups, one a night; two are kept."""
    log = Exporting(desk.settings, tmp_path)
    log.write("goals", {"goal_id": "g-1", "title": "fewer waits", "status": "active"})
    for night in range(4):
        log.hours = 24 * night
        log.export(to=None)
    desk.governance_file.write_text(desk.governance_file.read_text() + RULES)
    return log


def look(desk: Desk) -> list[Entry]:
    """What is proposed after a run of the flow."""
    state = run_deployed("archive-retention/weekly")
    assert state.is_completed(), state.message
    return list_entries(desk.store)


def files(desk: Desk) -> list[str]:
    return sorted(path.name for path in exports_folder(desk.settings).iterdir())


def test_a_person_is_asked_and_then_they_go(desk: Desk, nights: Exporting) -> None:
    """The page lists what goes and what stays; asked once; no way back; two archives stay."""
    before = files(desk)
    (entry,) = look(desk)
    assert (entry.state, entry.proposal.proposed_by) == ("awaiting_approval", "grace")
    assert entry.proposal.change.target == "archives:main/2026-04-03"
    assert (entry.proposal.risk.tier, entry.proposal.risk.reversible) == ("high", False)
    page = brief(entry, load_policy(desk.settings))
    told = r"Delete 2 archives \([0-9.]+ MB\) of main made before 2026-04-03"
    assert re.fullmatch(told, entry.proposal.title)
    for name in before[:2]:
        assert f'\n- "{name}": {{"bytes": ' in page
    for name in before[2:]:
        assert f"| {plain(name)} | {plain('stays, ')}" in page
    assert "**It cannot be undone:**" in page
    assert [each.id for each in look(desk)] == [entry.id]
    desk.carry_on(entry)
    desk.answer(entry)
    assert (desk.entry(entry).state, files(desk)) == ("applied", before[2:])
    assert run_deployed("measurement/on-block", {"proposal_id": entry.id}).is_completed()
    ended = desk.entry(entry)
    assert (ended.state, ended.verdict) == ("kept", "insufficient_data")
    with pytest.raises(NotAllowed, match="has no way back"):
        undo_change(desk.settings, entry.id, "ann", "give them back")
    assert [each.id for each in look(desk)] == [entry.id]


def test_a_no_is_not_asked_again_the_week_after(
    desk: Desk, nights: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rests, as every opportunity that somebody rejected; of many a page shows the oldest."""
    monkeypatch.setattr("tasks.retention.MOST_AT_ONCE", 1)
    before = files(desk)
    (entry,) = look(desk)
    assert entry.proposal.change.target == "archives:main/2026-04-02"
    assert entry.proposal.evidence.facts[before[1]].endswith(": it goes another time")
    desk.carry_on(entry)
    desk.answer(entry, "reject")
    assert [each.state for each in look(desk)] == ["rejected"]
    assert files(desk) == before


def test_a_policy_may_have_it_done_unasked(desk: Desk, nights: Exporting) -> None:
    """By the rule in docs/export.md, and by none of the shipped ones."""
    (rule,) = re.findall(r"```cedar\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    policy = desk.settings.log_dir / "policy.cedar"
    policy.write_text(f"{DEFAULT_POLICY.read_text()}\n{rule}")
    before = files(desk)
    (entry,) = look(desk)
    assert (entry.state, files(desk)) == ("approved", before)
    assert run_deployed(SWEEP).is_completed()
    assert (desk.entry(entry).state, files(desk)) == ("applied", before[2:])
    by_hand = desk.propose(8)
    assert by_hand.state == "awaiting_approval"


def test_without_rules_nothing_is_looked_at(desk: Desk, nights: Exporting) -> None:
    """The default."""
    desk.set_policy()
    assert look(desk) == []
    assert len(files(desk)) == 4


def test_a_backup_made_meanwhile_does_not_spoil_the_question(desk: Desk, nights: Exporting) -> None:
    """Nor is it asked a second time, though more could go by now."""
    (entry,) = look(desk)
    nights.hours = 24 * 7
    nights.export(to=None)
    assert [each.id for each in look(desk)] == [entry.id]
    desk.carry_on(entry)
    desk.answer(entry)
    assert (desk.entry(entry).state, len(files(desk))) == ("applied", 3)


def test_a_person_may_ask_for_it_before_the_week_is_over(desk: Desk, nights: Exporting) -> None:
    """`grace propose archives:main/DAY retained`: by the same rules, and instead of the engine."""
    target = "archives:main/2026-04-02"
    entry = propose_by_hand(
        desk.settings, lever_for(target), target, "retained", why="the disk is full", by="carl"
    )
    assert entry.proposal.title.startswith("Delete 1 archive (")
    assert [each.id for each in look(desk)] == [entry.id]
    desk.carry_on(entry)
    desk.answer(entry)
    assert (desk.entry(entry).state, len(files(desk))) == ("applied", 3)


def test_of_an_installation_that_is_watched_it_has_to_be_enabled(
    desk: Desk, nights: Exporting
) -> None:
    """As everything that is changed there; the run says by which command."""
    observe_only(desk.store, datetime.now(UTC), "https://prefect.example")
    assert look(desk) == []
    set_enabled(
        desk.store, ["archives:main/*"], "enable", datetime.now(UTC), reviewer="ann", reason="disk"
    )
    assert [each.state for each in look(desk)] == ["awaiting_approval"]

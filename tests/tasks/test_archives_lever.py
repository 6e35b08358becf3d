"""Archives go only as it was agreed: the same files, all or none of them, and once."""

import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from grace.actions.action import done_actions
from grace.actions.applying import apply_approved, recover_applying
from grace.errors import BadInput, CheckFailed, GraceError
from grace.export.shelf import exports_folder
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import load_policy
from grace.governance.register import Entry, find
from grace.governance.risk import Risk
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tasks.levers.delete_archives import DeleteArchives, archives_target
from tests.export.conftest import NOW, Exporting
from tests.proposing import a_plan, a_proposal
from tests.tasks.killed_deletion import MOMENTS

LATER = NOW + timedelta(days=30)
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a log with backups of the 1st to the 6th of April."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("nights") / "data")
    log = Exporting(settings, settings.data_dir)
    open_store(settings.url).engine.dispose()
    log.write("goals", {"goal_id": "g-1", "title": "fewer waits", "status": "active"})
    for night in range(6):
        log.hours = 24 * night
        log.export(to=None)
    rules = 'reviewers = ["ann"]\n[retention]\nkeep_daily = 3\n'
    (settings.log_dir / "governance.toml").write_text(rules)
    return settings.data_dir


@pytest.fixture
def nights(made: Path, settings: Settings, tmp_path: Path) -> Exporting:
    """A copy of it; the rules keep three of the six."""
    shutil.copytree(made, settings.data_dir)
    history = settings.log_dir / "exports.json"
    history.write_text(history.read_text().replace(str(made), str(settings.data_dir)))
    return Exporting(settings, tmp_path)


@pytest.fixture
def lever(nights: Exporting) -> DeleteArchives:
    return DeleteArchives(nights.settings, lambda: LATER)


def target(day: int = 5) -> str:
    return archives_target("main", date(2026, 4, day))


def files(log: Exporting) -> list[str]:
    return sorted(path.name for path in exports_folder(log.settings).iterdir())


def approved(log: Exporting, change: Change) -> Entry:
    store, policy = open_store(log.settings.url), load_policy(log.settings)
    proposal = a_proposal(
        proposal_id="p-1",
        kind="retain_archives",
        log="main",
        change=change,
        deadline=LATER + timedelta(days=3),
        risk=Risk(score=0.9, tier="high", parts={}, reversible=False),
        plan=a_plan(design="unmeasured", order=()),
    )
    entry = submit(store, proposal, policy, LATER)
    answer = Answer(answer="approve", reviewer="ann", reason="fine")
    take_answer(
        store,
        policy,
        entry,
        answer,
        asked_hash=entry.content_hash,
        decision_id="p-1:answer-1",
        now=LATER,
        run_id=None,
    )
    return find(store, entry.id)


def to_delete(lever: DeleteArchives, day: int = 5) -> Change:
    before = lever.read(target(day))
    after = lever.complete(target(day), "retained")
    return Change(lever=lever.name, target=target(day), before=before, after=after)


def apply(log: Exporting, lever: DeleteArchives, entry: Entry) -> Entry:
    store, policy = open_store(log.settings.url), load_policy(log.settings)
    return apply_approved(store, lever, entry, policy, lambda: LATER, None)


def test_it_reads_the_archives_made_before_a_day(nights: Exporting, lever: DeleteArchives) -> None:
    """With size and digest; those of later nights are of no concern."""
    found = lever.read(target(3))
    assert list(found) == files(nights)[:2]
    (first, *_) = found.values()
    path = exports_folder(nights.settings) / files(nights)[0]
    assert first["bytes"] == path.stat().st_size
    assert len(first["sha256"]) == 64
    nights.hours = 24 * 9
    nights.export(to=None)
    assert lever.read(target(3)) == found


def test_what_was_approved_goes_and_is_recorded(nights: Exporting, lever: DeleteArchives) -> None:
    """Three of six; an action, its events, and a log that verifies."""
    before, change = files(nights), to_delete(lever)
    assert (len(change.before), list(change.after)) == (4, before[3:4])
    entry = apply(nights, lever, approved(nights, change))
    assert (entry.state, files(nights)) == ("applied", before[3:])
    store = open_store(nights.settings.url)
    assert [done.name for done in done_actions(store, "p-1")] == ["apply"]
    events = newest(store, "trigger_mesh_logs", resource="proposal/p-1")["event_type"].tolist()
    assert events[-2:] == ["action.started", "action.applied"]
    assert verify(nights.settings, store).ok


def test_a_later_backup_does_not_spoil_what_was_agreed(
    nights: Exporting, lever: DeleteArchives
) -> None:
    """Somebody answers after the weekend, and three more nights have passed."""
    entry = approved(nights, to_delete(lever))
    for night in (7, 8, 9):
        nights.hours = 24 * night
        nights.export(to=None)
    assert apply(nights, lever, entry).state == "applied"
    assert len(files(nights)) == 6


@pytest.mark.parametrize("how", ["changed", "gone", "added"])
def test_archives_that_are_not_as_they_were_seen_stay(
    nights: Exporting, lever: DeleteArchives, how: str
) -> None:
    """Nothing is deleted, and the proposal is superseded."""
    entry = approved(nights, to_delete(lever))
    folder = exports_folder(nights.settings)
    first = folder / files(nights)[0]
    if how == "changed":
        first.write_bytes(first.read_bytes() + b" ")
    elif how == "gone":
        first.unlink()
    else:
        (folder / "copy.zip").write_bytes(first.read_bytes())
    left = files(nights)
    ended = apply(nights, lever, entry)
    assert (ended.state, files(nights)) == ("superseded", left)
    assert "no longer" in (ended.reason or "")


def test_the_last_valid_backup_never_goes(nights: Exporting, lever: DeleteArchives) -> None:
    """Agreed when there were newer ones, which somebody deleted since."""
    entry = approved(nights, to_delete(lever, 4))
    folder = exports_folder(nights.settings)
    for name in files(nights)[3:]:
        (folder / name).unlink()
    left = files(nights)
    ended = apply(nights, lever, entry)
    assert (ended.state, files(nights)) == ("failed", left)
    assert f"{left[-1]} must stay: the newest valid backup" in (ended.reason or "")


def test_nothing_goes_on_account_of_a_backup_that_is_spoilt(
    nights: Exporting, lever: DeleteArchives
) -> None:
    """The one that stays is read to its last byte first."""
    entry = approved(nights, to_delete(lever))
    newest_one = exports_folder(nights.settings) / files(nights)[-1]
    content = bytearray(newest_one.read_bytes())
    content[len(content) // 2] ^= 1
    newest_one.write_bytes(content)
    left = files(nights)
    with pytest.raises(CheckFailed, match=newest_one.name):
        lever.check(target(), entry.proposal.change.after)
    assert apply(nights, lever, entry).state == "failed"
    assert files(nights) == left


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        ("archives:other/2026-04-05", {}, "names no archives of main: write archives:main/DAY"),
        ("archives:main/april", {}, "names no archives"),
        ("archives:main", {}, "names no archives"),
        (target(), ["one"], "with bytes and sha256, or retained"),
        (target(), {"x.zip": {"bytes": 1, "sha256": "0"}}, "x.zip is no archive of"),
        (target(9), {}, "must stay: the newest valid backup"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    nights: Exporting, lever: DeleteArchives, at: str, value: object, said: str
) -> None:
    left = files(nights)
    with pytest.raises(GraceError) as told:
        lever.check(at, value)
    assert said in str(told.value)
    with pytest.raises(GraceError):
        lever.apply(at, value)
    assert files(nights) == left


def test_retained_needs_rules(nights: Exporting, lever: DeleteArchives) -> None:
    """It is no word for *delete everything*."""
    (nights.settings.log_dir / "governance.toml").write_text('reviewers = ["ann"]\n')
    with pytest.raises(BadInput, match="keeps no number of archives"):
        lever.check(target(), "retained")


def test_files_of_others_stay_whatever_is_asked(nights: Exporting, lever: DeleteArchives) -> None:
    """They are no part of the target, so that no value can leave them out."""
    folder = exports_folder(nights.settings)
    (folder / "thesis.zip").write_text("all of it")
    elsewhere = nights.folder / "elsewhere.zip"
    elsewhere.write_bytes((folder / files(nights)[0]).read_bytes())
    (folder / "aa-link.zip").symlink_to(elsewhere)
    lever.apply(target(), lever.complete(target(), "retained"))
    assert {"thesis.zip", "aa-link.zip"} <= set(files(nights))
    assert elsewhere.exists()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_between_it_is_taken_up_again(
    nights: Exporting, lever: DeleteArchives, moment: str
) -> None:
    """Whatever the moment: the target reads as it was or as it is to be; one action, recorded."""
    change = to_delete(lever)
    entry = approved(nights, change)
    died = subprocess.run(
        [sys.executable, "-m", "tests.tasks.killed_deletion", entry.id, moment],
        cwd=PROJECT,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    store = open_store(nights.settings.url)
    assert find(store, entry.id).state == "applying"
    expected = change.after if moment == "crossed out" else change.before
    assert lever.read(change.target) == expected
    fresh = DeleteArchives(nights.settings)
    ended = recover_applying(store, fresh, find(store, entry.id), lambda: datetime.now(UTC), None)
    assert (ended.state, len(files(nights))) == ("applied", 3)
    assert [done.name for done in done_actions(store, entry.id)] == ["apply"]
    assert verify(nights.settings, store).ok

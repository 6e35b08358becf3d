"""Which archives stay: by days, weeks and months, and whatever something relies on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.export.history import Finished
from grace.export.manifest import Manifest, Table
from grace.export.retention import Relied, kept_by_rules, needed, read_relied, retention
from grace.export.shelf import Shelved, exports_folder, read_shelf
from grace.governance.retaining import Retaining
from tests.export.conftest import NOW, Copy, Exporting

MIDNIGHT = datetime(2026, 3, 30, tzinfo=UTC)  # a Monday


def shelved(name: str, made_at: datetime, **told: object) -> Shelved:
    """A backup, unless it is told otherwise."""
    tables = told.pop("tables", ["goals"])
    manifest = Manifest.model_validate(
        {
            "grace_export": 1,
            "grace": "0",
            "created_at": made_at,
            "scope": "all",
            "format": "parquet",
            "newest": False,
            "low": 0,
            "size": 10,
            "peaks": [],
            "checkpoint": "",
            "validated": True,
            "tables": {each: Table(columns=[], rows=1) for each in tables},
            "files": [],
        }
        | told
    )
    return Shelved(Path("/exports", name), 1, manifest)


def nightly(count: int, **told: object) -> list[Shelved]:
    """One at two o'clock of each of the last days before MIDNIGHT, named by its day."""
    times = [MIDNIGHT - timedelta(days=age, hours=-2) for age in range(count, 0, -1)]
    return [shelved(f"{at:%m-%d}", at, **told) for at in times]


def finished(name: str, low: int, size: int, **told: object) -> Finished:
    fields = {"at": NOW, "path": name, "scope": "all", "tables": ("goals",), "format": "parquet"}
    rest = {"newest": False, "rows": 1, "bytes": 1, "origin": "o", "validated": True}
    return Finished.model_validate(fields | rest | {"low": low, "size": size} | told)


def kept(archives: list[Shelved], today: datetime = MIDNIGHT, **rules: int) -> list[str]:
    return sorted(kept_by_rules(archives, Retaining(**rules), today.date()))


def test_the_newest_of_each_day_week_and_month_is_kept() -> None:
    """Of those that have an archive; one can be the newest of several."""
    archives = nightly(60)
    assert kept(archives, keep_daily=3) == ["03-27", "03-28", "03-29"]
    assert kept(archives, keep_weekly=3) == ["03-15", "03-22", "03-29"]
    assert kept(archives, keep_monthly=9) == ["01-31", "02-28", "03-29"]
    assert kept(archives, keep_daily=1, keep_monthly=2) == ["02-28", "03-29"]
    gap = archives[:3] + archives[-1:]
    assert kept(gap, keep_daily=3) == ["01-30", "01-31", "03-29"]


def test_what_was_made_today_is_not_counted_yet() -> None:
    """All of today stays: the day is not over."""
    today = [shelved(f"at {hour}", MIDNIGHT + timedelta(hours=hour)) for hour in (1, 2)]
    assert kept([*nightly(3), *today], keep_daily=2) == ["03-29", "at 1", "at 2"]


@pytest.mark.parametrize(
    "told",
    [{"scope": "learning"}, {"newest": True}, {"validated": False}, {"tables": ["decisions"]}],
)
def test_an_extract_is_no_substitute_for_a_backup(told: dict[str, object]) -> None:
    """Each kind is counted for itself."""
    extract = shelved("extract", MIDNIGHT - timedelta(hours=1), **told)
    assert kept([*nightly(2), extract], keep_daily=1) == ["03-29", "extract"]


COUNTS = st.fixed_dictionaries(
    {f"keep_{each}": st.integers(0, 5) for each in ("daily", "weekly", "monthly")}
)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 24 * 300), unique=True, min_size=1), COUNTS)
def test_more_is_never_kept_than_the_rules_say_nor_the_newest_lost(
    ages: list[int], rules: dict[str, int]
) -> None:
    """Whenever exports were made; and what is kept once is not kept for a reason that is none."""
    archives = [
        shelved(str(age), MIDNIGHT - timedelta(hours=age)) for age in sorted(ages, reverse=True)
    ]
    found = kept(archives, **rules)
    assert len(found) <= sum(rules.values())
    assert bool(found) == any(rules.values())
    if found:
        assert str(min(ages)) in found
    days = len({one.made_at.date() for one in archives})
    assert len(found) >= min(rules["keep_daily"], days)


def test_the_newest_valid_backup_must_stay() -> None:
    """Whatever else is newer; and so must what the drill took and what it will take."""
    archives = [
        *nightly(4),
        shelved("rescue", MIDNIGHT, validated=False),
        shelved("extract", MIDNIGHT, newest=True),
    ]
    relied = Relied(tried="03-28", drilled="03-27", latest={"rescue"})
    assert needed(archives, (), relied) == {
        "03-29": "the newest valid backup",
        "03-28": "the next restore drill tries it",
        "03-27": "the last restore drill restored it",
        "rescue": "the next export since the last one builds upon it",
    }
    assert needed(archives[:2], (), relied) == {"03-27": "the last restore drill restored it"} | {
        "03-27": "the newest valid backup"
    }


def test_what_a_kept_archive_builds_upon_must_stay() -> None:
    """Link by link down to the first row; what nothing builds upon may go."""
    first, second, third = (
        shelved(name, MIDNIGHT - timedelta(hours=9 - size), low=low, size=size)
        for name, low, size in (("0-5", 0, 5), ("5-7", 5, 7), ("7-9", 7, 9))
    )
    other = shelved("other", MIDNIGHT, size=5, tables=["decisions"])
    archives = [first, shelved("0-6", MIDNIGHT, size=6), second, other, third]
    assert needed(archives, {"7-9"}, Relied()) == {
        "other": "the newest valid backup",
        "5-7": "7-9 builds upon it",
        "0-5": "5-7 builds upon it",
    }
    # the one it began with is gone: the next larger one holds those rows too
    assert needed([archives[1], second, other], {"5-7"}, Relied()) == {
        "other": "the newest valid backup",
        "0-6": "5-7 builds upon it",
    }


def test_what_an_export_elsewhere_builds_upon_must_stay() -> None:
    """Grace remembers where each began, also of those that it wrote to a bucket."""
    archives = [shelved("0-5", MIDNIGHT - timedelta(days=9), size=5), *nightly(2)]
    elsewhere = [finished("s3://b/5-7", 5, 7), finished("s3://b/7-9", 7, 9)]
    assert needed(archives, (), Relied(latest={"s3://b/7-9"}, elsewhere=elsewhere)) == {
        "03-29": "the newest valid backup",
        "0-5": "s3://b/5-7 builds upon it",
    }
    # a later export of everything holds all that they held
    relied = Relied(latest={"03-29"}, elsewhere=elsewhere)
    assert needed(archives, (), relied) == {"03-29": "the newest valid backup"}


def test_where_exports_went_is_remembered(log: Exporting) -> None:
    """By their names in the exports folder, by their paths elsewhere."""
    inside = Path(log.export(to=None).path).name
    outside = log.export(since_last=True).path
    crypto = Path(log.export(to=None, scope="crypto-chains").path).name
    relied = read_relied(log.settings)
    assert (relied.tried, relied.drilled) == (inside, None)
    assert sorted(relied.latest) == sorted([outside, crypto])
    assert [each.path for each in relied.elsewhere] == [outside]
    shelf = read_shelf(log.settings)
    assert needed(shelf.archives, (), relied) == {
        inside: "the newest valid backup",
        crypto: "the next export since the last one builds upon it",
    }


def test_the_shelf_holds_archives_of_this_log_and_nothing_else(
    log: Exporting, another: Copy, tmp_path: Path
) -> None:
    """What somebody else put there is named with the reason, and left alone."""
    mine = Path(log.export(to=None).path)
    packed = Path(log.export(to=None, zstd=True).path)
    folder = exports_folder(log.settings)
    assert mine.parent == folder
    stranger = Exporting(log.settings.model_copy(update={"data_dir": tmp_path / "s"}), tmp_path)
    stranger.write("goals", {"goal_id": "g"})
    from grace.notary.signer import sign

    sign(stranger.settings, stranger.store(), NOW)
    (folder / "foreign.zip").write_bytes(Path(stranger.export(signing=False).path).read_bytes())
    (folder / "thesis.txt").write_text("all of it")
    (folder / "link.zip").symlink_to(mine)
    (folder / ".grace-x.part").write_text("a draft")
    log.export(folder=True, to=str(folder / "as-folder"))
    shelf = read_shelf(log.settings)
    assert [one.path for one in shelf.archives] == [mine, packed]
    assert [one.is_backup for one in shelf.archives] == [True, True]
    assert shelf.others.keys() == {"foreign.zip", "thesis.txt", "link.zip", "as-folder"}
    assert "another key" in shelf.others["foreign.zip"]
    assert "no ZIP archive" in shelf.others["thesis.txt"]


def test_without_rules_everything_stays(log: Exporting) -> None:
    """By default nothing is ever deleted."""
    for _ in range(2):
        log.export(to=None)
    later = NOW + timedelta(days=900)
    assert retention(log.settings, Retaining(), later).goes == []
    (gone,) = retention(log.settings, Retaining(keep_monthly=1), later).goes
    assert gone.made_at == NOW + timedelta(hours=1)

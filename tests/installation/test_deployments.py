"""A deployment is deployed again only when what is written about it has changed."""

from pathlib import Path

import pytest

from grace.errors import BadInput, NotOurs
from grace.installation.deployments import Deployed, changed, content, declared

TWO = """
pull: [{step: {directory: here}}]
deployments:
  - {name: hourly, entrypoint: "flows/one.py:one_thing", tags: [grace], schedules: [{interval: 60}]}
  - {name: watched, entrypoint: "flows/sample.py:page_refresh", tags: [grace, sample]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "prefect.yaml"
    file.write_text(TWO)
    return file


def test_sample_deployments_are_declared_only_where_asked(file: Path) -> None:
    assert set(declared(file, sample=False)) == {"one-thing/hourly"}
    assert set(declared(file, sample=True)) == {"one-thing/hourly", "page-refresh/watched"}


def test_only_the_entry_that_was_edited_has_changed(file: Path) -> None:
    deployed = Deployed(pool_id="p").with_digests(declared(file, sample=True))
    assert changed(declared(file, sample=True), deployed) == []
    file.write_text(TWO.replace("interval: 60", "interval: 120"))
    assert changed(declared(file, sample=True), deployed) == ["one-thing/hourly"]


def test_comments_and_order_of_keys_are_no_change(file: Path) -> None:
    before = declared(file, sample=True)
    file.write_text(
        "# a remark\n"
        + TWO.replace(
            '{name: watched, entrypoint: "flows/sample.py:page_refresh",',
            '{entrypoint: "flows/sample.py:page_refresh", name: watched,',
        )
    )
    assert declared(file, sample=True) == before


def test_another_folder_and_another_pull_step_change_everything(file: Path) -> None:
    deployed = Deployed(pool_id="p").with_digests(declared(file, sample=True))
    moved = file.parent / "moved" / "prefect.yaml"
    moved.parent.mkdir()
    file.rename(moved)
    assert len(changed(declared(moved, sample=True), deployed)) == 2
    moved.rename(file)
    file.write_text(TWO.replace("directory: here", "directory: there"))
    assert len(changed(declared(file, sample=True), deployed)) == 2


def test_what_another_database_was_told_counts_for_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "deployed.json"
    told = Deployed(pool_id="old", digests={"a/b": "1"}).with_resting({"id": "b"})
    told.write(kept)
    assert Deployed.read(kept, pool_id="old") == told
    assert Deployed.read(kept, pool_id="new") == Deployed(pool_id="new")


def test_a_record_that_grace_did_not_write_is_refused_by_name(tmp_path: Path) -> None:
    kept = tmp_path / "deployed.json"
    kept.write_text("{}")
    with pytest.raises(NotOurs, match=r"deployed\.json"):
        Deployed.read(kept, pool_id="p")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("deployments: [", "cannot read"),
        ("deployments: {}", "declares no deployments"),
        ("", "declares no deployments"),
        ("deployments: [{name: a}]", "deployment 1 has no entrypoint"),
        ('deployments: [{name: a, entrypoint: "f.py:f"}, text]', "deployment 2 has no name"),
        ('deployments: [{name: 3, entrypoint: "f.py:f"}]', "deployment 1 has no name"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(file: Path, content: str, complaint: str) -> None:
    file.write_text(content)
    with pytest.raises(BadInput, match=complaint):
        declared(file, sample=True)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*nowhere\.yaml"):
        declared(tmp_path / "nowhere.yaml", sample=True)


def test_every_connected_log_has_engines_of_its_own(file: Path) -> None:
    """They differ in name, tags and log alone; the sample and what is on demand have none."""
    more = "  - {name: on-demand, entrypoint: 'flows/file.py:file', tags: [grace]}\n"
    file.write_text(TWO + more)
    both = declared(file, sample=False, connected=["prod", "test-2"])
    mine = declared(file, sample=False)
    assert set(both) - set(mine) == {"one-thing/prod-hourly", "one-thing/test-2-hourly"}
    assert mine.items() < both.items()
    theirs, original = content(file, ["prod"])["deployments"][-1], content(file)["deployments"][0]
    assert theirs["work_pool"]["job_variables"] == {"env": {"GRACE_LOG": "prod"}}
    assert theirs["tags"] == ["grace", "log:prod"]
    assert theirs["schedules"] == original["schedules"]

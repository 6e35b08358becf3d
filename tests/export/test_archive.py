"""Archives that somebody changed: each is refused with one line, and nothing is written for it."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
import zstandard

from grace.errors import CheckFailed, GraceError, LedgerBroken, NotOurs
from grace.export.archive import opened
from grace.export.manifest import MANIFEST
from grace.export.proving import prove
from grace.export.zip_stream import ZipStream
from grace.ledger.note import SigningKey
from tests.export.conftest import Exporting

Files = dict[str, bytes]


def proves(log: Exporting, path: Path, identity: str | None = None) -> bool:
    with opened(path, identity) as archive:
        return prove(archive, log.key).rows >= 0


def files_of(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(path: Path, change: Callable[[Files], None]) -> Path:
    """The archive again, as Grace spells it, with other content."""
    files = files_of(path)
    change(files)
    with open(path, "wb") as out, ZipStream(out.write) as stream:
        for name, content in files.items():
            with stream.file(name) as file:
                file.write(content)
    return path


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_a_byte_changed_anywhere_is_noticed(log: Exporting, step: int) -> None:
    """Of the archive of the crypto chains, its ZIP headers and times included."""
    path = Path(log.export(scope="crypto-chains").path)
    assert proves(log, path)
    content = path.read_bytes()
    unseen = []
    for place in range(0, len(content), step):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(spoilt)
        try:
            proves(log, path)
            unseen.append(place)
        except GraceError:
            pass
    assert unseen == []


@pytest.mark.parametrize("fields", [{}, {"format": "csv"}, {"zstd": True}])
def test_bytes_changed_among_rows_are_noticed(log: Exporting, fields: dict[str, object]) -> None:
    """Some two hundred of an archive with all tables, spread evenly."""
    path = Path(log.export(**fields).path)
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 25):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x10
        path.write_bytes(spoilt)
        with pytest.raises(GraceError):
            proves(log, path)


def test_each_file_of_a_folder_is_held_to_its_digest(log: Exporting, tmp_path: Path) -> None:
    """Also those without rows, of which the ledger says nothing: what validation found."""
    folder = Path(log.export(folder=True, to=str(tmp_path / "out")).path)
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != MANIFEST]
    assert any(not file.match("*.parquet") for file in files)
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        told = f"{file.name} was changed: its digest does not fit"
        with pytest.raises(CheckFailed, match=told), opened(folder):
            pass
        file.write_bytes(whole)
    assert proves(log, folder)


def test_an_encrypted_archive_is_read_by_its_key_alone(log: Exporting) -> None:
    """age sees each change, and says that another key is no key."""
    mine, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    path = Path(log.export(age=str(mine.to_public()), zstd=True).path)
    assert proves(log, path, str(mine))
    with pytest.raises(GraceError, match="--identity"):
        proves(log, path)
    with pytest.raises(CheckFailed, match="decrypted"):
        proves(log, path, str(other))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckFailed, match="decrypted"):
        proves(log, path, str(mine))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_an_archive_that_was_cut_short_is_refused(log: Exporting, share: float) -> None:
    """Wherever a copy ended."""
    path = Path(log.export().path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(GraceError):
        proves(log, path)


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/escaped.txt", "goals/../../escaped.txt"])
def test_names_that_lead_elsewhere_are_refused(log: Exporting, name: str, tmp_path: Path) -> None:
    """And nothing is unpacked by them, for nothing is unpacked."""
    before = {path for path in tmp_path.parent.rglob("*") if "escaped" in path.name}
    path = rezipped(Path(log.export().path), lambda files: files.update({name: b"x"}))
    with pytest.raises(CheckFailed, match="is there and not named"):
        proves(log, path)
    assert {path for path in tmp_path.parent.rglob("*") if "escaped" in path.name} == before
    assert not Path("/tmp/escaped.txt").exists()


def test_a_folder_with_a_link_is_refused(log: Exporting, tmp_path: Path) -> None:
    """In place of a file, of a folder, and as the folder itself."""
    folder = Path(log.export(folder=True, to=str(tmp_path / "out")).path)
    assert proves(log, folder)
    (tmp_path / "named").symlink_to(folder)
    with pytest.raises(GraceError, match="a link"):
        proves(log, tmp_path / "named")
    (folder / "goals").rename(tmp_path / "goals")
    (folder / "goals").symlink_to(tmp_path / "goals")
    with pytest.raises(CheckFailed, match="no plain file"):
        proves(log, folder)


def test_a_bomb_is_refused(log: Exporting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed entries are none of Grace's, and zstd is stopped long before the disk is full."""
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b" " * 10_000_000)
    with pytest.raises(CheckFailed, match="compressed"):
        proves(log, bomb)
    monkeypatch.setattr("grace.export.wrapping.ALWAYS_ALLOWED", 1 << 20)
    from grace.export.wrapping import Wrapping

    with open(bomb, "wb") as out:
        wrapping = Wrapping(out.write)
        wrapping.write(bytes(100 << 20))
        wrapping.finish()
    with pytest.raises(CheckFailed, match="unpacks to more"):
        proves(log, bomb)


def test_another_decoder_reads_the_zstd_frame(log: Exporting) -> None:
    """The digest behind it is a frame that decoders pass over."""
    path = Path(log.export(zstd=True).path)
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes())) as reader:
        content = reader.read()
    assert MANIFEST in zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_rows_that_were_changed_with_every_digest_are_noticed(log: Exporting) -> None:
    """Whoever writes files, digests and manifest anew still has no signature for them."""
    import hashlib

    from grace.export.manifest import dump, load

    def forge(files: Files) -> None:
        text = files["goals.csv"].replace(b"goals-goal_id-1", b"goals-goal_id-7")
        assert text != files["goals.csv"]
        files["goals.csv"] = text
        manifest = load(files[MANIFEST])
        named = [
            file.model_copy(update={"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)})
            if file.name == "goals.csv"
            else file
            for file in manifest.files
        ]
        files[MANIFEST] = dump(manifest.model_copy(update={"files": named}))

    path = rezipped(Path(log.export(format="csv").path), forge)
    with pytest.raises(CheckFailed, match="row of goals at ledger index 24 is not the one"):
        proves(log, path)


def test_a_row_that_was_left_out_is_noticed(log: Exporting) -> None:
    """Of an export of all tables, whose rows can be counted."""
    import hashlib

    from grace.export.manifest import dump, load

    def forge(files: Files) -> None:
        lines = files["goals.jsonl"].splitlines(keepends=True)
        text = b"".join(lines[:-1])
        files["goals.jsonl"] = text
        manifest = load(files[MANIFEST])
        changed = {
            "sha256": hashlib.sha256(text).hexdigest(),
            "bytes": len(text),
            "rows": len(lines) - 1,
        }
        named = [
            file.model_copy(update=changed) if file.name == "goals.jsonl" else file
            for file in manifest.files
        ]
        goals = manifest.tables["goals"].model_copy(update={"rows": len(lines) - 1})
        tables = manifest.tables | {"goals": goals}
        files[MANIFEST] = dump(manifest.model_copy(update={"files": named, "tables": tables}))

    path = rezipped(Path(log.export(format="jsonl").path), forge)
    with pytest.raises(CheckFailed, match="47 rows of the 48"):
        proves(log, path)


def test_the_key_of_another_log_proves_nothing(log: Exporting) -> None:
    """Both keys are named."""
    path = Path(log.export().path)
    other = SigningKey("grace/other/0000000000000000", bytes(32)).verifier
    with opened(path) as archive, pytest.raises(LedgerBroken, match="another key"):
        prove(archive, other)


def test_an_archive_of_a_newer_grace_says_so(log: Exporting) -> None:
    """Rather than that it is damaged."""

    def newer(files: Files) -> None:
        told = json.loads(files[MANIFEST])
        files[MANIFEST] = json.dumps(told | {"grace_export": 2, "more": []}).encode()

    with pytest.raises(NotOurs, match="newer Grace"):
        proves(log, rezipped(Path(log.export().path), newer))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files.pop(MANIFEST), "no manifest.json"),
        (lambda files: files.pop("ledger/key.pub"), "named and not there"),
        (lambda files: files.update({MANIFEST: b"{}"}), "not that of an export"),
        (lambda files: files.update({MANIFEST: b"\xff"}), "no JSON"),
        (lambda files: files.update({MANIFEST: files[MANIFEST] + b" "}), "not spelled"),
        (
            lambda files: files.update(
                {MANIFEST: files[MANIFEST].replace(b'"newest": false', b'"newest": true')}
            ),
            "its digest does not fit",
        ),
    ],
)
def test_a_wrong_manifest_is_refused(
    log: Exporting, change: Callable[[Files], None], reason: str
) -> None:
    """Missing, of something else, or changed by a blank."""
    with pytest.raises(CheckFailed, match=reason):
        proves(log, rezipped(Path(log.export().path), change))


def test_what_is_no_archive_is_one_clear_error(log: Exporting, tmp_path: Path) -> None:
    """Nothing there, an empty folder, a file of something else."""
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "empty").mkdir()
    for name in ("missing.zip", "text.zip", "empty"):
        with pytest.raises(GraceError, match=name):
            proves(log, tmp_path / name)
    shutil.rmtree(tmp_path / "empty")

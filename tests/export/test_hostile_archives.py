"""Archives made to do harm: one line, no row, and no file but those that were there.

Each is tried bare, in zstd, in age and in both, from a path and from a URL.
"""

import hashlib
import io
import random
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path

import fsspec
import pyrage
import pytest

from grace.errors import GraceError
from grace.export.archive import opened
from grace.export.manifest import MANIFEST, dump, load
from grace.export.proving import prove
from grace.export.wrapping import Wrapping
from grace.export.zip_stream import ZipStream
from grace.ledger.note import SigningKey, VerifierKey
from grace.store import Store, open_store
from tasks.archive_source import reading
from tasks.restoring import restored
from tests.export.conftest import NOW, Exporting

Files = dict[str, bytes]
OTHER = SigningKey("grace/other/0000000000000000", bytes(32)).verifier
IDENTITY = pyrage.x25519.Identity.generate()


def files_of(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def spelled(files: Files) -> bytes:
    """As Grace writes them."""
    out = io.BytesIO()
    with ZipStream(out.write) as stream:
        for name, content in files.items():
            with stream.file(name) as file:
                file.write(content)
    return out.getvalue()


def with_file(name: str) -> Callable[[bytes], bytes]:
    return lambda content: spelled(files_of(content) | {name: b"x"})


def with_named_file(name: str) -> Callable[[bytes], bytes]:
    """Named in the manifest too, with its digest, as somebody who writes both can do."""

    def change(content: bytes) -> bytes:
        files = files_of(content) | {name: b"x"}
        manifest = load(files[MANIFEST]).model_dump(mode="json")
        digest = hashlib.sha256(b"x").hexdigest()
        manifest["files"].append(
            {"name": name, "table": None, "rows": 0, "sha256": digest, "bytes": 1}
        )
        return spelled(files | {MANIFEST: sealed(manifest)})

    return change


def sealed(told: Mapping[str, object]) -> bytes:
    """A manifest whose own digest holds, whatever it says."""
    from grace.export.manifest import _spelled

    bare = {name: value for name, value in told.items() if name != "sha256"}
    return _spelled(bare | {"sha256": hashlib.sha256(_spelled(bare)).hexdigest()})


def with_manifest(**differing: object) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        files = files_of(content)
        told = load(files[MANIFEST]).model_dump(mode="json")
        return spelled(files | {MANIFEST: sealed(told | differing)})

    return change


def with_columns(content: bytes) -> bytes:
    """Of a newer schema: a table has a column more."""
    files = files_of(content)
    manifest = load(files[MANIFEST])
    goals = manifest.tables["goals"]
    more = goals.model_copy(update={"columns": [*goals.columns, ("mood", "text")]})
    tables = manifest.tables | {"goals": more}
    return spelled(files | {MANIFEST: dump(manifest.model_copy(update={"tables": tables}))})


def with_link(content: bytes) -> bytes:
    """One of its files is a symbolic link by the ZIP's own attributes, and all else as it was."""
    attributes = content.rindex(b"ledger/key.pub") - 8  # of its entry in the directory
    return content[:attributes] + (0o120777 << 16).to_bytes(4, "little") + content[attributes + 4 :]


def without_manifest(content: bytes) -> bytes:
    files = files_of(content)
    return spelled({name: held for name, held in files.items() if name != MANIFEST})


def bomb(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b" " * 20_000_000)
    return out.getvalue()


def overlapping(content: bytes) -> bytes:
    """Many entries of the directory share one content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, held in files_of(content).items():
            archive.writestr(name, held)
        largest = max(archive.filelist, key=lambda entry: entry.file_size)
        for number in range(50):
            entry = copy(largest)
            entry.filename = f"file-{number}.csv"
            archive.filelist.append(entry)
    return out.getvalue()


def twice(content: bytes) -> bytes:
    out = io.BytesIO()
    files = files_of(content)
    with warnings.catch_warnings(), ZipStream(out.write) as stream:
        warnings.simplefilter("ignore")  # Python warns of what is done here
        for name, held in [*files.items(), ("ledger/key.pub", b"another")]:
            with stream.file(name) as file:
                file.write(held)
    return out.getvalue()


def flipped(content: bytes) -> bytes:
    spoilt = bytearray(content)
    spoilt[random.Random(3).randrange(len(content))] ^= 4
    return bytes(spoilt)


# what is done, and what is said of it
HOSTILE: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "a path that leads up": (with_file("../escaped.txt"), "is there and not named"),
    "a path that leads up within": (with_file("goals/../../escaped.txt"), "is there and not named"),
    "a path that leads up, named": (with_named_file("../escaped.csv"), "wrong at files.20.name"),
    "an absolute path": (with_file("/tmp/grace-escaped.txt"), "is there and not named"),
    "an absolute path, named": (with_named_file("/tmp/escaped.csv"), "wrong at files.20.name"),
    "a path of Windows": (with_file("..\\escaped.txt"), "is there and not named"),
    "a link": (with_link, "the ZIP archive was changed near byte"),
    "a bomb": (bomb, "is compressed"),
    "overlapping entries": (overlapping, "its files overlap"),
    "a name that stands twice": (twice, "'ledger/key.pub' stands in it twice"),
    "half of it": (lambda content: content[: len(content) // 2], "its end is missing"),
    "all but its end": (lambda content: content[:-1], "its end is missing"),
    "something before it": (lambda content: b"#!/bin/sh\n" + content, "changed near byte 0"),
    "something behind it": (lambda content: content + b"x", "something behind the end"),
    "a bit that is another": (flipped, "Bad CRC-32"),
    "no manifest": (without_manifest, "it has no manifest.json"),
    "a newer format": (with_manifest(grace_export=2), "made by a newer Grace (export format 2"),
    "a newer schema": (with_columns, "its goals has other columns"),
    "another size": (with_manifest(size=47), "its checkpoint signs 48 rows, it says 47"),
    "more peaks than there are": (with_manifest(peaks=["00" * 32]), "not say which rows it holds"),
    "what is no manifest": (with_manifest(scope="everything"), "its manifest is wrong at scope"),
    "nothing": (lambda content: b"", "it is no ZIP archive"),
}


def in_zstd(content: bytes) -> bytes:
    out = io.BytesIO()
    wrapping = Wrapping(out.write)
    wrapping.write(content)
    wrapping.finish()
    return out.getvalue()


def in_age(content: bytes) -> bytes:
    encrypted: bytes = pyrage.encrypt(content, [IDENTITY.to_public()])
    return encrypted


WRAPPED: Mapping[str, Callable[[bytes], bytes]] = {
    "bare": lambda content: content,
    "zstd": in_zstd,
    "age": in_age,
    "both": lambda content: in_age(in_zstd(content)),
}


@pytest.fixture
def places(log: Exporting, tmp_path: Path) -> Iterator[Callable[[bytes], list[str]]]:
    """Puts content where a path and a URL lead to."""

    def put(content: bytes) -> list[str]:
        (tmp_path / "hostile.zip").write_bytes(content)
        fsspec.filesystem("memory").pipe("/hostile.zip", content)
        return [str(tmp_path / "hostile.zip"), "memory://hostile.zip"]

    yield put
    memory = fsspec.filesystem("memory")
    if memory.exists("/hostile.zip"):
        memory.rm("/hostile.zip")


def refused(place: str, key: VerifierKey, into: Path) -> list[str]:
    """What `verify` and `restore` say; fails where they do not refuse."""
    made: list[Store] = []

    def target() -> Store:
        made.append(open_store(f"sqlite:///{into}"))
        return made[-1]

    told = []
    with (
        pytest.raises(GraceError) as verified,
        reading(place) as source,
        opened(source, str(IDENTITY)) as archive,
    ):
        prove(archive, key)
    told.append(str(verified.value))
    with pytest.raises(GraceError) as refusal:
        restored(place, target, key, NOW, identity=str(IDENTITY))
    told.append(str(refusal.value))
    assert made == []
    return told


def around(log: Exporting) -> set[Path]:
    """Every file that is there, but what is being tried and what SQLite keeps beside a log."""
    places = (log.folder.parent, Path.cwd(), Path.cwd().parent, Path("/tmp"))
    found = {path for place in places for path in place.glob("*escaped*")}
    return found | {
        path
        for path in log.folder.rglob("*")
        if path.name != "hostile.zip" and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.parametrize("harm", HOSTILE)
def test_it_is_refused_and_nothing_is_written(
    log: Exporting, places: Callable[[bytes], list[str]], harm: str
) -> None:
    """For what it is, however it is wrapped and wherever it lies; no target is even made."""
    change, reason = HOSTILE[harm]
    content = change(Path(log.export().path).read_bytes())
    before = around(log)
    for wrap in WRAPPED.values():
        for place in places(wrap(content)):
            for told in refused(place, log.key, log.folder / "target.db"):
                assert (told.startswith(f"{place}"), reason in told) == (True, True), told
                assert "\n" not in told
    assert around(log) == before


@pytest.mark.parametrize("wrap", WRAPPED)
def test_the_key_of_another_log_opens_nothing(
    log: Exporting, places: Callable[[bytes], list[str]], wrap: str
) -> None:
    """Whoever signed it is named, and no target is made."""
    content = WRAPPED[wrap](Path(log.export().path).read_bytes())
    for place in places(content):
        for told in refused(place, OTHER, log.folder / "target.db"):
            assert "another key" in told


def test_what_is_not_hostile_is_taken(log: Exporting, places: Callable[[bytes], list[str]]) -> None:
    """Else the tests above would show nothing."""
    content = spelled(files_of(Path(log.export().path).read_bytes()))
    for wrap in WRAPPED.values():
        for place in places(wrap(content)):
            with reading(place) as source, opened(source, str(IDENTITY)) as archive:
                assert prove(archive, log.key).rows == 48


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_bit_changed_anywhere_in_what_is_around_is_noticed(
    log: Exporting, places: Callable[[bytes], list[str]], wrap: str
) -> None:
    """Thirty places of each, spread evenly, the first and the last byte among them."""
    content = WRAPPED[wrap](Path(log.export(scope="crypto-chains").path).read_bytes())
    unseen = []
    for step in range(31):
        place = (len(content) - 1) * step // 30
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << step % 8
        path, _ = places(bytes(spoilt))
        try:
            with reading(path) as source, opened(source, str(IDENTITY)) as archive:
                prove(archive, log.key)
            unseen.append(place)
        except GraceError:
            pass
    assert unseen == []

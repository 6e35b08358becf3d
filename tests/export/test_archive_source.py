"""Archives that lie elsewhere: read as those on this machine, and no copy of them is left."""

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyrage
import pytest

from grace.cli import main
from grace.errors import BadInput, CheckFailed, GraceError
from grace.export.archive import Copy, opened
from grace.export.proving import prove
from grace.settings import Settings
from grace.store import open_store
from tasks.archive_source import reading
from tasks.restoring import restored
from tests.export.conftest import NOW, Exporting


class Web(ThreadingHTTPServer):
    """Answers with `content`, /elsewhere by sending there, /slow by half of it and then nothing."""

    content = b""
    status = 200
    half_sent: threading.Event
    go_on: threading.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that has read enough goes away: no fault, and told among its own words."""


class Answers(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/grace.zip")
            self.end_headers()
            return
        content = self.server.content
        self.send_response(self.server.status)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        if self.path == "/slow":
            self.wfile.flush()
            self.server.half_sent.set()
            self.server.go_on.wait(60)
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, format: str, *given: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web(("127.0.0.1", 0), Answers)
    server.half_sent, server.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    folder = tmp_path / "spare"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def proven(log: Exporting, url: str, identity: str | None = None) -> int:
    with reading(url) as source, opened(source, identity) as archive:
        return prove(archive, log.key).rows


Putting = Callable[[Path], str]


@contextmanager
def _in_memory(web: Web) -> Iterator[Putting]:
    def put(path: Path) -> str:
        fsspec.filesystem("memory").pipe("/away/grace.zip", path.read_bytes())
        return "memory://away/grace.zip"

    yield put
    fsspec.filesystem("memory").rm("/away", recursive=True)


@contextmanager
def _in_a_file(web: Web) -> Iterator[Putting]:
    yield lambda path: path.as_uri()


@contextmanager
def _on_the_web(web: Web) -> Iterator[Putting]:
    def put(path: Path) -> str:
        web.content = path.read_bytes()
        return f"{web.url}/grace.zip"

    yield put


@contextmanager
def _behind_a_redirect(web: Web) -> Iterator[Putting]:
    with _on_the_web(web) as put:
        yield lambda path: put(path).replace("grace.zip", "elsewhere")


@contextmanager
def _without_its_length(web: Web) -> Iterator[Putting]:
    with _on_the_web(web) as put:
        yield lambda path: put(path).replace("grace.zip", "endless")


@pytest.mark.parametrize(
    "place", [_in_memory, _in_a_file, _on_the_web, _behind_a_redirect, _without_its_length]
)
def test_a_url_is_as_good_as_a_path(log: Exporting, web: Web, spare: Path, place: Callable) -> None:
    """Proven and restored, whatever it is wrapped in; nothing is left in the temporary folder."""
    mine = pyrage.x25519.Identity.generate()
    finished = log.export(zstd=True, age=str(mine.to_public()))
    with place(web) as put:
        url = put(Path(finished.path))
        assert proven(log, url, str(mine)) == 48
    assert list(spare.iterdir()) == []


def test_a_folder_elsewhere_is_an_archive_too(log: Exporting, spare: Path) -> None:
    """Its files are fetched under the names that it gives them, into one file without a name."""
    finished = log.export(folder=True, to="memory://away/folder", format="jsonl")
    memory = fsspec.filesystem("memory")
    assert proven(log, finished.path) == 48
    memory.pipe("/away/folder/more.txt", b"x")
    with pytest.raises(CheckFailed, match=r"'more\.txt' is there and not named"):
        proven(log, finished.path)
    memory.rm("/away", recursive=True)
    assert list(spare.iterdir()) == []


def test_the_copy_has_no_name(log: Exporting, web: Web, spare: Path) -> None:
    """So that a process that is killed leaves nothing, and nobody else can open it."""
    web.content = Path(log.export().path).read_bytes()
    with reading(f"{web.url}/grace.zip") as source:
        assert isinstance(source, Copy)
        assert source.file.read() == web.content
        assert list(spare.iterdir()) == []
    command = [
        sys.executable,
        "-m",
        "grace.cli",
        "verify",
        f"{web.url}/slow",
        "--key",
        str(log.key),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert web.half_sent.wait(60)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert list(spare.iterdir()) == []


def test_what_is_larger_than_may_be_is_not_fetched(
    log: Exporting, web: Web, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the server says how much it sends or not."""
    monkeypatch.setattr("tasks.archive_source.MOST_BYTES", 5 << 20)
    web.content = bytes(6 << 20)
    for page in ("grace.zip", "endless"):
        with pytest.raises(CheckFailed, match="larger than the 5 MiB that may be copied"):
            proven(log, f"{web.url}/{page}")
    assert list(spare.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user:hunter2@127.0.0.1:9/grace.zip?token=hunter2", "cannot be read"),
        ("http://user:hunter2@[bad/grace.zip", "cannot be read"),
        ("memory://user:hunter2@nowhere/grace.zip", "cannot be read"),
        ("file:///nowhere/grace.zip", "cannot be read"),
        ("nowhere://user:hunter2@x/grace.zip", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_line_without_credentials(url: str, reason: str) -> None:
    """The server that is not there, the URL that is none, the protocol that nobody knows."""
    with pytest.raises(BadInput, match=reason) as told, reading(url):
        pass
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_server_that_refuses_is_told_by_its_answer(log: Exporting, web: Web) -> None:
    web.status = 403
    url = f"{web.url.replace('://', '://user:hunter2@')}/grace.zip?sig=hunter2"
    with pytest.raises(BadInput, match=r"/grace\.zip: the server answered 403$") as told:
        proven(log, url)
    assert "hunter2" not in str(told.value)


def test_a_copy_that_was_cut_short_is_refused(log: Exporting, web: Web) -> None:
    """As any archive that ends too early."""
    content = Path(log.export().path).read_bytes()
    for share in (0.02, 0.5, 0.999):
        web.content = content[: int(len(content) * share)]
        with pytest.raises(GraceError, match=r"/grace\.zip"):
            proven(log, f"{web.url}/grace.zip")


def test_progress_goes_from_fetching_to_validating(
    settings: Settings, tmp_path: Path, web: Web
) -> None:
    """Never back, and nearly to its end."""
    log = Exporting(settings, tmp_path)
    log.write("goals", {"goal_id": "g-1", "title": "fewer waits", "status": "active"})
    web.content = Path(log.export().path).read_bytes()
    told: list[tuple[str, float]] = []
    done = restored(
        f"{web.url}/grace.zip",
        lambda: open_store(f"sqlite:///{tmp_path / 'restored.db'}"),
        log.key,
        NOW,
        tell=lambda text, share: told.append((text.split()[0], share)),
    )
    assert done.rows == 1
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    words = list(dict.fromkeys(word for word, _ in told))
    assert words == ["fetching", "checking", "restoring", "validating"]
    assert 0.9 < shares[-1] <= 1


def test_the_commands_take_urls(
    log: Exporting, web: Web, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`grace verify` of an archive and of what is none, and `grace validate`."""
    monkeypatch.setenv("GRACE_DATA_DIR", str(log.settings.data_dir))
    web.content = Path(log.export().path).read_bytes()

    def said(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        both = capsys.readouterr()
        return int(ended.value.code or 0), both.out + both.err

    key = ("--key", str(log.key))
    assert said("verify", f"{web.url}/grace.zip", *key)[0] == 0
    code, out = said("validate", f"{web.url}/grace.zip", "--table", "erasures")
    assert (code, "1 tables; not met:" in out) == (1, True)
    web.content = web.content[:-1]
    into = f"sqlite:///{log.folder / 'by-url.db'}"
    code, out = said("restore", f"{web.url}/grace.zip", "--into", into, *key)
    assert (code, out.count("\n"), f"{web.url}/grace.zip" in out) == (1, 1, True)
    assert not (log.folder / "by-url.db").exists()
    web.content = b"no proof"
    assert said("verify", f"{web.url}/grace.zip", *key)[0] == 1
    web.status = 404
    code, out = said("verify", f"{web.url}/grace.zip", *key)
    assert (code, out.count("\n"), "answered 404" in out) == (2, 1, True)

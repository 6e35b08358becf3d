"""Publishing by HTTP to a real server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from grace.errors import Unreachable
from grace.notary import publishing
from tests.tampering import Log


class _Board(ThreadingHTTPServer):
    """Keeps what was put, or answers with `refusal`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.put: list[tuple[str, str, str]] = []
        self.refusal: int | None = None

    @property
    def address(self) -> str:
        return f"http://ann:secret@127.0.0.1:{self.server_port}/log?token=hidden"


class _Handler(BaseHTTPRequestHandler):
    server: _Board

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.put.append((self.path, self.headers["Content-Type"], content))
        self.send_response(self.server.refusal or 201)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at what was put."""


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Board]:
    """It may take a while for its thread to have its turn."""
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 300.0)
    with _Board() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _to(log: Log, address: str) -> Log:
    return Log(log.settings.model_copy(update={"checkpoint_url": address}))


def test_a_checkpoint_is_put_as_text(log: Log, board: _Board) -> None:
    """Byte for byte the note, so that a server may simply store it."""
    _to(log, board.address).sign()
    expected = log.settings.checkpoint_file.read_text()
    assert board.put == [("/log?token=hidden", "text/plain; charset=utf-8", expected)]


def test_a_server_that_refuses_is_told_without_its_password(log: Log, board: _Board) -> None:
    """The line goes into logs that others read."""
    board.refusal = 403
    with pytest.raises(Unreachable, match="answered 403") as refused:
        _to(log, board.address).sign()
    assert "secret" not in str(refused.value)
    assert "hidden" not in str(refused.value)
    board.refusal = None
    _to(log, board.address).sign()
    assert len(board.put) == 2


def test_a_server_that_is_not_there(log: Log, board: _Board) -> None:
    """The signature stays, the line says where it could not go."""
    address = board.address
    board.server_close()
    with pytest.raises(Unreachable, match=r"not published to http://127\.0\.0\.1"):
        _to(log, address).sign()
    assert log.verify().ok

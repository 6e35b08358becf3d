"""A signed webhook as a lever, against a real HTTP server: sent once, taken back, never leaked."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentCreate

from grace.errors import BadInput, Unreachable
from grace.governance.change import Change
from grace.levers import is_reversible, verify
from tasks.levers.signed_webhook import SignedWebhook
from tasks.webhook import PAUSES_SECONDS, Sender

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
TARGET = "webhook:tickets"


@dataclass
class Receiver:
    """Answers with the statuses it is told, then with 204; takes a message once by its id."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: dict[str, object] = field(default_factory=dict)
    hangs: threading.Event | None = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.requests.append((path, headers, body))
        if self.hangs is not None:
            self.hangs.wait(30)
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 204:
            self.taken.setdefault(headers["webhook-id"], json.loads(body))
        return status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


def governed(settings, receiver, undo=True, secret='secret_variable = "TICKETS_SECRET"'):
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    back = f'undo_url = "{receiver.url}/undo"\n' if undo else ""
    named = f'[webhooks.tickets]\nurl = "{receiver.url}/set?token=in"\n{back}{secret}\n'
    (settings.log_dir / "governance.toml").write_text(f'reviewers = ["ann"]\n{named}')


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def lever(settings, receiver, pauses):
    """Signs with the secret; what it would wait is noted instead."""
    governed(settings, receiver)
    return SignedWebhook(settings, Sender(KEY, lambda: 1_772_323_200.9, pauses.append))


def value(key="first", **body):
    return {"key": key, "body": body or {"level": "high"}}


def test_what_was_never_sent_reads_as_none(lever):
    assert lever.read(TARGET) is None


def test_a_value_set_twice_is_sent_once(lever, receiver):
    """And reads as it was acknowledged, for another process too."""
    for _ in range(3):
        lever.apply(TARGET, value())
    assert lever.read(TARGET) == value()
    ((path, headers, body),) = receiver.requests
    assert path == "/set?token=in"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "grace.set",
        "webhook": "tickets",
        "key": "first",
        "data": {"level": "high"},
    }


def test_a_receiver_can_check_who_sent_it(lever, receiver):
    """Standard Webhooks, reckoned here with nothing of Grace's: id, second and body are signed."""
    lever.apply(TARGET, value("größe", name="ü") | {"key": "size-1"})
    ((_, headers, body),) = receiver.requests
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("size-1", "1772323200")
    digest = hmac.new(KEY, b"size-1.1772323200." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_with_an_undo_url_the_inverse_leads_back(lever, receiver):
    """First to the value before, then to nothing; each told to the undo url by an id of its own."""
    assert is_reversible(lever, TARGET)
    first = Change(lever=lever.name, target=TARGET, before=None, after=value("a"))
    second = Change(lever=lever.name, target=TARGET, before=value("a"), after=value("b"))
    for change in (first, second, second.inverse, first.inverse):
        for _ in range(2):
            lever.apply(TARGET, change.after)
        assert verify(lever, change)
    assert [(path, headers["webhook-id"]) for path, headers, _ in receiver.requests] == [
        ("/set?token=in", "a"),
        ("/set?token=in", "b"),
        ("/undo", "b:undo"),
        ("/undo", "a:undo"),
    ]
    assert json.loads(receiver.requests[2][2])["type"] == "grace.undo"


def test_without_an_undo_url_it_stays_done(settings, receiver, lever):
    governed(settings, receiver, undo=False)
    lever.apply(TARGET, value())
    assert not is_reversible(lever, TARGET)
    with pytest.raises(BadInput, match="stays done: it names no undo_url"):
        lever.apply(TARGET, None)
    assert lever.read(TARGET) == value()


def test_a_receiver_that_is_busy_is_tried_again_and_takes_it_once(lever, receiver, pauses):
    """The same id and body each time."""
    receiver.statuses = [503, 429]
    lever.apply(TARGET, value())
    assert pauses == list(PAUSES_SECONDS)
    assert {(headers["webhook-id"], body) for _, headers, body in receiver.requests} == {
        ("first", receiver.requests[0][2])
    }
    assert len(receiver.requests) == 3
    assert list(receiver.taken) == ["first"]


def test_a_receiver_that_stays_busy_is_given_up(lever, receiver):
    """Nothing was acknowledged, and the next try is the same message."""
    receiver.statuses = [500] * 3
    with pytest.raises(
        Unreachable, match=r"^the webhook at http://127\.\S+ was sent 3 times: .* 500$"
    ):
        lever.apply(TARGET, value())
    assert (lever.read(TARGET), len(receiver.requests)) == (None, 3)
    lever.apply(TARGET, value())
    assert lever.read(TARGET) == value()


def test_a_receiver_that_does_not_answer_is_given_up(settings, receiver, pauses):
    governed(settings, receiver)
    receiver.hangs = threading.Event()
    try:
        hasty = SignedWebhook(settings, Sender(KEY, pause=pauses.append, timeout_seconds=0.05))
        with pytest.raises(Unreachable, match=r"3 times: no answer within 0\.05 s"):
            hasty.apply(TARGET, value())
    finally:
        receiver.hangs.set()


def test_nobody_there_is_one_line(settings, receiver, pauses):
    """A port where nothing listens."""
    receiver.url = "http://127.0.0.1:9"
    governed(settings, receiver)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 was sent 3 times: ConnectError"):
        SignedWebhook(settings, Sender(KEY, pause=pauses.append)).apply(TARGET, value())


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_a_refusal_is_one_line_and_not_repeated(lever, receiver, status):
    """A redirect is not followed: the signature was for this address."""
    receiver.statuses = [status]
    with pytest.raises(BadInput, match=f"refuses it: {status}$") as caught:
        lever.apply(TARGET, value())
    assert "token" not in str(caught.value)
    assert (lever.read(TARGET), len(receiver.requests)) == (None, 1)


def test_killed_after_it_was_acknowledged_it_is_the_same_message_again(lever, receiver, settings):
    """What the receiver took and the log does not know: sent again by the same id, taken once."""
    lever.apply(TARGET, value())
    (settings.log_dir / "webhooks" / "tickets.json").unlink()
    lever.apply(TARGET, value())
    assert [headers["webhook-id"] for _, headers, _ in receiver.requests] == ["first", "first"]
    assert len(receiver.taken) == 1


def test_a_key_that_was_used_is_refused(lever):
    lever.apply(TARGET, value("a"))
    lever.apply(TARGET, value("b"))
    for again in (value("a", other=1), value("b", other=1)):
        with pytest.raises(BadInput, match="the key of an earlier message"):
            lever.check(TARGET, again)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "cannot be set to nothing"),
        ("high", "a message is written"),
        ({"key": "a"}, "body: Field required"),
        ({"key": "a.b", "body": {}}, "key: "),
        ({"key": "a:undo", "body": {}}, "key: "),
        ({"key": "a", "body": [1]}, "body: "),
        (value() | {"more": 1}, "more: Extra inputs"),
    ],
)
def test_what_is_no_message_is_refused_in_one_line(lever, receiver, wrong, said):
    for use in (lever.check, lever.apply):
        # nothing is there to be taken back either: None is refused by both
        if use == lever.apply and wrong is None:
            continue
        with pytest.raises(BadInput, match=said) as caught:
            use(TARGET, wrong)
        assert "\n" not in str(caught.value)
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("webhook:", "write webhook:NAME"),
        ("webhook:pager", "no webhook 'pager'; it names: tickets"),
    ],
)
def test_a_webhook_that_governance_does_not_name_is_one_line(lever, target, said):
    for use in (lever.read, lambda target: lever.apply(target, value())):
        with pytest.raises(BadInput, match=said):
            use(target)


def test_the_secret_is_read_from_its_variable_and_stands_nowhere_else(
    settings, receiver, monkeypatch, capfd
):
    governed(settings, receiver)
    lever = SignedWebhook(settings)
    with pytest.raises(BadInput, match="the variable TICKETS_SECRET holds no secret here"):
        lever.apply(TARGET, value())
    monkeypatch.setenv("TICKETS_SECRET", SECRET)
    lever.apply(TARGET, value())
    ((_, headers, body),) = receiver.requests
    signed = f"first.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    written = [file.read_bytes() for file in settings.data_dir.rglob("*") if file.is_file()]
    assert written
    told = "".join(capfd.readouterr()).encode()
    for where in (*written, told, body):
        assert SECRET.encode() not in where
        assert KEY not in where


def test_the_secret_is_read_from_a_block_of_prefect(settings, receiver, prefect_api):
    governed(settings, receiver, secret='secret_block = "tickets"')
    lever = SignedWebhook(settings)
    with pytest.raises(BadInput, match="there is no Secret block 'tickets'"):
        lever.apply(TARGET, value())
    with get_client(sync_client=True) as client:
        kind = client.read_block_type_by_slug("secret")
        schema = client.get_most_recent_block_schema_for_block_type(kind.id)
        client.create_block_document(
            BlockDocumentCreate(
                name="tickets",
                data={"value": SECRET},
                block_type_id=kind.id,
                block_schema_id=schema.id,
            )
        )
    lever.apply(TARGET, value())
    assert lever.read(TARGET) == value()

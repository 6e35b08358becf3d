"""Prefect behind the sign-in: who answers is who signed in, and no way leads around it.

One real server, started as `grace up` starts it; ann and ben have passwords, zoe has a key.
"""

import asyncio
import base64
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import websockets
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from grace.errors import BadInput, Unreachable
from grace.governance.asking import NO_ANSWER
from grace.governance.consent import Answer
from grace.governance.register import Entry
from grace.governance.reviewing import change_reviewers
from grace.identity.passwords import hash_password
from grace.identity.roster import Roster, read_roster
from grace.identity.signing_in import load_server_key, make_server_key
from grace.identity.statement import read_statement
from grace.installation.people import make_service_credential, service_credential
from grace.ledger.note import SigningKey
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tasks.proposals import sign_answer
from tasks.runs import answer_run, read_run
from tests.desk import DEPLOYED, Desk, _new_limit
from tests.serving import serving_prefect

ANN, BEN = "ann:correct horse battery", "ben:staple staple staple"
ZOE = SigningKey("zoe", os.urandom(32))
NEEDED = '[assurance]\nlow = "{0}"\nmedium = "{0}"\nhigh = "{0}"\n'


@dataclass
class Guarded:
    """`waits` is a proposal that nobody gets to answer: every try leaves it as it was."""

    settings: Settings
    url: str
    waits: tuple[Desk, Entry] | None = None

    @property
    def service(self) -> str:
        return service_credential(self.settings) or ""

    def ask(self, method: str, path: str, body: object = None, who: str | None = None, **headers):
        """One request, as somebody or as nobody; SQLite may be busy for a moment."""
        while (answer := self.ask_once(method, path, body, who, **headers)).status_code == 503:
            pass
        return answer

    def ask_once(
        self, method: str, path: str, body: object = None, who: str | None = None, **headers
    ):
        auth = (who.partition(":")[0], who.partition(":")[2]) if who else None
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as client:
            return client.request(method, path, json=body, auth=auth, headers=headers)

    def resume(self, run_id: str, who: str | None, name: str, **differing):
        """What Prefect's page sends when somebody presses Submit.

        Where SQLite was busy Prefect takes nothing and says this, and a person does it again.
        """
        said = {"answer": "approve", "reviewer": name, "reason": "as agreed"} | differing
        for _ in range(20):
            answer = self.ask("POST", f"/flow_runs/{run_id}/resume", {"run_input": said}, who)
            if "Error validating state" not in answer.text:
                break
            time.sleep(0.5)
        return answer


def _reviewers() -> Roster:
    roster = Roster()
    for name, _, password in (each.partition(":") for each in (ANN, BEN)):
        hashed = hash_password(password, os.urandom)
        roster = roster.with_new(name).with_password(name, hashed)
    return roster.with_new("zoe").with_key("zoe", ZOE.verifier)


def _change(settings: Settings, what: str, edit) -> None:
    store = open_store(settings.url)
    change_reviewers(settings, store, what, edit, by="root", now=datetime.now(UTC))
    store.engine.dispose()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home: Path = tmp_path_factory.mktemp("guarded")
    settings = Settings(data_dir=home / "data")
    make_service_credential(settings)
    make_server_key(settings, os.urandom)
    roster = _reviewers()
    _change(settings, "adopt", lambda _: roster)
    store = open_store(settings.url)
    sign(settings, store, datetime.now(UTC))
    store.engine.dispose()
    environment = {"GRACE_DATA_DIR": str(settings.data_dir), "PREFECT_SERVER_UI_ENABLED": "true"}
    with serving_prefect(home, **environment) as url:
        guarded = Guarded(settings, url)
        with temporary_settings(_as_grace(guarded)), get_client(sync_client=True) as client:
            for flow, name in DEPLOYED:
                client.create_deployment(client.create_flow(flow), name=name, tags=["grace"])
        yield guarded


def _as_grace(guarded: Guarded) -> dict:
    return {
        PREFECT_API_URL: guarded.url,
        PREFECT_API_AUTH_STRING: guarded.service,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }


@pytest.fixture
def guarded(server: Guarded, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """The server, with this test's Prefect clients as Grace itself."""
    monkeypatch.setenv("GRACE_DATA_DIR", str(server.settings.data_dir))
    with temporary_settings(_as_grace(server)):
        yield server


@pytest.fixture
def signing_desk(guarded: Guarded) -> Desk:
    """Every tier needs an answer of somebody who signed in."""
    governance = guarded.settings.log_dir / "governance.toml"
    governance.write_text(NEEDED.format("signed in"))
    return Desk(guarded.settings, _new_limit(), governance)


@pytest.fixture
def waiting(signing_desk: Desk):
    """A proposal whose run asks."""
    entry = signing_desk.propose(8)
    assert signing_desk.carry_on(entry).name == "Suspended"
    return entry


@pytest.fixture
def tried(guarded: Guarded, signing_desk: Desk) -> Iterator[Entry]:
    """One proposal for all that must have no effect on it, which is seen afterwards."""
    if guarded.waits is None:
        entry = signing_desk.propose(8)
        signing_desk.carry_on(entry)
        guarded.waits = signing_desk, entry
    desk, entry = guarded.waits
    yield entry
    guarded.waits = guarded.waits if untouched(desk, entry) else None
    assert guarded.waits
    assert desk.decisions(entry) == []


def untouched(desk: Desk, entry: Entry) -> bool:
    state = desk.entry(entry).state, desk.limit, read_run(entry.run_id).stands
    return state == ("awaiting_approval", 2, "asking")


# --- who is who -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/admin/version", "/../", "/../ui-settings", "/../openapi.json", "/../v2/runs"]
)
def test_nobody_comes_in_without_a_password(guarded, path):
    """Neither to the API nor to the page nor to its files; the browser is told to ask."""
    answer = guarded.ask("GET", path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="Grace"')


@pytest.mark.parametrize(
    "who", ["ann:wrong password", "mallory:correct horse battery", "ann:", ":", "grace:guess"]
)
def test_nobody_comes_in_with_a_wrong_one(guarded, who):
    assert guarded.ask("POST", "/flow_runs/filter", {}, who).status_code == 401


def test_whether_the_server_lives_is_told_to_anyone(guarded):
    assert guarded.ask("GET", "/health").json() is True


@pytest.mark.parametrize("who", [ANN, BEN, "grace"])
def test_reviewers_and_grace_itself_come_in(guarded, who):
    """To the API and to the page, with its files."""
    who = guarded.service if who == "grace" else who
    assert guarded.ask("POST", "/flow_runs/filter", {}, who).status_code == 200
    page = guarded.ask("GET", "/../ui-settings", who=who)
    assert page.json()["api_url"].endswith("/api")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_somebody_else_does_nothing_in_anns_name(guarded, origin):
    """Her browser would send her password with it."""
    answer = guarded.ask("POST", "/flow_runs/filter", {}, ANN, origin=origin)
    assert answer.status_code == 403
    own = guarded.url.removesuffix("/api")
    assert guarded.ask("POST", "/flow_runs/filter", {}, ANN, origin=own).status_code == 200


def test_a_password_that_was_changed_counts_at_once(guarded):
    """And so does one that was taken away with its reviewer."""
    kim = "kim:a password of twelve"
    assert guarded.ask("GET", "/admin/version", who=kim).status_code == 401
    hashed = hash_password(kim.partition(":")[2], os.urandom)
    _change(guarded.settings, "add", lambda r: r.with_new("kim").with_password("kim", hashed))
    assert guarded.ask("GET", "/admin/version", who=kim).status_code == 200
    _change(guarded.settings, "remove", lambda roster: roster.without("kim"))
    assert guarded.ask("GET", "/admin/version", who=kim).status_code == 401


async def _socket(url: str, path: str, first: object = None, **headers: str) -> str:
    address = url.replace("http://", "ws://") + path
    try:
        async with websockets.connect(
            address, subprotocols=["prefect"], additional_headers=headers, open_timeout=60
        ) as socket:
            if first is not None:
                await socket.send(json.dumps(first))
            return str(json.loads(await asyncio.wait_for(socket.recv(), 60))["type"])
    except (websockets.ConnectionClosed, websockets.InvalidStatus) as closed:
        return type(closed).__name__


@pytest.mark.parametrize("path", ["/events/in", "/events/out", "/logs/out"])
def test_a_websocket_needs_a_password_too(guarded, path):
    """By the first message, as Prefect's clients do, or in the header, as a browser does."""

    def opened(first: object = None, **headers: str) -> str:
        return asyncio.run(_socket(guarded.url, path, first, **headers))

    wrong = {"type": "auth", "token": "ann:wrong password"}
    assert opened({"type": "auth", "token": None}).startswith("ConnectionClosed")
    assert opened(wrong).startswith("ConnectionClosed")
    assert opened({"type": "filter", "filter": {}}).startswith("ConnectionClosed")
    assert opened(wrong, Authorization="Basic !").startswith("ConnectionClosed")
    bad, good = ("Basic " + base64.b64encode(each.encode()).decode() for each in ("ann:no", ANN))
    assert opened(wrong, Authorization=bad) == "InvalidStatus"
    assert opened({"type": "auth", "token": guarded.service}) == "auth_success"
    assert opened({"type": "auth", "token": None}, Authorization=good) == "auth_success"
    foreign = {"Authorization": good, "Origin": "https://evil.example"}
    assert opened({"type": "auth", "token": None}, **foreign) == "InvalidStatus"


# --- answering ------------------------------------------------------------------------------------


def test_an_answer_in_ones_own_name_is_recorded_as_signed_in(guarded, signing_desk, waiting):
    """With the server's statement, for this question of this log."""
    assert guarded.resume(waiting.run_id, ANN, "ann").json()["status"] == "ACCEPT"
    assert signing_desk.carry_on(waiting).is_completed()
    assert signing_desk.limit == 8
    row = newest(signing_desk.store, "decisions", proposal_id=waiting.id).iloc[-1]
    assert (row["answer"], row["reviewer"], row["assurance"]) == ("approve", "ann", "signed in")
    detail = json.loads(row["detail"])
    assert detail["key"] == str(load_server_key(guarded.settings).verifier)
    stated = read_statement(detail["proof"])
    assert (stated.asking, stated.content) == (row["decision_id"], waiting.content_hash)


def test_signed_in_as_one_and_typed_as_another_is_refused(guarded, tried):
    """In words that the page shows; nothing is taken, and nothing recorded."""
    answer = guarded.resume(tried.run_id, ANN, "ben").json()
    assert answer["status"] == "REJECT"
    assert answer["details"]["reason"] == (
        "you are signed in as 'ann', and the form says 'ben': answer in your own name"
    )


@pytest.mark.parametrize(
    "typed",
    [
        {"reviewer": {"__prefect_kind": "jinja", "template": "ben"}},
        {"reviewer": {"__prefect_kind": "json", "value": '"ben"'}},
        {"__prefect_kind": "json", "value": '{"answer":"approve","reviewer":"ben","reason":"x"}'},
        {"answer": ["approve"]},
    ],
)
def test_a_template_in_the_form_is_refused(guarded, tried, typed):
    """Prefect evaluates those after the names were compared."""
    assert guarded.resume(tried.run_id, ANN, "ann", **typed).json()["status"] == "REJECT"


def test_graces_own_credential_answers_nothing(guarded, tried):
    """Flows and worker have it; in whosever name, there is no proof of a person."""
    answer = guarded.resume(tried.run_id, guarded.service, "ann").json()
    assert answer["status"] == "REJECT"
    assert "asks reviewers to sign in" in answer["details"]["reason"]
    with pytest.raises(BadInput, match="asks reviewers to sign in"):
        answer_run(tried.run_id, {"answer": "approve", "reviewer": "ann", "reason": "x"})


def test_the_command_line_signs_in_or_signs(guarded, signing_desk, waiting):
    """By password as the person; by key as Grace, with the person's signature."""
    said = {"answer": "approve", "reviewer": "ann", "reason": "x"}
    with pytest.raises(Unreachable, match="401"):
        answer_run(waiting.run_id, said, "ann:wrong password")
    given = Answer(answer="approve", reviewer="zoe", reason="as agreed")
    signed = sign_answer(signing_desk.settings, waiting, given, ZOE, datetime.now(UTC))
    answer_run(waiting.run_id, signed.model_dump())
    assert signing_desk.carry_on(waiting).is_completed()
    row = newest(signing_desk.store, "decisions", proposal_id=waiting.id).iloc[-1]
    assert (row["reviewer"], row["assurance"], signing_desk.limit) == ("zoe", "signature", 8)


def test_a_proof_that_is_none_is_invalid_and_asked_again(guarded, signing_desk, waiting):
    """The server passes it on with Grace's credential; the run finds out."""
    said = {"answer": "approve", "reviewer": "zoe", "reason": "x", "proof": "believe me"}
    answer_run(waiting.run_id, said)
    assert signing_desk.carry_on(waiting).name == "Suspended"
    ((answer, reason),) = signing_desk.decisions(waiting)
    assert answer == "invalid"
    assert "the proof with the answer cannot be read" in reason
    assert signing_desk.limit == 2


def test_an_answer_to_the_first_question_is_none_to_the_second(guarded, signing_desk, waiting):
    """Zoe's signature is kept back, and played again when it is asked anew."""
    given = Answer(answer="approve", reviewer="zoe", reason="as agreed")
    kept = sign_answer(signing_desk.settings, waiting, given, ZOE, datetime.now(UTC))
    answer_run(waiting.run_id, kept.model_dump() | {"proof": "spoilt"})
    assert signing_desk.carry_on(waiting).name == "Suspended"
    answer_run(waiting.run_id, kept.model_dump())
    assert signing_desk.carry_on(waiting).name == "Suspended"
    reasons = [reason for _, reason in signing_desk.decisions(waiting)]
    assert "the proof is of another answer: its asking is" in reasons[1]
    assert signing_desk.limit == 2


def test_an_answer_of_a_reviewer_removed_meanwhile_is_invalid(guarded, signing_desk, waiting):
    """She signed in and answered; before the run went on she was taken off the list."""
    lee = "lee:a password of twelve"
    hashed = hash_password(lee.partition(":")[2], os.urandom)
    _change(guarded.settings, "add", lambda r: r.with_new("lee").with_password("lee", hashed))
    assert guarded.resume(waiting.run_id, lee, "lee").json()["status"] == "ACCEPT"
    _change(guarded.settings, "remove", lambda roster: roster.without("lee"))
    assert signing_desk.carry_on(waiting).name == "Suspended"
    ((answer, reason),) = signing_desk.decisions(waiting)
    assert (answer, "'lee' is not on the list of reviewers" in reason) == ("invalid", True)
    assert signing_desk.limit == 2


# --- ways around ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETED", "SCHEDULED", "CANCELLED", "PENDING"])
def test_a_person_forces_no_state(guarded, tried, state):
    """Neither of one run, nor of many, nor by deleting them; the run waits on."""
    to = {"type": state, "name": state.title()}
    run = f"/flow_runs/{tried.run_id}"
    these = {"flow_runs": {"id": {"any_": [tried.run_id]}}}
    everything: dict[str, object] = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    answers = [
        guarded.ask("POST", f"{run}/set_state", {"state": to, "force": True}, ANN),
        guarded.ask("POST", f"/flow_runs/{UUID(tried.run_id).hex}/set_state", {"state": to}, ANN),
        guarded.ask("POST", "/flow_runs/bulk_set_state", these | {"state": to, "force": True}, ANN),
        guarded.ask("POST", "/flow_runs/bulk_set_state", everything | {"state": to}, ANN),
        guarded.ask("POST", "/flow_runs/bulk_set_state", {"state": to, "force": True}, ANN),
        guarded.ask("POST", "/flow_runs/bulk_delete", these, ANN),
        guarded.ask("DELETE", run, None, ANN),
        guarded.ask("PATCH", run, {"parameters": {"proposal_id": "another"}}, ANN),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert "answered by Resume" in answers[0].json()["detail"]


def test_with_graces_credential_a_forced_state_is_no_consent(guarded, signing_desk, waiting):
    """As it must be able to set states; the run finds no answer, and asks again."""
    to = {"type": "SCHEDULED", "name": "Resuming"}
    path = f"/flow_runs/{waiting.run_id}/set_state"
    forced = guarded.ask("POST", path, {"state": to, "force": True}, guarded.service)
    assert forced.status_code == 201
    assert signing_desk.carry_on(waiting).name == "Suspended"
    assert signing_desk.decisions(waiting) == [("invalid", NO_ANSWER)]
    assert signing_desk.limit == 2


def _key_of_the_answer(entry: Entry) -> str:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(entry.run_id)).state
    return state.state_details.run_input_keyset["response"]


@pytest.mark.parametrize("who", ["ann", "grace"])
def test_an_answer_is_not_written_behind_the_form(guarded, tried, who):
    """As a run's input, past Resume."""
    key = _key_of_the_answer(tried)
    said = {"answer": "approve", "reviewer": "ann", "reason": "forged"}
    body = {"key": key, "value": json.dumps(said)}
    who = ANN if who == "ann" else guarded.service
    answer = guarded.ask("POST", f"/flow_runs/{tried.run_id}/input", body, who)
    assert answer.status_code == 403


def test_an_answer_written_into_prefects_database_is_only_declared(guarded, signing_desk, waiting):
    """Whoever has the database goes past the server; without its key the answer is a claim."""
    key = _key_of_the_answer(waiting)
    said = json.dumps({"answer": "approve", "reviewer": "ann", "reason": "forged"})
    database = guarded.settings.data_dir.parent / "prefect.db"
    with sqlite3.connect(database, timeout=60) as connection:
        columns = "id, created, updated, flow_run_id, key, value"
        now = datetime.now(UTC).isoformat(sep=" ")
        values = (str(uuid4()), now, now, waiting.run_id, key, said)
        connection.execute(f"INSERT INTO flow_run_input ({columns}) VALUES (?,?,?,?,?,?)", values)
    connection.close()
    to = {"type": "SCHEDULED", "name": "Resuming"}
    path = f"/flow_runs/{waiting.run_id}/set_state"
    guarded.ask("POST", path, {"state": to, "force": True}, guarded.service)
    assert signing_desk.carry_on(waiting).name == "Suspended"
    ((answer, reason),) = signing_desk.decisions(waiting)
    assert (answer, reason.endswith("this one is declared")) == ("invalid", True)
    assert signing_desk.limit == 2


def test_what_does_not_wait_for_an_answer_is_anyones(guarded):
    """Other runs are started, cancelled and deleted by whoever signed in."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("governance/every-10-minutes")
    path = f"/deployments/{deployment.id}/create_flow_run"
    run = guarded.ask("POST", path, {}, BEN).json()
    to = {"type": "CANCELLED", "name": "Cancelled"}
    states = guarded.ask("POST", f"/flow_runs/{run['id']}/set_state", {"state": to}, BEN)
    assert states.status_code == 201
    assert guarded.ask("DELETE", f"/flow_runs/{run['id']}", None, BEN).status_code == 204


def test_the_list_that_the_server_reads_is_the_one_that_counts(guarded):
    """An unreadable list lets nobody in, instead of everybody."""
    file = guarded.settings.reviewers_file
    text = file.read_text()
    file.write_text("{")
    try:
        answer = guarded.ask_once("GET", "/admin/version", None, ANN)
        assert answer.status_code == 503
    finally:
        file.write_text(text)
    assert read_roster(guarded.settings) is not None
    assert guarded.ask("GET", "/admin/version", who=ANN).status_code == 200

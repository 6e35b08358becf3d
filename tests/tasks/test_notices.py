"""Somebody is told that a proposal waits, with the link that lands on its run."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock

from grace.governance.decisions import Decision, record_decision
from grace.governance.register import move
from tasks.changes import apply_change, undo_change


@pytest.fixture
def inbox():
    """A server on this machine that keeps what is posted to it."""
    received = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            return

    server = HTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_waiting_proposal_is_told_through_a_prefect_block(desk, inbox):
    """The block gets the title and the address of the run that waits."""
    url, received = inbox
    CustomWebhookNotificationBlock(
        name="inbox", url=url, json_data={"title": "{{subject}}", "text": "{{body}}"}
    ).save("inbox", overwrite=True)
    noticed = desk.with_settings(notify_block="custom-webhook/inbox")
    entry = noticed.propose(8)
    (notice,) = received
    assert notice["title"] == "Grace: a proposal waits"
    assert entry.proposal.title in notice["text"]
    assert notice["text"].endswith(f"/runs/flow-run/{entry.run_id}")


def test_what_became_of_it_is_told_too(desk, inbox):
    """Approved and applied, undone by a reviewer: each comes with its reason and its run."""
    url, received = inbox
    CustomWebhookNotificationBlock(
        name="inbox", url=url, json_data={"title": "{{subject}}", "text": "{{body}}"}
    ).save("inbox", overwrite=True)
    noticed = desk.with_settings(notify_block="custom-webhook/inbox")
    entry = noticed.propose(8)
    with noticed.store.writing(datetime.now(UTC)) as writer:
        answer = Decision(
            question="a person's answer",
            answer="approve",
            reason="fine",
            reviewer="ann",
            proposal_id=entry.id,
            content_hash=entry.content_hash,
        )
        record_decision(writer, answer)
        move(writer, entry, "approved", run_id=entry.run_id)
    apply_change.fn(noticed.settings, entry.id)
    undo_change(noticed.settings, entry.id, "ann", "not today")
    assert [notice["title"] for notice in received] == [
        "Grace: a proposal waits",
        "Grace: a change was applied",
        "Grace: a change was undone",
    ]
    assert "not today" in received[-1]["text"]
    assert received[-1]["text"].endswith(f"/runs/flow-run/{entry.run_id}")


@pytest.mark.parametrize("block", ["custom-webhook/nobody", "secret/inbox", "nonsense"])
def test_a_notice_that_cannot_be_sent_does_not_keep_the_proposal(desk, block, caplog):
    """It is logged as an error with the block's name; the proposal waits all the same."""
    noticed = desk.with_settings(notify_block=block)
    entry = noticed.propose(8)
    assert noticed.entry(entry).state == "awaiting_approval"
    assert any(block in line.getMessage() for line in caplog.records if line.levelname == "ERROR")

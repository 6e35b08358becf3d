"""Rows of the quarantine are judged again, and land when the rules of today let them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from grace import log
from grace.ingestion import ranges
from grace.ingestion.retrying import Retried, retry
from grace.store import quarantine
from grace.store.read import newest
from tasks.ingest_files import ingest_files

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ingest(store, tmp_path):
    """Writes a file of goals and takes it in."""

    def take(text, name="goals.csv", now=NOON, timezone="UTC"):
        path = tmp_path / name
        path.write_text(text)
        return ingest_files(store, [str(path)], now, timezone=timezone)

    return take


@pytest.fixture
def be_lenient(monkeypatch):
    """Called, brings the code of tomorrow: progress may be anything."""
    return lambda: monkeypatch.delitem(ranges.BOUNDS, "progress")


def goals(store):
    frame = newest(store, "goals")
    return {row["goal_id"]: row for row in frame.to_dict("records")}


def test_what_still_breaks_a_rule_waits_on(store, ingest):
    """Its reason is the one of today."""
    ingest("goal_id,progress\ng,900\n")
    assert retry(store, [], LATER) == Retried(refused=1)
    (kept,) = quarantine.entries(store)
    assert kept.reason == "range: progress: expected from 0 to 100, got 900.0"


def test_what_the_rules_of_today_allow_lands_as_it_would_have_then(store, ingest, be_lenient):
    """In its zone, with its unknown columns; afterwards it waits no more."""
    row = "g,900,2026-07-01 12:00,north"
    ingest(f"goal_id,progress,created_at,shop\n{row}\n", timezone="Europe/Berlin")
    be_lenient()
    assert retry(store, [], LATER) == Retried(landed=1)
    landed = goals(store)["g"]
    assert (landed["progress"], landed["source"]) == (900.0, "file")
    assert landed["created_at"] == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert json.loads(landed["extra"]) == {"shop": "north"}
    assert quarantine.entries(store) == []
    assert quarantine.entries(store, landed=True)[0].landed_at == LATER
    assert retry(store, [], LATER) == Retried()


def test_some_can_be_tried_by_their_ids(store, ingest, be_lenient):
    """Twice the same counts once, one that landed is left alone."""
    ingest("goal_id,progress\ng,900\nh,901\n")
    be_lenient()
    first = next(kept for kept in quarantine.entries(store) if kept.position == "line 2")
    assert retry(store, [first.id[:10], first.id], LATER) == Retried(landed=1)
    assert retry(store, [first.id], LATER) == Retried()
    assert list(goals(store)) == ["g"]


def test_what_is_older_never_hides_what_is_newer(store, ingest, be_lenient):
    """The source was mended and read again since: the row of the quarantine stays there."""
    ingest("goal_id,progress\ng,900\n")
    ingest("goal_id,progress\ng,90\n", now=LATER)
    be_lenient()
    assert retry(store, [], LATER) == Retried(refused=1)
    assert goals(store)["g"]["progress"] == 90
    (kept,) = quarantine.entries(store)
    assert kept.reason == "repeat: the log has a row of the key g since; it stays"


def test_a_later_row_of_a_key_lands_behind_the_earlier(store, ingest, be_lenient):
    """The log's row is older than the refusal: this is its update."""
    ingest("goal_id,progress\ng,10\n")
    ingest("goal_id,progress\ng,900\n", name="goals-2.csv", now=LATER)
    be_lenient()
    assert retry(store, [], LATER + timedelta(hours=1)) == Retried(landed=1)
    assert (goals(store)["g"]["progress"], goals(store)["g"]["revision"]) == (900, 2)


def test_what_landed_otherwise_is_only_marked(store, ingest, be_lenient):
    """Tomorrow's code read the file again: nothing is added, and nothing waits."""
    ingest("goal_id,progress\ng,900\n")
    be_lenient()
    ingest("goal_id,progress\ng,900\n", name="goals-2.csv", now=LATER)
    assert retry(store, [], LATER) == Retried(unchanged=1)
    assert (goals(store)["g"]["revision"], quarantine.entries(store)) == (1, [])


def test_a_repeated_key_stays_refused_while_the_first_is_there(store, ingest):
    """Trying it alone makes it no better."""
    ingest("goal_id,title\ng,first\ng,second\n")
    assert retry(store, [], LATER) == Retried(refused=1)
    assert goals(store)["g"]["title"] == "first"
    assert quarantine.entries(store)[0].reason.startswith("repeat: key repeated within the source")


def test_rows_without_a_key_get_the_one_of_an_ingestion(store, ingest, be_lenient):
    """Whichever way they land first, the other adds nothing."""
    text = "title,progress\nx,900\nx,900\n"
    ingest(text)
    be_lenient()
    assert retry(store, [], LATER) == Retried(landed=2)
    again = ingest(text, name="goals-2.csv")
    assert (again.read, again.unchanged) == (2, 2)


def test_a_line_that_was_no_row_waits_on(store, ingest):
    """No rule mends it."""
    ingest('goal_id,title\ng,x,y\n"h,x\n')
    assert retry(store, [], LATER) == Retried(refused=2)
    assert quarantine.counts(store) == {"shape": 2}


def test_more_rows_than_one_transaction_holds(store, ingest, be_lenient):
    """All are tried once."""
    ingest("goal_id,progress\n" + "".join(f"g{n},900\n" for n in range(1000)))
    be_lenient()
    assert retry(store, [], LATER) == Retried(landed=1000)


def test_a_logging_call_is_judged_as_a_call_again(store, be_lenient):
    """Its text is not taken for numbers; what tomorrow allows lands with the key it had."""
    log.goal(title="x", progress=900)
    log.goal(goal_id="h", progress="5")
    be_lenient()
    assert retry(store, [], datetime.now(UTC)) == Retried(landed=1, refused=1)
    (row,) = goals(store).values()
    assert (row["title"], row["progress"], row["source"]) == ("x", 900, "logger")

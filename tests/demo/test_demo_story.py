"""The demo's week: what is shown of it stands in its log, and follows from the system."""

import json
from pathlib import Path
from statistics import fmean

import sqlalchemy as sa

from grace.account import Account
from grace.notary.keys import public_key
from grace.notary.verify import verify
from grace.patterns.library import Library
from grace.patterns.rules import active_rules
from grace.store.read import newest
from grace.store.schema import LOGS
from tests.demo.conftest import Demo
from tests.tampering import Log


def of(demo: Demo, title: str) -> Account:
    (told,) = [each for each in demo.found.proposals if title in each.entry.proposal.title]
    return told


def waits(demo: Demo, service: str) -> dict[int, float]:
    """Mean wait of the task runs of a service by the limit under which they ran, from raw rows."""
    frame = newest(demo.store, "parallel_process_logs", process_type="task_run")
    found: dict[int, list[float]] = {}
    for payload, wait in zip(frame["task_payload"], frame["wait_time_seconds"], strict=True):
        limit = json.loads(payload)["limits"].get(f"tag:{service}")
        if limit is not None:
            found.setdefault(limit, []).append(wait)
    return {limit: fmean(values) for limit, values in found.items()}


def test_a_limit_that_was_too_low_is_raised_and_kept(demo: Demo) -> None:
    told = of(demo, "Raise tag:catalog-api from 2 to 8")
    assert (told.entry.state, told.entry.verdict) == ("kept", "improved")
    assert demo.desk.world.limit("catalog-api") == 8
    seen = waits(demo, "catalog-api")
    assert told.look.judgement.effect < -5
    assert abs(told.look.judgement.effect - (seen[8] - seen[2])) < 2


def test_a_raise_that_does_harm_is_undone_by_itself(demo: Demo) -> None:
    told = of(demo, "Raise tag:warehouse from 3 to 12")
    assert (told.entry.state, told.entry.verdict) == ("rolled_back", "regressed")
    assert told.entry.proposal.prediction.then < told.entry.proposal.prediction.now
    assert demo.desk.world.limit("warehouse") == 3
    seen = waits(demo, "warehouse")
    assert told.look.judgement.effect > 2
    assert seen[12] > seen[3]
    (undo,) = [each for each in told.decisions if each.question == "undo"]
    assert undo.reviewer is None


def test_an_error_that_a_retry_heals_gets_a_rule_that_stays(demo: Demo) -> None:
    told = of(demo, "Retry load_batch")
    assert (told.entry.state, told.entry.verdict) == ("kept", "improved")
    fingerprint = told.entry.proposal.change.target.removeprefix("pattern:")
    assert active_rules(demo.store)[fingerprint].retries == 2
    assert "503" in Library.load(demo.store).pattern(fingerprint).template


def test_a_rule_that_heals_nothing_is_undone_by_itself(demo: Demo) -> None:
    told = of(demo, "Retry fetch_feed")
    assert (told.entry.state, told.entry.verdict) == ("rolled_back", "no_effect")
    fingerprint = told.entry.proposal.change.target.removeprefix("pattern:")
    assert fingerprint not in active_rules(demo.store)
    tried = newest(demo.store, "healing_attempts")
    gone = tried[tried["error_message"].str.contains("410 Gone")]
    assert len(gone) > 10
    assert not gone["success"].any()


def test_who_answered_stands_wherever_the_answer_does(demo: Demo) -> None:
    decisions = newest(demo.store, "decisions", question="a person's answer")
    assert len(decisions) == len(demo.found.proposals) >= 4
    assert set(decisions["reviewer"]) == {"demo"}
    assert set(decisions["assurance"]) == {"declared"}
    assert any("approved by demo" in line for line in demo.told)


def test_every_row_says_that_it_is_the_simulators(demo: Demo) -> None:
    filled = set()
    with demo.store.reading() as connection:
        for name, log in LOGS.items():
            sources = set(connection.execute(sa.select(log.table.c.source)).scalars())
            assert sources <= {"simulator"}, name
            filled |= {name} if sources else set()
    assert filled >= {"parallel_process_logs", "healing_attempts", "ml_learning_logs"}
    assert filled >= {"proposals", "decisions", "actions", "verdicts", "meta_loop_logs"}


def test_the_ledger_holds_under_a_key_and_an_origin_of_its_own(demo: Demo) -> None:
    key = public_key(demo.settings)
    found = verify(demo.settings, demo.store)
    assert found.ok
    assert found.size == found.signed_size > 2000
    assert key.name.startswith("grace/demo/")
    assert demo.settings.checkpoint_file.read_text().startswith(f"{key.name}\n{found.size}\n")


def test_an_edited_verdict_is_found(demo: Demo, tmp_path: Path) -> None:
    """What the demo shows can be checked, which is to say that the check can fail."""
    log = Log(demo.settings).copied(tmp_path / "copy")
    with log.attack() as database:
        database.execute("UPDATE verdicts SET verdict = 'improved' WHERE verdict = 'regressed'")
    assert log.verify().kind == "edited"


def test_nothing_is_proposed_twice(demo: Demo) -> None:
    targets = [told.entry.proposal.change.target for told in demo.found.proposals]
    assert len(targets) == len(set(targets))

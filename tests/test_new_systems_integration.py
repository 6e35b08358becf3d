"""The systems together, as a user meets them: engine, optimizer, log and ledger on real parts.

A governed system stands beside them: its flow runs wait in a queue whose length really depends on
the limit that is set on the Prefect server, and are logged as any system would log them.
"""

import json
import sqlite3
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

import flows.goals
import grace
from grace import may
from grace.account import account
from grace.analysis.rules import Rules
from grace.brief import brief
from grace.errors import NotAllowed
from grace.export.archive import opened
from grace.export.history import last_backup, read_history
from grace.export.proving import prove
from grace.export.restoring import restore
from grace.goals.evaluations import last_told
from grace.goals.goal import list_goals
from grace.goals.kpis import kpi_row
from grace.goals.people import add_goal
from grace.governance.policy import load_policy
from grace.governance.proposal import content_hash
from grace.governance.register import list_entries
from grace.ledger import tiles
from grace.measurement.looks import last_look
from grace.notary.keys import public_key
from grace.notary.verify import verify
from grace.opportunities.queueing import replay
from grace.patterns.library import Library
from grace.patterns.rules import Rule, rule_of
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from grace.store.schema import LOGS
from grace.store.tile_table import DatabaseTiles
from grace.summary import last_findings, summarise, why
from tasks.changes import undo_change
from tests.desk import run_deployed
from tests.serving import serving_prefect

PAGES, SLOT_SECONDS = 20, 1.0


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory):
    """One of these tests' own: the engines read all that ran, also what failed in other tests."""
    with serving_prefect(tmp_path_factory.mktemp("prefect-server")) as url:
        yield url


class Governed:
    """A system whose flow runs fetch 20 pages each, as many at once as the limit in force."""

    def __init__(self, desk):
        self.desk, self.runs, self.rng = desk, 0, np.random.default_rng(7)

    def run(self, queued, *, scale=1.0):
        """One flow run, logged whole; `scale` shrinks its times. Returns when it ended."""
        limit, self.runs = int(self.desk.limit), self.runs + 1
        held = scale * SLOT_SECONDS * self.rng.uniform(0.9, 1.1, PAGES)
        waits = replay(np.zeros(PAGES), held, limit)
        name = f"run-{self.runs}"
        ended = queued + timedelta(seconds=float((waits + held).max()))
        rows = [self._row(name, "flow_run", None, queued, 0.0, (ended - queued).total_seconds())]
        rows += [
            self._row(f"{name}-{page}", "task_run", name, queued, float(wait), float(time), limit)
            for page, (wait, time) in enumerate(zip(waits, held, strict=True))
        ]
        with self.desk.store.writing(ended) as writer:
            writer.append("parallel_process_logs", rows, source="governed")
        return ended

    def _row(self, name, kind, parent, queued, wait, held, limit=None):
        started = queued + timedelta(seconds=wait)
        return {
            "process_id": name,
            "process_type": kind,
            "task_name": "fetch" if parent else "refresh/often",
            "parent_process": parent,
            "task_payload": {"limits": {self.desk.target: limit} if parent else {}},
            "status": "Completed",
            "queued_at": queued,
            "started_at": started,
            "completed_at": started + timedelta(seconds=held),
            "wait_time_seconds": wait,
            "execution_time_seconds": held,
            "success": True,
            "timestamp": started + timedelta(seconds=held),
        }


@pytest.fixture
def governed(desk):
    """An hour of flow runs a minute apart, under a limit of 2."""
    system = Governed(desk)
    begin = datetime.now(UTC) - timedelta(hours=1)
    for minute in range(40):
        system.run(begin + timedelta(minutes=minute))
    return system


def cycle(desk):
    """One run of the optimizer; what it found about the desk's limit."""
    state = run_deployed("performance-optimizer/every-30-minutes")
    assert state.is_completed(), state.message
    return why(desk.store, desk.target)


def _rows_logged(store):
    counts = (sa.select(sa.func.count()).select_from(log.table) for log in LOGS.values())
    with store.reading() as connection:
        return sum(connection.execute(count).scalar_one() for count in counts)


class TestPerformanceOptimizer:
    def test_a_limit_that_makes_runs_wait_is_proposed_with_its_evidence(self, desk, governed):
        """Forty runs that wait 4.5 s too long prove it; the target is named, with its numbers."""
        finding = cycle(desk)
        (entry,) = list_entries(desk.store)
        assert (finding.standing, finding.proposal_id) == ("proposed", entry.id)
        proposal = entry.proposal
        assert entry.state == "awaiting_approval"
        assert (proposal.change.before, proposal.change.target) == (2, desk.target)
        assert proposal.evidence.e_value >= proposal.evidence.needed == 1200
        assert proposal.evidence.unit == "flow run"
        assert proposal.evidence.n <= 40
        assert proposal.evidence.mean == pytest.approx(4.5, abs=0.3)
        assert proposal.evidence.interval[0] > 2
        assert "Of refresh/often: tag limit binds.\n" in finding.reason
        assert len(proposal.evidence.ruled_out) == 8
        assert any("global limit cannot be told" in told for told in proposal.evidence.ruled_out)

    def test_the_limit_proposed_is_the_smallest_that_reaches_the_target(self, desk, governed):
        """Twenty runs of 1 s on c places wait (20/c - 1)/2 s on average: 1 s needs 7 of them."""
        cycle(desk)
        (entry,) = list_entries(desk.store)
        assert entry.proposal.change.after == 7
        assert entry.proposal.prediction.then == pytest.approx(0.93, abs=0.15)

    def test_a_second_cycle_raises_nothing_twice(self, desk, governed):
        """The same opportunity is open already, and the reason says which proposal it is."""
        cycle(desk)
        (entry,) = list_entries(desk.store)
        again = cycle(desk)
        assert [each.id for each in list_entries(desk.store)] == [entry.id]
        assert again.standing == "open"
        assert entry.id[-12:] in again.reason

    def test_too_few_runs_are_watched_with_what_is_missing(self, desk):
        """Four runs prove nothing yet: the reason counts what is needed."""
        system = Governed(desk)
        for minute in range(4):
            system.run(datetime.now(UTC) - timedelta(minutes=10 - minute))
        finding = cycle(desk)
        assert finding.standing == "watching"
        assert finding.n == 4
        assert finding.missing > 0
        assert list_entries(desk.store) == []

    def test_runs_that_wait_little_are_left_alone(self, desk):
        """Nine tenths of a second too long is below the threshold, however many runs say so."""
        system = Governed(desk)
        begin = datetime.now(UTC) - timedelta(hours=1)
        for minute in range(40):
            system.run(begin + timedelta(minutes=minute), scale=0.2)
        finding = cycle(desk)
        assert (finding.standing, finding.missing) == ("quiet", None)
        assert list_entries(desk.store) == []

    def test_a_rejected_opportunity_rests(self, desk, governed):
        """For seven days the engine does not ask again, and says until when."""
        cycle(desk)
        (entry,) = list_entries(desk.store)
        desk.carry_on(entry)
        desk.answer(entry, "reject")
        finding = cycle(desk)
        assert finding.standing == "resting"
        assert finding.reason.startswith("rejected on")
        assert len(list_entries(desk.store)) == 1

    def test_every_cycle_is_in_the_log_with_its_reasons(self, desk, governed):
        """`meta_loop_logs` has a row a cycle, and the findings in it."""
        cycle(desk)
        cycle(desk)
        frame = newest(desk.store, "meta_loop_logs")
        told = [
            each["standing"]
            for text in frame["snapshot_after"]
            for each in json.loads(text)["findings"]
            if (each["target"], each["kind"]) == (desk.target, "reduce_wait_time")
        ]
        assert told == ["proposed", "open"]
        assert [text[:10] for text in frame["outcome"]] == ["1 proposed", "0 proposed"]


class Failing:
    """A system of ten tasks a flow run, whose first error heals at the second try.

    It asks the rule in force for its flow run, as `grace.prefect.retry_by_rule` does in a task.
    """

    ERROR = "Task run encountered an exception RuntimeError: HTTP 503 for page {page}"

    def __init__(self, desk, share=0.3, heals=True):
        self.desk, self.share, self.heals = desk, share, heals
        self.runs, self.rng = 0, np.random.default_rng(3)

    def run(self, queued, seconds=30.0, count=1):
        """So many flow runs at once, logged whole."""
        ended, store = queued + timedelta(seconds=seconds), self.desk.store
        found = Library.load(store).match(self.ERROR.format(page=1))
        rule = rule_of(store, found.fingerprint) if found else None
        rows = [row for _ in range(count) for row in self._rows(queued, ended, rule)]
        with store.writing(ended) as writer:
            writer.append("parallel_process_logs", rows, source="governed")

    def _rows(self, queued, ended, rule):
        self.runs += 1
        name, first = f"sync-{self.runs}", self.ERROR.format(page=self.runs)
        rule = rule.for_unit(name) if rule else None
        is_healed = self.heals and rule is not None and rule.fix == "retry"
        fails = self.rng.random(10) < (0.0 if is_healed else self.share)
        rows = [self._row(name, "flow_run", None, queued, ended, None)]
        return rows + [
            self._row(f"{name}-{n}", "task_run", name, queued, ended, first if failed else None)
            for n, failed in enumerate(fails)
        ]

    def hour(self):
        """Forty flow runs a minute apart."""
        begin = datetime.now(UTC) - timedelta(hours=1)
        for minute in range(40):
            self.run(begin + timedelta(minutes=minute))

    def _row(self, name, kind, parent, queued, ended, error):
        return {
            "process_id": name,
            "process_type": kind,
            "task_name": "fetch" if parent else "sync/often",
            "parent_process": parent,
            "task_payload": {"limits": {}},
            "status": "Failed" if error else "Completed",
            "queued_at": queued,
            "started_at": queued,
            "completed_at": ended,
            "wait_time_seconds": 0.0,
            "execution_time_seconds": (ended - queued).total_seconds(),
            "success": error is None,
            "error": error,
            "timestamp": ended,
        }


def improvement_cycle(desk):
    """One run of the hourly engine; what it found about the one error there is, if anything."""
    state = run_deployed("proactive-improvement/hourly")
    assert state.is_completed(), state.message
    found = [each for each in last_findings(desk.store) if each.kind == "fix_recurring_error"]
    return found[0] if found else None


class TestProactiveImprovementEngine:
    def test_a_recurring_error_is_proposed_with_its_evidence(self, desk):
        """Three of ten runs end with it: the pattern is named, with its share and its n."""
        Failing(desk).hour()
        finding = improvement_cycle(desk)
        (entry,) = list_entries(desk.store)
        assert (finding.standing, finding.proposal_id) == ("proposed", entry.id)
        proposal = entry.proposal
        (pattern,) = Library.load(desk.store)
        assert proposal.change.target == f"pattern:{pattern.fingerprint}"
        assert pattern.template == "RuntimeError: HTTP 503 for page <NUM>"
        assert proposal.evidence.unit == "flow run"
        assert proposal.evidence.mean == pytest.approx(0.3, abs=0.1)
        assert proposal.evidence.interval[0] > 0.01
        assert proposal.plan.subject == f"{pattern.fingerprint}@fetch"

    def test_what_is_asked_can_be_read(self, desk):
        """The page says shares as shares, the rule as a difference, and how it is undone."""
        Failing(desk).hour()
        improvement_cycle(desk)
        (entry,) = list_entries(desk.store)
        page = brief(entry, load_policy(desk.settings))
        assert '"fix": "retry"' in page
        assert "- nothing" in page
        assert "share of runs that fail so" in page
        assert "threshold 1.0 %" in page
        assert "no retry of this error is in the log yet" in page

    def test_a_second_cycle_learns_and_raises_nothing_twice(self, desk):
        Failing(desk).hour()
        improvement_cycle(desk)
        rows = len(newest(desk.store, "ml_learning_logs"))
        assert improvement_cycle(desk).standing == "open"
        assert len(newest(desk.store, "ml_learning_logs")) == rows
        assert len(list_entries(desk.store)) == 1

    def test_an_error_in_two_flow_runs_is_watched(self, desk):
        """It takes three flow runs to call it recurring; what is missing is said."""
        system = Failing(desk, share=0.9)
        for minute in range(2):
            system.run(datetime.now(UTC) - timedelta(minutes=10 - minute))
        finding = improvement_cycle(desk)
        assert finding.standing == "watching"
        assert list_entries(desk.store) == []

    def test_a_system_without_errors_is_left_alone(self, desk):
        Failing(desk, share=0.0).hour()
        assert improvement_cycle(desk) is None
        assert list_entries(desk.store) == []

    def test_a_rejected_rule_rests(self, desk):
        Failing(desk).hour()
        improvement_cycle(desk)
        (entry,) = list_entries(desk.store)
        desk.carry_on(entry)
        desk.answer(entry, "reject")
        assert improvement_cycle(desk).standing == "resting"

    def test_a_better_fix_is_taught_where_healing_works_too_seldom(self, desk):
        """Two days of self-healing outside Prefect: the fix with the better record is proposed."""
        begin = datetime.now(UTC) - timedelta(hours=50)
        rows = [
            {
                "attempt_id": f"{hour}-{n}",
                "error_message": f"QueueFull: queue {n} is full",
                "fix_type": "retry" if n else "restart",
                "success": n == 0,
                "attempted_at": begin + timedelta(hours=hour),
            }
            for hour in range(48)
            for n in range(8)
        ]
        with desk.store.writing(begin) as writer:
            writer.append("healing_attempts", rows, source="governed")
        assert run_deployed("proactive-improvement/hourly").is_completed()
        (entry,) = list_entries(desk.store)
        assert entry.proposal.kind == "enhance_healing"
        assert entry.proposal.change.after["fix"] == "restart"
        assert entry.proposal.evidence.unit == "hour"
        desk.carry_on(entry)
        desk.answer(entry)
        fingerprint = entry.proposal.change.target.partition(":")[2]
        assert rule_of(desk.store, fingerprint).fix == "restart"
        found = Library.load(desk.store).match("QueueFull: queue 99 is full")
        assert found.fingerprint == fingerprint

    def test_decisions_that_earned_it_need_not_ask_any_more(self, desk):
        """Two days of decisions, half of which waited: seen, proposed, approved, and undone.

        What waited for an answer before the policy's digest changed is answered as before.
        """
        begin = datetime.now(UTC) - timedelta(hours=50)
        rows = [
            {
                "log_id": f"{hour}-{status}",
                "decision_type": "restart_service",
                "actor": "ops-agent",
                "status": status,
                "outcome": "success" if status == "executed" else None,
                "timestamp": begin + timedelta(hours=hour),
            }
            for hour in range(48)
            for status in ("executed", "awaiting_approval")
        ]
        with desk.store.writing(begin) as writer:
            writer.append("agentic_spine_logs", rows, source="governed")
        assert may("restart_service", system="ops-agent") == "ask"
        assert run_deployed("proactive-improvement/hourly").is_completed()
        (entry,) = list_entries(desk.store)
        assert (entry.proposal.kind, entry.state) == ("improve_execution", "awaiting_approval")
        assert entry.proposal.change.target == "permit:restart_service"
        assert entry.proposal.evidence.mean == pytest.approx(0.5)
        assert "surely above" in brief(entry, load_policy(desk.settings))
        waiting = desk.propose(8)
        for each in (entry, waiting):
            desk.carry_on(each)
        desk.answer(entry)
        assert desk.entry(entry).state == "applied"
        assert may("restart_service", system="ops-agent") == "permit"
        assert may("restart_service", system="other-agent") == "ask"
        desk.answer(waiting)
        assert (desk.entry(waiting).state, desk.limit) == ("applied", 8)
        undone = undo_change(desk.settings, entry.id, "ben", "not at the turn of the year")
        assert undone.state == "rolled_back"
        assert may("restart_service", system="ops-agent") == "ask"
        assert not desk.settings.earned_file.exists()
        assert verify(desk.settings, desk.store).ok

    @pytest.mark.parametrize(
        ("heals", "state", "verdict"),
        [(True, "kept", "improved"), (False, "rolled_back", "no_effect")],
    )
    def test_an_approved_rule_is_measured_by_its_patterns_own_rate(
        self, desk, heals, state, verdict
    ):
        """Kept for all where the error goes away with it; taken away where nothing changes.

        Meanwhile half of the flow runs go by the rule and the other half on as before.
        """
        desk.set_policy(least_block_seconds=1)
        system = Failing(desk, share=0.9 if heals else 1.0, heals=heals)
        begin = datetime.now(UTC) - timedelta(minutes=10)
        for number in range(40):
            system.run(begin + timedelta(seconds=number / 8), seconds=1.0)
        improvement_cycle(desk)
        (entry,) = list_entries(desk.store)
        desk.carry_on(entry)
        desk.answer(entry)
        assert desk.entry(entry).state == "applied"
        fingerprint = entry.proposal.change.target.partition(":")[2]
        assert rule_of(desk.store, fingerprint) == Rule.model_validate(entry.proposal.change.after)
        for _ in range(90):
            assert run_deployed("measurement/on-block", {"proposal_id": entry.id}).is_completed()
            if desk.entry(entry).state != "measuring":
                break
            assert rule_of(desk.store, fingerprint).trial is not None
            system.run(datetime.now(UTC), seconds=0.01, count=20)
        ended = desk.entry(entry)
        assert (ended.state, ended.verdict) == (state, verdict)
        seen = last_look(desk.store, ended.id, ended.proposal.plan)
        assert min(seen.control.n, seen.treatment.n) >= 30
        assert seen.control.mean == pytest.approx(system.share, abs=0.1)
        assert seen.treatment.mean == pytest.approx(0.0 if heals else 1.0)
        assert rule_of(desk.store, fingerprint) == (
            Rule.model_validate(entry.proposal.change.after) if heals else None
        )
        assert verify(desk.settings, desk.store).ok


def goal_cycle(desk):
    """One run of the goal engine; what it found about the healing success rate."""
    state = run_deployed("autonomous-goal-setting/daily")
    assert state.is_completed(), state.message
    return why(desk.store, "goal:healing_success_rate")


def heal(desk, share, days=6):
    """Forty healing attempts a day, of which so large a share works."""
    now = datetime.now(UTC)
    rows = [
        {
            "attempt_id": f"{now.isoformat()}-{ago}-{number}",
            "error_type": "TimeoutError",
            "attempted_at": now - timedelta(days=ago, minutes=15 * number),
            "success": number % 20 < 20 * share,
        }
        for ago in range(1, days + 1)
        for number in range(40)
    ]
    with desk.store.writing(now) as writer:
        writer.append("healing_attempts", rows, source="governed")


@pytest.fixture
def one_day(monkeypatch):
    """However near midnight is, the engine of goals looks twice on the same day."""
    last = datetime.now(UTC).replace(hour=23, minute=59, second=59, microsecond=999_999)
    clock = flows.goals.datetime

    class Today(datetime):
        @classmethod
        def now(cls, tz=None):
            return min(clock.now(tz), last)

    monkeypatch.setattr(flows.goals, "datetime", Today)


@pytest.mark.usefixtures("one_day")
class TestAutonomousGoalSetting:
    def test_what_surely_falls_short_becomes_a_goal(self, desk):
        """Healing works in 60 %: a goal of 90 % in 30 days, judged on the day it is made."""
        heal(desk, 0.6)
        finding = goal_cycle(desk)
        assert finding.standing == "open"
        assert "60.0 %, surely short of 90.0 %" in finding.reason
        (goal,) = list_goals(desk.store)
        assert (goal.target, (goal.deadline - goal.created_at).days) == (0.9, 30)
        told = last_told(desk.store)[goal.goal_id]
        # no day of its time has passed: the pace is as it should be
        assert (told.status, told.value) == ("on_track", pytest.approx(0.6))

    def test_a_second_cycle_creates_and_judges_nothing_twice(self, desk):
        """On the same day nothing about goals is added to the log."""
        heal(desk, 0.6)
        goal_cycle(desk)
        tables = ("goals", "goal_evaluations", "decisions")
        before = [len(newest(desk.store, table)) for table in tables]
        goal_cycle(desk)
        assert [len(newest(desk.store, table)) for table in tables] == before == [1, 1, 1]
        assert newest(desk.store, "goal_evaluations")["revision"].tolist() == [1]

    def test_a_system_that_heals_well_is_set_no_goal(self, desk):
        """And it says why not."""
        heal(desk, 1.0)
        assert goal_cycle(desk).standing == "quiet"
        assert list_goals(desk.store) == []

    def test_the_policy_can_forbid_it(self, desk):
        """No goal, the rule's words as the reason, and the refusal in the record."""
        (desk.settings.log_dir / "policy.cedar").write_text(
            '@reason("people set the goals here")\n'
            'forbid (principal == Engine::"grace", action == Action::"create_goal", resource);\n'
        )
        heal(desk, 0.6)
        finding = goal_cycle(desk)
        assert finding.standing == "forbidden"
        assert "people set the goals here" in finding.reason
        assert list_goals(desk.store) == []
        assert newest(desk.store, "decisions")["answer"].tolist() == ["forbid"]

    def test_the_board_shows_each_goal_with_its_chart(self, desk):
        """One artifact a log: words, a table and a picture."""
        heal(desk, 0.6)
        goal_cycle(desk)
        (goal,) = list_goals(desk.store)
        found = ArtifactFilter(key=ArtifactFilterKey(any_=["goals-main"]))
        with get_client(sync_client=True) as client:
            pages = [str(one.data) for one in client.read_artifacts(artifact_filter=found)]
        (page,) = [one for one in pages if goal.goal_id[-12:] in one]
        assert "Healing success rate of 90 %" in page
        assert "data:image/svg+xml;base64," in page

    def test_a_goal_that_is_met_closes_and_is_counted(self, desk):
        """A person's goal on a KPI: reached the same day, told by an event."""
        now = datetime.now(UTC)
        with desk.store.writing(now) as writer:
            writer.append("data_cube", [kpi_row("quality.test_coverage", 71.5, now)])
        goal = add_goal(
            desk.store,
            load_policy(desk.settings),
            Rules(),
            now,
            metric="kpi:quality.test_coverage",
            target="80",
            deadline=now + timedelta(days=30),
            by="ann",
        )
        with desk.store.writing(now + timedelta(microseconds=1)) as writer:
            row = kpi_row("quality.test_coverage", 83.2, now + timedelta(microseconds=1))
            writer.append("data_cube", [row])
        assert run_deployed("autonomous-goal-setting/daily").is_completed()
        counts = summarise(desk.store)
        assert (counts.goals_created, counts.active_goals) == (1, 0)
        assert (counts.completed_goals, counts.autonomous_goals) == (1, 0)
        events = newest(desk.store, "trigger_mesh_logs", resource=f"goal/{goal.goal_id}")
        assert events["event_type"].tolist() == ["goal.created", "goal.met"]

    def test_a_part_that_fails_keeps_no_other_from_its_work(self, desk, monkeypatch):
        """Nothing can be set, but what is open is judged; the run fails and names the part."""

        @task(name="create_goals")
        def broken(*_):
            raise OSError("the disk is gone")

        heal(desk, 0.6)
        goal_cycle(desk)
        monkeypatch.setattr(flows.goals, "create_goals", broken)
        heal(desk, 0.6, days=2)
        state = run_deployed("autonomous-goal-setting/daily")
        assert state.is_failed()
        assert "the disk is gone" in state.message
        assert newest(desk.store, "goal_evaluations")["revision"].tolist() == [2]


class TestDataExportBackupSystem:
    """A backup as its users meet it: the flow, the files, the auditor, the day it is needed."""

    @pytest.fixture
    def proposed(self, desk):
        """A log with a proposal that went all its way."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        return entry

    def _export(self, desk, **fields):
        """One run of `data-export/nightly` from the UI, with what somebody filled in."""
        state = run_deployed("data-export/nightly", {"request": fields})
        assert state.is_completed(), state.message
        return read_history(desk.settings)[-1]

    def test_the_nightly_run_leaves_a_validated_backup(self, desk, proposed):
        """All rows of the log at that moment, each proven by a key alone."""
        state = run_deployed("data-export/nightly")
        assert state.is_completed(), state.message
        backup = last_backup(desk.settings)
        with opened(Path(backup.path)) as archive:
            proven = prove(archive, public_key(desk.settings))
        assert (backup.validated, proven.complete, proven.rows) == (True, True, backup.size)
        assert backup.size == _rows_logged(desk.store) - 1  # its own event came after

    def test_the_run_shows_what_it_wrote_and_what_it_found(self, desk, proposed):
        """Three artifacts: progress to the end, a row for each table, the archive's page."""
        backup = self._export(desk)
        wanted = ("export-main", "validation-main", "export-progress-main")
        with get_client(sync_client=True) as client:
            found = {
                key: client.read_artifacts(
                    artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
                )
                for key in wanted
            }
        assert any(backup.path in each.data for each in found["export-main"])
        assert 100 in [float(each.data) for each in found["export-progress-main"]]
        (table, *_) = (json.loads(each.data) for each in found["validation-main"])
        assert {row["table"] for row in table} == set(LOGS)

    @pytest.mark.parametrize("file_format", ["parquet", "arrow", "csv", "json", "jsonl"])
    def test_a_backup_of_each_format_restores_the_same_log(
        self, desk, proposed, file_format, tmp_path
    ):
        """Row by row, and the ledger's own verifier finds nothing."""
        finished = self._export(desk, format=file_format)
        target = open_store(f"sqlite:///{tmp_path}/restored.db")
        key = public_key(desk.settings)
        with opened(Path(finished.path)) as archive:
            restore(archive, target, key, datetime.now(UTC), tell=lambda text, share: None)
        for table in ("proposals", "decisions", "actions"):
            assert newest(target, table).equals(newest(desk.store, table))
        # beside the checkpoint of the log itself, which has gone on, it would be an old copy
        restored = verify(Settings(data_dir=tmp_path), target, key=key)
        assert restored.ok, restored.reason
        assert restored.size == finished.size
        target.engine.dispose()

    def test_only_what_the_engines_learn_from(self, desk, proposed):
        """`from grace import export_learning_only` leaves the proposals at home."""
        finished = grace.export_learning_only(format="jsonl")
        with opened(Path(finished.path)) as archive:
            names = set(archive.place.sizes)
        assert "meta_loop_logs.jsonl" in names
        assert not any(name.startswith(("proposals", "decisions")) for name in names)

    def test_the_crypto_chains_prove_a_copy_that_lies_elsewhere(self, desk, proposed):
        """Its leaves are those of the database, and there is no row in it."""
        finished = grace.backup_crypto_chains()
        with opened(Path(finished.path)) as archive:
            proven = prove(archive, public_key(desk.settings))
        assert (finished.rows, proven.rows) == (0, 0)
        assert proven.size == _rows_logged(desk.store) - 1  # its own event came after
        with desk.store.reading() as connection:
            root = tiles.root(DatabaseTiles(connection), proven.size)
        assert proven.root == b64encode(root).decode()

    def test_since_the_last_export_holds_only_what_is_new(self, desk, proposed):
        """The event of the first export, and the proposal made since."""
        first = self._export(desk)
        desk.another().propose(6)
        second = self._export(desk, since_last=True)
        assert (second.low, second.size - second.low) == (first.size, second.rows)
        assert second.rows >= 2

    def test_rows_that_are_not_sound_end_the_run_as_failed(self, desk, proposed):
        """And no archive is left that looks like a backup."""
        with desk.store.writing(datetime.now(UTC)) as writer:
            writer.append("healing_attempts", [{"attempt_id": "a", "confidence": 1.5}])
        state = run_deployed("data-export/nightly")
        assert state.is_failed()
        assert "confidence" in state.message
        assert last_backup(desk.settings) is None
        assert list((desk.settings.log_dir / "exports").glob("*")) == []


class TestSystemIntegration:
    def test_the_events_of_a_proposal_are_logged_in_order(self, desk):
        """Proposed, decided, approved, started, applied: each with its proposal."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        frame = newest(desk.store, "trigger_mesh_logs", resource=f"proposal/{entry.id}")
        assert frame["event_type"].tolist() == [
            "decision.recorded",
            "improvement.proposed",
            "decision.recorded",
            "improvement.approved",
            "action.started",
            "action.applied",
        ]

    def test_every_event_waits_in_the_outbox(self, desk):
        """What publishes events later finds each of them, by its ledger index."""
        desk.propose(8)
        with desk.store.reading() as connection:
            waiting = connection.exec_driver_sql("SELECT ledger_index FROM outbox").scalars().all()
        frame = newest(desk.store, "trigger_mesh_logs")
        assert sorted(waiting) == sorted(frame["ledger_index"])

    def test_the_policy_in_force_is_in_every_decision(self, desk):
        """Its digest, so that a later edit cannot pretend to have been there."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        before = entry.proposal.policy_digest
        desk.governance_file.write_text("changes_a_day = 5\n" + desk.governance_file.read_text())
        desk.answer(entry)
        digests = newest(desk.store, "decisions", proposal_id=entry.id)["policy_digest"].tolist()
        assert digests[0] == before
        assert len(digests) == 2
        assert digests[1] != before

    def test_a_reviewer_undoes_what_was_applied(self, desk):
        """At once, recorded with the name; somebody else is refused."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        with pytest.raises(NotAllowed, match="mallory"):
            undo_change(desk.settings, entry.id, "mallory", "because")
        undone = undo_change(desk.settings, entry.id, "ben", "too much load")
        assert (undone.state, desk.limit) == ("rolled_back", 2)
        last = account(desk.store, undone).decisions[-1]
        assert (last.question, last.reviewer, last.reason) == ("undo", "ben", "too much load")

    def test_the_summary_counts_what_happened(self, desk):
        """Proposed, applied, and the pause, as `grace status` shows them."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        counts = summarise(desk.store)
        assert (counts.improvements_proposed, counts.improvements_implemented) == (1, 1)
        assert counts.by_state == {"applied": 1}
        assert counts.paused is None


class TestDataIntegrity:
    def test_everything_logged_verifies(self, desk):
        """After a proposal went all its way the whole log stands against its tree."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        result = verify(desk.settings, desk.store)
        assert (result.ok, result.size) == (True, _rows_logged(desk.store))

    def test_one_changed_byte_is_found_with_its_index(self, desk):
        """Somebody turns approve into reject in the file: the first bad index is that row."""
        entry = desk.propose(8)
        desk.carry_on(entry)
        desk.answer(entry)
        file = desk.settings.log_dir / "grace.db"
        with sqlite3.connect(file) as raw:
            (trigger,) = raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'decisions'"
                " AND sql LIKE '%UPDATE%'"
            ).fetchone()
            raw.execute(f"DROP TRIGGER {trigger}")
            raw.execute("UPDATE decisions SET answer = 'reject' WHERE answer = 'approve'")
            (index,) = raw.execute(
                "SELECT ledger_index FROM decisions WHERE answer = 'reject'"
            ).fetchone()
        result = verify(desk.settings, desk.store)
        assert (result.ok, result.first_bad_index) == (False, index)

    def test_a_proposal_hashes_to_what_was_shown(self, desk):
        """The hash in the run's parameters is that of the stored text."""
        entry = desk.propose(8)
        table = LOGS["proposals"].table
        with desk.store.reading() as connection:
            (text,) = connection.execute(table.select().with_only_columns(table.c.content)).first()
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(UUID(entry.run_id))
        assert run.parameters["content_hash"] == content_hash(text)


def test_complete_autonomous_cycle(desk):
    """Seen, proposed, approved, applied, measured, kept: with a verdict that is earned.

    Everything is as in life but shorter: flow runs a second apart prove the waits, and during the
    measurement they are a fiftieth as long, in blocks of two seconds.
    """
    desk.set_policy(least_block_seconds=2)
    system = Governed(desk)
    begin = datetime.now(UTC) - timedelta(minutes=10)
    for second in range(40):
        system.run(begin + timedelta(seconds=second))
    cycle(desk)
    (entry,) = list_entries(desk.store)
    desk.carry_on(entry)
    desk.answer(entry)
    assert desk.entry(entry).state == "applied"
    take_step = partial(run_deployed, "measurement/on-block", {"proposal_id": entry.id})
    # it ends with the blocks of its plan at the latest, which take as long as the machine does
    while take_step().is_completed() and desk.entry(entry).state == "measuring":
        system.run(datetime.now(UTC), scale=0.02)
    ended = desk.entry(entry)
    assert (ended.state, ended.verdict, desk.limit) == ("kept", "improved", 7)
    seen = last_look(desk.store, ended.id, ended.proposal.plan)
    assert seen.judgement.e_value >= 20
    assert seen.judgement.effect < 0
    assert verify(desk.settings, desk.store).ok

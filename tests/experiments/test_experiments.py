"""An experiment that a person began, over hourly looks of the sweep, to its end."""

from datetime import timedelta

import numpy as np
import pytest

from grace import assign
from grace.errors import BadInput, NotAllowed
from grace.experiments.looking import flow_runs, look_now, seconds_to_verdict, take_look
from grace.experiments.register import Content, begin, find, list_experiments, stop
from grace.notary.verify import verify
from grace.store.read import newest
from tasks.experiments import look_at_experiments
from tests.proposing import NOON
from tests.ruling import a_policy, a_rule

HOUR = timedelta(hours=1)


def content(name: str = "bigger-pages", metric: str = "share of runs that fail", **more) -> Content:
    trial = {"id": name, "look_seconds": 3600, "longest_seconds": 14 * 86_400}
    plan = {
        "design": "arms",
        "metric": metric,
        "subject": "sync",
        "smallest_effect": 0.05,
        "experiment": trial | more.pop("trial", {}),
    }
    return Content.model_validate(
        {"name": name, "why": "fewer requests", "by": "ann", "plan": plan} | more
    )


class Life:
    """A system with a run every two minutes that asks `assign` itself, and one that does not."""

    def __init__(self, store, fails, drops=lambda arm, number: False) -> None:
        self.store, self.fails, self.drops = store, fails, drops
        self.now, self.runs = NOON, 0
        self.rng = np.random.default_rng(5)

    def until(self, end) -> None:
        rows = []
        while self.now < end:
            self.now += timedelta(minutes=2)
            self.runs += 1
            name = f"run-{self.runs}"
            arm = assign("bigger-pages", name)
            failed = bool(self.rng.random() < self.fails[arm])
            if not self.drops(arm, self.runs):
                rows.append(self._row(name, "sync/often", not failed))
            rows.append(self._row(f"other-{self.runs}", "synchronise/often", False))
        with self.store.writing(self.now) as writer:
            writer.append("parallel_process_logs", rows, source="governed")

    def _row(self, name: str, task: str, good: bool) -> dict[str, object]:
        return {
            "process_id": name,
            "process_type": "flow_run",
            "task_name": task,
            "status": "Completed" if good else "Failed",
            "queued_at": self.now,
            "started_at": self.now,
            "completed_at": self.now + timedelta(seconds=9),
            "execution_time_seconds": 9.0,
            "success": good,
            "timestamp": self.now + timedelta(seconds=9),
        }


def live(settings, life: Life, hours: int) -> list[str]:
    """The names that ended, hour by hour, as the governance sweep finds them."""
    ended = []
    for _ in range(hours):
        life.until(life.now + HOUR)
        ended += look_at_experiments.fn(settings, life.now)
    return ended


def test_an_arm_that_fails_less_is_found_and_ends_it(settings, store) -> None:
    begin(store, a_policy(), content(), NOON)
    life = Life(store, {"before": 0.4, "after": 0.05})
    assert live(settings, life, 24) == ["bigger-pages"]
    ended = find(store, "bigger-pages")
    assert ended.verdict == "improved"
    assert "share of runs that fail differs by -" in ended.reason
    seen = look_now(store, ended, life.now)
    assert seen.control.mean == pytest.approx(0.4, abs=0.15)
    looks = newest(store, "verdicts")
    assert looks["final"].tolist() == [False] * (len(looks) - 1) + [True]
    assert seconds_to_verdict(ended, seen) is None
    assert verify(settings, store).ok


def test_arms_that_do_the_same_end_without_a_wrong_verdict(settings, store) -> None:
    """A/A, 30 % failures in both, a look every three hours for two days at most (seed 5)."""
    trial = {"look_seconds": 3 * 3600, "longest_seconds": 2 * 86_400}
    begin(store, a_policy(), content(same=True, trial=trial), NOON)
    live(settings, Life(store, {"before": 0.3, "after": 0.3}), 2 * 24)
    ended = find(store, "bigger-pages")
    assert (ended.verdict, ended.ended_at) == ("insufficient_data", NOON + timedelta(days=2))
    assert "the longest duration is over" in ended.reason


def test_arms_that_do_the_same_and_differ_say_that_nothing_can_be_trusted(settings, store) -> None:
    """What assigns by anything but `assign`, or counts one arm otherwise, is found out."""
    begin(store, a_policy(), content(same=True), NOON)
    live(settings, Life(store, {"before": 0.5, "after": 0.0}), 24)
    ended = find(store, "bigger-pages")
    assert ended.reason.startswith("the arms do the same and yet differ")


def test_an_arm_whose_runs_are_lost_ends_it(settings, store) -> None:
    begin(store, a_policy(), content(), NOON)
    life = Life(
        store,
        {"before": 0.3, "after": 0.3},
        drops=lambda arm, number: arm == "before" and number % 2 == 0,
    )
    assert live(settings, life, 48) == ["bigger-pages"]
    ended = find(store, "bigger-pages")
    assert ended.verdict == "insufficient_data"
    assert "runs are lost" in ended.reason


def test_a_look_is_taken_when_it_is_due_and_never_after_the_end(settings, store) -> None:
    begun = begin(store, a_policy(), content(), NOON)
    assert take_look(store, begun, NOON + HOUR / 2) is None
    assert take_look(store, begun, NOON + HOUR).number == 1
    assert take_look(store, begun, NOON + HOUR) is None
    ended = stop(store, begun, NOON + 2 * HOUR, by="ben", reason="moved")
    assert (ended.ended_by, ended.reason, ended.verdict) == ("ben", "moved", None)
    assert take_look(store, ended, NOON + 5 * HOUR) is None
    with pytest.raises(BadInput, match="has ended already"):
        stop(store, begun, NOON + 3 * HOUR, by="ben", reason="again")


def test_what_was_begun_is_fixed_and_hashed(store) -> None:
    begun = begin(store, a_policy(), content(), NOON)
    (found,) = list_experiments(store)
    assert found == begun
    assert found.content_hash == content().hash
    assert content(same=True).hash != content().hash
    with pytest.raises(BadInput, match="take another name"):
        begin(store, a_policy(), content(why="another"), NOON + HOUR)


def test_a_policy_may_forbid_it(store) -> None:
    forbids = a_rule("forbid", 'resource.name == "experiment"', "not now", "decide")
    with pytest.raises(NotAllowed, match="the policy forbids it: not now"):
        begin(store, a_policy(forbids), content(), NOON)
    assert list_experiments(store) == []


def test_the_runs_are_those_of_the_flow_alone(store) -> None:
    """By its name, or by one deployment; a cancelled run counts neither way."""
    Life(store, {"before": 0.0, "after": 1.0}).until(NOON + HOUR)
    with store.writing(NOON + HOUR) as writer:
        row = {"process_id": "gone", "process_type": "flow_run", "task_name": "sync/often"}
        times = {"queued_at": NOON, "completed_at": NOON + HOUR, "timestamp": NOON + HOUR}
        writer.append("parallel_process_logs", [row | times], source="governed")
        times = {"queued_at": NOON + HOUR, "timestamp": NOON + HOUR}
        row = {"process_id": "goes-on", "process_type": "flow_run", "task_name": "sync/nightly"}
        writer.append("parallel_process_logs", [row | times], source="governed")
    found = flow_runs(store, "sync", "share of runs that fail", NOON)
    assert len(found) == 31
    assert [each.id for each in found if each.completed is None] == ["goes-on"]
    assert all(each.value == (assign("bigger-pages", each.id) == "after") for each in found[:30])
    assert len(flow_runs(store, "sync/often", "mean execution time", NOON)) == 30
    assert {u.value for u in flow_runs(store, "sync/often", "mean execution time", NOON)} == {9.0}
    assert flow_runs(store, "syn", "mean execution time", NOON) == []

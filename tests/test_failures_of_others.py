"""Ways in which engines of this kind have failed, each kept out by a test.

*No data taken for success*; *cycles without end that conclude nothing*; *a counter of failures that
something useless resets*; *settings that are documented and do nothing*; *an alarm from one bad
night*. Where a behaviour has tests of its own elsewhere, this is the one to read first.
"""

import re
import tomllib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from grace import assign
from grace.governance.governing import Governing
from grace.governance.policy import Policy
from grace.governance.webhooks import Webhook
from grace.measurement.arms import compare
from grace.measurement.blocks import Unit
from grace.measurement.days import FIRST_VERDICT, LAST_VERDICT, compare_days
from grace.measurement.plan import guardrail
from grace.opportunities.standing import INCONCLUSIVE_OFTEN, standing_of
from grace.record.figures import share
from grace.settings import PROJECT, Settings
from grace.statistics.switchback import judge
from grace.store import open_store
from tests.acting import World
from tests.actions.test_following import days_plan
from tests.documented import ACTS, SECRETS, TESTED_ELSEWHERE, VARIABLES
from tests.measurement.test_arms import arms_plan
from tests.proposing import NOON, a_proposal, an_entry

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class TestNoDataNeverBecomesSuccess:
    """Another engine took a measurement without a single run for an improvement."""

    @given(pairs=st.integers(0, 40), better=st.sampled_from(["lower", "higher"]))
    @hypothesis_settings(max_examples=30)
    def test_by_switchback(self, pairs, better):
        """However many pairs are void: at the end insufficient data, before it nothing."""
        found = judge([None] * pairs, smallest_effect=0.5, better=better, max_pairs=30)
        assert found.verdict == ("insufficient_data" if pairs >= 30 else None)

    def test_by_arms(self):
        """No run at all, or runs of one arm alone, at any time up to the end."""
        plan = arms_plan()
        one = [
            Unit(NOON + n * HOUR / 60, NOON + n * HOUR / 60, 0.0, f"run-{n}", 1.0, 0.0)
            for n in range(600)
            if assign("e", f"run-{n}") == "after"
        ]
        for units in ([], one):
            seen = [compare(plan, units, NOON, NOON + n * DAY, 1).verdict for n in (1, 7, 31)]
            assert set(seen) <= {None, "insufficient_data"}
            assert seen[-1] == "insufficient_data"

    def test_by_days(self):
        """Days before and none after, none before, and none of either."""
        before = [Unit(NOON - n * HOUR, NOON - n * HOUR, 5.0 + n % 7) for n in range(1, 336)]
        after = [Unit(NOON + n * HOUR, NOON + n * HOUR, 1.0 + n % 7) for n in range(360)]
        for units in ([], before, after):
            first = compare_days(days_plan(), units, NOON, NOON + FIRST_VERDICT)
            last = compare_days(days_plan(), units, NOON, NOON + LAST_VERDICT, first)
            assert {first.verdict, last.verdict} <= {None, "insufficient_data"}
            assert last.verdict == "insufficient_data"
        both = compare_days(days_plan(), before + after, NOON, NOON + LAST_VERDICT)
        assert both.verdict != "insufficient_data"  # the same days, once there are both

    def test_by_grace_of_itself(self):
        """Of nothing no share is a success, nor a failure."""
        assert (share(0, 0).value, share(0, 0).interval) == (None, None)


KIND = "reduce_wait_time"


def ended(number: int, verdict: str | None, kind: str = KIND, state: str = "kept"):
    """A change that came to rest so many days ago."""
    like = a_proposal(proposal_id=f"p-{number}", kind=kind)
    return an_entry(like, state=state, verdict=verdict, changed_at=NOON - 100 * DAY + number * DAY)


def stands(entries):
    policy = Policy(reviewers=("ann",))
    return standing_of(entries, KIND, "tag:pages", policy, NOON)


class TestCyclesEnd:
    """Another engine went through 39 cycles on one target, none of which concluded anything."""

    def test_thirty_nine_inconclusive_cycles_cannot_happen(self):
        """The engine proposes while nothing stands against it; it is stopped after three."""
        entries = []
        while len(entries) < 39 and stands(entries) is None:
            entries.append(ended(len(entries), "insufficient_data"))
        assert len(entries) == INCONCLUSIVE_OFTEN == 3
        standing, reason = stands(entries)
        assert standing == "held back"
        assert reason == "3 changes of it came to no verdict; a person may propose it by hand"

    def test_an_ineffective_action_does_not_reset_the_count(self):
        """No effect is no success: between two that came to nothing it changes nothing."""
        verdicts = ["insufficient_data", "insufficient_data", "no_effect", "insufficient_data"]
        entries = [ended(n, verdict) for n, verdict in enumerate(verdicts)]
        assert stands(entries[:3]) is None
        assert stands(entries)[0] == "held back"

    def test_nor_does_a_kept_change_reset_what_was_undone_before(self):
        undone, idle = ended(0, "regressed", state="rolled_back"), ended(1, "no_effect")
        assert stands([undone, idle]) is None
        again = ended(2, "regressed", state="rolled_back")
        assert stands([undone, idle, again])[0] == "held back"

    @pytest.mark.parametrize("end", [("improved", KIND), ("insufficient_data", "by_hand")])
    def test_a_success_or_a_person_begins_it_anew(self, end):
        entries = [ended(n, "insufficient_data") for n in range(3)]
        assert stands([*entries, ended(3, *end)]) is None


class TestOneBadNight:
    """Another engine undid a change because one run hung while nobody watched."""

    @pytest.mark.parametrize("at", [0, 3, 12])
    def test_one_bad_event_trips_no_guardrail(self, at):
        """It ran for a day and failed, alone, as the first, among the first, or later on."""
        guards = (guardrail("execution time", 120.0), guardrail("failure share", 0.2))
        calm = [
            Unit(NOON + n * HOUR, NOON + n * HOUR, 5.0, f"run-{n}", 30.0, 0.0) for n in range(40)
        ]
        treated = [n for n in range(40) if assign("e", f"run-{n}") == "after"]
        for number, one_arm in ((treated[at], True), (at, False)):
            units = list(calm)
            units[number] = replace(units[number], seconds=86_400.0, failed=1.0)
            until = NOON + 40 * HOUR
            if one_arm:
                assert compare(arms_plan(guardrails=guards), units, NOON, until, 1).stop is None
            else:
                plan = days_plan(guardrails=guards)
                before = [Unit(NOON - n * HOUR, NOON - n * HOUR, 5.0) for n in range(1, 336)]
                assert not compare_days(plan, before + units, NOON, until).is_guarded

    def test_many_do(self):
        guards = (guardrail("failure share", 0.2),)
        bad = [Unit(NOON + n * HOUR, NOON + n * HOUR, 5.0, f"r{n}", 1.0, 1.0) for n in range(40)]
        assert compare_days(days_plan(guardrails=guards), bad, NOON, NOON + 40 * HOUR).is_guarded


class TestEveryDocumentedSettingActs:
    """Another engine documented a dozen settings that nothing read."""

    @pytest.mark.parametrize("key", ACTS)
    def test_a_key_of_governance_changes_what_is_done(self, key, tmp_path, monkeypatch):
        line, observe, before = ACTS[key]
        for name, secret in SECRETS.items():
            monkeypatch.setenv(name, secret)
        seen = [
            observe(world(tmp_path / str(n), key, text, before))
            for n, text in enumerate(("", line))
        ]
        assert seen[0] != seen[1]

    @pytest.mark.parametrize("name", VARIABLES)
    def test_a_variable_changes_what_is_done(self, name, tmp_path, monkeypatch):
        value, observe = VARIABLES[name]
        (tmp_path / "own.cedar").write_text('@reason("no") forbid (principal, action, resource);')
        (tmp_path / "own.toml").write_text('reviewers = ["zoe"]')
        monkeypatch.setenv("GRACE_DATA_DIR", str(tmp_path / "data"))
        for log in ("data/main", "data/prod", "elsewhere/main"):
            (tmp_path / log).mkdir(parents=True)
        before = observe(Settings())
        monkeypatch.setenv(name, value.replace("{folder}", str(tmp_path)))
        assert observe(Settings()) != before

    @pytest.mark.parametrize("name", TESTED_ELSEWHERE)
    def test_what_needs_more_than_a_process_is_changed_by_a_test_of_its_own(self, name):
        place, word = TESTED_ELSEWHERE[name]
        path = PROJECT / place
        files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
        assert any(word in file.read_text() for file in files)

    def test_no_setting_is_left_out(self):
        """Every key that the shipped file shows, or the code reads, and every variable named."""
        shown = keys_shown((PROJECT / "grace" / "default_governance.toml").read_text())
        read = set(keys_read(Governing, "")) | {f"webhooks.{key}" for key in Webhook.model_fields}
        tested = set(ACTS) | set(TESTED_ELSEWHERE)
        assert read == shown
        assert read <= tested
        pages = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
        said = "\n".join(page.read_text() for page in pages)
        variables = set(re.findall(r"GRACE_[A-Z_]*[A-Z]", said))
        variables |= {f"GRACE_{name.upper()}" for name in Settings.model_fields}
        assert variables - tested - set(VARIABLES) == set()


def world(folder, key, line, before):
    """A log under the default governance, with one line more, or instead, in the key's table."""
    (folder / "main").mkdir(parents=True)
    table = key.rpartition(".")[0]
    text = with_line(before, line, key.rpartition(".")[2])
    if table not in ("", "webhooks") and not before:
        text = f"[{table}]\n{line}\n"
    reviewers = "" if key == "reviewers" and line else 'reviewers = ["ann"]\n'
    (folder / "main" / "governance.toml").write_text(reviewers + text)
    settings = Settings(data_dir=folder)
    return World(settings, open_store(settings.url))


def with_line(text, line, name):
    kept = [each for each in text.splitlines() if not (line and each.startswith(f"{name} "))]
    return "\n".join([*kept, line]) + "\n"


def keys_shown(text):
    """As the file has them, those in comments as well; every webhook is one."""
    bare = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    return set(flat(tomllib.loads(bare), ""))


def flat(tables, above):
    for key, value in tables.items():
        inner = next(iter(value.values())) if key == "webhooks" else value
        if isinstance(inner, dict):
            yield from flat(inner, f"{key}.")
        else:
            yield f"{above}{key}"


def keys_read(model, above):
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys_read(kind, f"{name}.")
        elif name != "webhooks":
            yield f"{above}{name}"

"""What Grace says of its own changes is what the log holds, beside each proposal and by command."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring
from grace.brief import brief
from grace.cli import main
from grace.errors import BadInput
from grace.record.quiet import length_of
from grace.record.record import ActionType
from grace.record.trials import trials
from tasks import record as engine
from tasks.record import engine_record, lines_beside

LIMITS = ActionType("reduce_wait_time", "file", "mean excess wait")


def test_an_empty_log_has_no_record(store, life):
    """No proposal, no row; and nothing is known beside the first proposal."""
    assert engine_record(store, life.policy, life.now) == {}
    (line,) = lines_beside(store, life.policy, life.propose(8, then=1.0), life.now)
    assert line == "There is no record to go by: no change of this lever was applied before."


def test_a_proposal_that_waits_is_counted_and_claims_nothing(store, life):
    """Proposed and not approved; every share is of nothing, and none is 0 %."""
    life.propose(8, then=1.0)
    (record,) = engine_record(store, life.policy, life.now).values()
    assert (record.proposed, record.approved, record.applied, record.measured) == (1, 0, 0, 0)
    assert record.states == {"awaiting_approval": 1}
    for figure in (record.improved, record.accuracy.covered, record.placebo.improved):
        assert (figure.n, figure.value, figure.interval) == (0, None, None)
    assert record.accuracy.bias.value is None


def test_what_became_of_the_changes(lived):
    """Three proposed, two approved and applied; one kept, one undone by itself."""
    found = engine_record(lived.store, lived.policy, lived.now)
    record = found[LIMITS]
    assert set(found) == {LIMITS}
    counted = (record.proposed, record.approved, record.applied, record.kept, record.undone)
    assert counted == (3, 2, 2, 1, 1)
    assert record.verdicts == {"improved": 1, "regressed": 1}
    assert record.states == {"kept": 1, "rejected": 1, "rolled_back": 1}
    low, high = stats.binomtest(1, 2).proportion_ci(method="exact")
    assert record.improved.interval == pytest.approx((low, high))


def test_predicted_against_measured_is_what_the_rows_say(lived):
    """Computed again with the database's own rows, numpy and Student's t."""
    accuracy = engine_record(lived.store, lived.policy, lived.now)[LIMITS].accuracy
    with sqlite3.connect(lived.store.engine.url.database) as rows:
        query = (
            "select effect, interval_low, interval_high from verdicts where final "
            "order by ledger_index"
        )
        ended = rows.execute(query).fetchall()
    predicted = np.array([2.5 - 5.0, 0.5 - 1.0])
    effects = np.array([effect for effect, _, _ in ended])
    errors = effects - predicted
    assert accuracy.predicted.value == pytest.approx(predicted.mean())
    assert accuracy.measured.value == pytest.approx(effects.mean())
    assert accuracy.bias.value == pytest.approx(errors.mean())
    assert accuracy.absolute_error.value == pytest.approx(np.abs(errors).mean())
    expected = stats.t.interval(0.95, 1, errors.mean(), stats.sem(errors))
    assert accuracy.bias.interval == pytest.approx(expected)
    held = [low <= said <= high for said, (_, low, high) in zip(predicted, ended, strict=True)]
    assert (accuracy.covered.hits, accuracy.covered.n) == (sum(held), 2)
    assert effects[0] == pytest.approx(-4.0, abs=0.5)  # from 5 s to 1 s of waiting
    assert effects[1] == pytest.approx(7.0, abs=0.5)


def laid_in(life):
    """The placebo windows that were judged, each with its proposal; and what came of them."""
    laid, real = [], engine.judge_windows

    def noting(proposal, spans, units_of):
        laid.extend((proposal, span) for span in spans)
        return real(proposal, spans, units_of)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "judge_windows", noting)
        return laid, engine_record(life.store, life.policy, life.now)[LIMITS].placebo


def check_quiet(life, laid):
    """None touches what is busy by the clock of the test, nor another."""
    for proposal, (begin, end) in laid:
        assert end - begin == length_of(proposal.plan)
        assert all(end <= start or stop <= begin for start, stop in life.busy)
    ordered = sorted(span for _, span in laid)
    assert all(one[1] <= other[0] for one, other in pairwise(ordered))


def test_placebo_windows_lie_where_nothing_was_changed(lived):
    """Before the evidence and after the last deed: found from the log, judged, none overlapping."""
    laid, placebo = laid_in(lived)
    assert len(laid) == placebo.windows >= 6
    check_quiet(lived, laid)
    assert placebo.improved.n == placebo.windows  # each held a run every 20 s
    assert placebo.improved.hits + placebo.regressed.hits <= 2


def test_placebo_windows_keep_clear_of_what_moved_the_same_runs_by_another_target(life):
    """A proposal for another limit is measured by the waits of the same runs."""
    life.lever.file.write_text('{"tag:pages": 2, "tag:other": 2}')
    life.pass_(0.8)
    life.measure(life.propose(8, then=2.5))
    life.pass_(0.5)
    life.measure(life.propose(8, then=2.5, target="tag:other"))
    life.pass_(0.8)
    laid, placebo = laid_in(life)
    check_quiet(life, laid)
    assert len(laid) == placebo.windows >= 4


def test_a_log_without_a_quiet_stretch_says_so(life):
    """Nothing ran before the evidence: the rate is not known, which is no rate of 0."""
    life.pass_(0.15)
    life.measure(life.propose(8, then=2.5))
    record = engine_record(life.store, life.policy, life.now)[LIMITS]
    assert (record.placebo.windows, record.placebo.improved.value) == (0, None)
    lines = lines_beside(life.store, life.policy, life.propose(4, then=0.5), life.now)
    assert "not known, as the log holds no stretch of 16 min without a change" in lines[-1]


def test_stretches_without_runs_are_no_proof_either(life):
    """Long after the system fell silent: windows enough, and none that could be judged."""
    life.pass_(0.15)
    life.measure(life.propose(8, then=2.5))
    later = life.now + timedelta(hours=9)
    placebo = engine_record(life.store, life.policy, later)[LIMITS].placebo
    assert (placebo.windows, placebo.improved.n, placebo.improved.interval) == (20, 0, None)


def test_a_change_that_was_not_measured_to_the_end_is_no_success(life):
    """Set back by somebody else: kept and unverified, counted apart."""
    life.pass_(0.2)
    entry = life.approve(life.propose(8, then=2.5))
    real, life.until = (
        life.until,
        lambda end: (
            life.lever.file.write_text('{"tag:pages": 4}'),
            real(end),
        ),
    )
    entry = apply_approved(life.store, life.lever, entry, life.policy, life.clock, None)
    measuring = Measuring(life.store, life.lever, life.policy, life.clock)
    while entry.state in ("applied", "measuring"):
        step = measuring.step(entry, [], life.now)
        entry = step.entry
        if step.next_at is not None:
            life.until(step.next_at)
    record = engine_record(life.store, life.policy, life.now)[LIMITS]
    assert (record.applied, record.kept, record.measured, record.unmeasured) == (1, 1, 0, 1)
    assert record.improved.value is None


def test_the_approver_reads_how_the_last_ones_went(lived):
    """Both that were measured, with prediction and false verdicts, in the page of the next."""
    entry = trials(lived.store)[-1].entry
    lines = lines_beside(lived.store, lived.policy, entry, lived.now)
    page = brief(entry, lived.policy, lines)
    section = page.partition("### How the last ones of this kind went")[2].partition("###")[0]
    assert (
        "- 1 of 2 measured changes of this lever improved (95 % 1.3 % to 98.7 %), 1 did harm."
        in (section)
    )
    assert "Predicted -1.50 s, measured +1." in section
    assert "judged where nothing was changed, " in section
    assert "at most 5 % is promised" in section
    assert len(lines) == 3


def test_the_command_line_says_it_to_people_and_programs(lived, monkeypatch, capsys):
    """One object a type of change; a kind that is none is refused with those there are."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    database = Path(lived.store.engine.url.database)
    monkeypatch.setenv("GRACE_DATA_DIR", str(database.parent.parent))
    code, out, _ = run("record", "--json", "--kind", "reduce_wait_time", "--days", "366")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["kind"], row["lever"], row["proposed"]) == ("reduce_wait_time", "file", 3)
    assert [each["verdict"] for each in row["changes"]] == ["improved", "regressed"]
    assert json.loads(run("record", "--kind", "enhance_healing", "--json")[1]) == []
    code, out, _ = run("record")
    assert (code, "Predicted against measured" in out) == (0, True)
    code, _, err = run("record", "--kind", "nonsense")
    assert (code, "'nonsense' is no kind" in err) == (2, True)
    with pytest.raises(BadInput, match="reduce_wait_time"):
        engine_record(lived.store, lived.policy, datetime.now(UTC), kind="nonsense")

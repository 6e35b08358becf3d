"""The judge sees little in nothing, where a comparison of before and after sees much."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from grace import assign
from grace.measurement.arms import compare
from grace.measurement.blocks import Block, Unit, paired
from grace.measurement.days import LAST_VERDICT
from grace.measurement.plan import guardrail
from grace.record.placebo import (
    MOST,
    Judged,
    judge_split,
    judge_window,
    judge_windows,
    lay_windows,
    placebo_of,
)
from grace.record.reassigning import _Arm, reassigned, timeline
from grace.record.trials import Measured, Trial
from grace.statistics.switchback import judge
from tests.actions.test_following import days_plan
from tests.measurement.test_arms import arms_plan
from tests.proposing import NOON, a_plan, a_proposal, an_entry

PAIRS, BLOCK = 12, timedelta(minutes=1)
LENGTH = 2 * PAIRS * BLOCK
DAY = timedelta(days=1)


def a_placebo(proposal_id="p-1", level=0.05):
    plan = a_plan(order=(("before", "after"),) * PAIRS, smallest_effect=0.1, level=level)
    return a_proposal(proposal_id=proposal_id, plan=plan)


def drifting(rng, windows, every=10.0, correlation=0.98):
    """Waits that wander: each run's is much like the last one's. Nothing was ever changed."""
    count = int(windows * LENGTH.total_seconds() / every)
    steps = rng.normal(size=count) * np.sqrt(1 - correlation**2)
    waits = np.empty(count)
    waits[0] = rng.normal()
    for index in range(1, count):
        waits[index] = correlation * waits[index - 1] + steps[index]
    begins = [NOON + timedelta(seconds=index * every) for index in range(count)]
    return [
        Unit(begin, begin + timedelta(seconds=6), 5 + float(wait))
        for begin, wait in zip(begins, waits, strict=True)
    ]


def z_test(units, begin):
    """The naive judge: the first half of a window against the second, runs as if independent."""
    middle = begin + LENGTH / 2
    before = [unit.value for unit in units if begin <= unit.queued < middle]
    after = [unit.value for unit in units if middle <= unit.queued < begin + LENGTH]
    error = np.hypot(stats.sem(before), stats.sem(after))
    return (np.mean(after) - np.mean(before)) / error < -stats.norm.ppf(0.975)


def test_false_verdicts_keep_the_promise_where_a_z_test_does_not():
    """Null: no change; error: 5 % of windows improved or regressed; n 400; seed 20260301.

    The bound of the count is passed with a chance of 1 in 1,000 at a true rate of 5 %. Waits that
    wander make the naive comparison see an improvement in more than every third window.
    """
    n, rng = 400, np.random.default_rng(20260301)
    units, proposal = drifting(rng, n), a_placebo()
    per_window = len(units) // n
    spans = [(NOON + each * LENGTH, NOON + (each + 1) * LENGTH) for each in range(n)]

    def units_of(_, begin, end):
        first = round((begin - NOON) / LENGTH) * per_window
        return units[max(0, first - 5) : first + per_window + 5]

    judged = [judge_window(proposal, begin, units_of(None, begin, end)) for begin, end in spans]
    assert all(each.pairs >= 7 for each in judged)
    judged = Judged(tuple(spans), tuple(each.verdict for each in judged))
    trial = Trial(an_entry(proposal), frozenset(), Measured("improved", -1.0, (-2.0, 0.0)))
    placebo = placebo_of([(trial, judged)])
    assert (placebo.windows, placebo.improved.n, placebo.promised) == (n, n, 0.05)
    bound = stats.binom.ppf(0.999, n, 0.05)
    false = placebo.improved.hits + placebo.regressed.hits
    assert 0 < false <= bound
    naive = sum(z_test(units_of(None, *span), span[0]) for span in spans)
    assert naive > 4 * bound
    expected = stats.binomtest(placebo.improved.hits, n).proportion_ci(method="exact")
    assert placebo.improved.interval == pytest.approx((expected.low, expected.high))


def test_a_true_effect_would_be_seen(monkeypatch):
    """The same judge on a window in which the arm it drew really is faster: improved."""
    proposal, drawn = a_placebo(), []
    from grace.record import placebo

    real = placebo.draw_order
    monkeypatch.setattr(
        placebo, "draw_order", lambda *given: drawn.append(real(*given)) or drawn[-1]
    )
    units = drifting(np.random.default_rng(1), 1, correlation=0.0)
    judge_window(proposal, NOON, units)
    arms = [arm for pair in drawn[0] for arm in pair]
    helped = [
        Unit(unit.queued, unit.completed, unit.value - 9 * (arms[block] == "after"))
        for unit in units
        for block in [min((unit.queued - NOON) // BLOCK, len(arms) - 1)]
    ]
    assert judge_window(proposal, NOON, helped).verdict == "improved"
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_window_is_judged_as_a_measurement_is(seed, monkeypatch):
    """Long runs, a backlog, some that never end: each pair as `paired` has it on all of them."""
    from grace.record import placebo

    rng, orders = np.random.default_rng(seed), []
    real = placebo.draw_order
    monkeypatch.setattr(
        placebo, "draw_order", lambda *given: orders.append(real(*given)) or orders[-1]
    )
    queued = sorted(rng.uniform(-300, LENGTH.total_seconds() + 300, size=150))
    units = [
        Unit(
            NOON + timedelta(seconds=begin),
            None if rng.random() < 0.01 else NOON + timedelta(seconds=begin + rng.exponential(25)),
            float(rng.normal()),
        )
        for begin in queued
    ]
    proposal = a_placebo()
    judged = judge_window(proposal, NOON, units)
    pairs = [
        tuple(
            Block(number, arm, NOON + number * BLOCK, NOON + (number + 1) * BLOCK)
            for number, arm in enumerate(pair, 2 * index)
        )
        for index, pair in enumerate(orders[0])
    ]
    differences = [paired(*pair, units) for pair in pairs]
    expected = judge(differences, smallest_effect=0.1, better="lower", max_pairs=PAIRS)
    assert judged == expected


def test_the_order_is_always_the_same_for_a_window_and_another_for_the_next():
    """Drawn from the proposal's id and the window's begin: who asks again gets the same answer."""
    units = drifting(np.random.default_rng(3), 2)
    one = [judge_window(a_placebo(), NOON, units) for _ in range(2)]
    assert one[0] == one[1]
    others = [judge_window(a_placebo(f"p-{n}"), NOON, units).effect for n in range(2, 8)]
    assert len({*others, one[0].effect}) > 1


def test_a_window_with_too_few_pairs_has_no_verdict():
    """Six pairs can prove nothing, so they are no proof that nothing is seen in nothing."""
    rng = np.random.default_rng(5)
    units = [unit for unit in drifting(rng, 1) if unit.queued < NOON + 12 * BLOCK]
    span = (NOON, NOON + LENGTH)
    assert judge_windows(a_placebo(), [span], lambda *_: units) == Judged((span,), ())
    assert judge_windows(a_placebo(), [span], lambda *_: []) == Judged((span,), ())


def test_a_change_that_nothing_measures_has_no_windows():
    """It promises nothing, and nothing is laid for it."""
    plan = a_plan(design="unmeasured", order=())
    trial = Trial(an_entry(a_proposal(plan=plan)), frozenset(), None)
    placebo = placebo_of([(trial, Judged((), ()))])
    assert (placebo.changes, placebo.promised, placebo.improved.value) == (0, None, None)
    assert lay_windows([trial], [trial], [], lambda _: (NOON, NOON + 90 * DAY)) == {}


def failing(rng, count, every=timedelta(minutes=5)):
    """Runs of which a tenth fail, by hours that differ: what one minute says the next says too."""
    hours = np.clip(0.1 + 0.08 * rng.normal(size=count // 12 + 1), 0, 1)
    return [
        Unit(
            NOON + number * every,
            NOON + number * every + timedelta(seconds=30),
            float(rng.random() < hours[number // 12]),
            f"run-{number}",
            30.0,
            0.0,
        )
        for number in range(count)
    ]


def an_arms_trial(**differing):
    proposal = a_proposal(plan=arms_plan(smallest_effect=0.02, **differing))
    return Trial(an_entry(proposal), frozenset(), Measured("improved", -0.1, (-0.2, 0.0)))


def test_arms_are_judged_by_assigning_quiet_runs_anew():
    """Null: no arm; error: 5 % of assignments; n 120, 1,500 runs, 125 looks; seed 20260302.

    The bound of the count is passed with a chance of 1 in 1,000 at a true rate of 5 %. A z-test at
    each look, which is not made for looking, errs in more than a fifth.
    """
    trial, n = an_arms_trial(), 120
    plan, units = trial.proposal.plan, failing(np.random.default_rng(20260302), 1500)
    span = (NOON, NOON + 1500 * timedelta(minutes=5))
    judged = judge_windows(trial.proposal, [span] * n, lambda *_: units)
    placebo = placebo_of([(trial, judged)])
    assert (placebo.designs, placebo.windows, placebo.improved.n) == (("arms",), n, n)
    bound = stats.binom.ppf(0.999, n, 0.05)
    assert placebo.improved.hits + placebo.regressed.hits <= bound
    line, naive = timeline(plan, units, *span), 0
    values = np.array([unit.value for unit in units])
    for number in range(n):
        arm = np.array([assign(f"naive-{number}", unit.id) == "after" for unit in line.units])
        naive += any(
            differ(values[: look.upto][arm[: look.upto]], values[: look.upto][~arm[: look.upto]])
            for look in line.looks[10::2]
        )
    assert naive > n / 5 > bound


def differ(some, others):
    error = np.sqrt(some.var() / some.size + others.var() / others.size)
    return abs(some.mean() - others.mean()) > stats.norm.ppf(0.975) * error


def test_an_assignment_is_judged_as_an_experiment_is():
    """Look by look as `compare` has it, with runs under way, lost, without a value, or too long."""
    rng, span = np.random.default_rng(3), (NOON, NOON + timedelta(hours=40))
    units = failing(rng, 480)
    units[50] = replace(units[50], completed=None)
    units[200] = replace(units[200], completed=units[200].queued + timedelta(hours=3))
    units[201] = replace(units[201], value=math.nan)
    plan = arms_plan(smallest_effect=0.02, settle_seconds=600.0)
    line = timeline(plan, units, *span)
    named = plan.model_copy(update={"experiment": plan.trial.model_copy(update={"id": "x"})})
    treated = np.array([assign("x", unit.id) == "after" for unit in line.units])
    values = np.array([unit.value for unit in line.units])
    assert len(line.looks) == 40
    for number, each in enumerate(line.looks, 1):
        seen = compare(named, units, NOON, NOON + number * timedelta(hours=1), number)
        counted = line.counted(each)
        for arm, mine in ((seen.treatment, treated), (seen.control, ~treated)):
            own = values[counted[mine[counted]]]
            assert arm.n == np.count_nonzero(~np.isnan(own))
            assert arm.n == 0 or arm.mean == pytest.approx(np.nanmean(own))
        ours = [_Arm.of(line, mine).sums(each) for mine in (~treated, treated)]
        assert [arm.n for arm in ours] == [seen.control.n, seen.treatment.n]
        assert [arm.m2 for arm in ours] == pytest.approx([seen.control.m2, seen.treatment.m2])
    assert sum(seen.lost) == 1


def test_an_assignment_sees_an_effect_that_is_there():
    """Values that go by the very hash under which they are judged: improved. A bad arm trips."""
    trial, span = an_arms_trial(), (NOON, NOON + timedelta(hours=40))
    plan = trial.proposal.plan
    name = f"{trial.proposal.proposal_id} {NOON.isoformat()} 0"
    units = [
        replace(unit, value=float(assign(name, unit.id) == "before"), seconds=30.0)
        for unit in failing(np.random.default_rng(1), 480)
    ]
    assert judge_windows(trial.proposal, [span], lambda *_: units).verdicts == ("improved",)
    guarded = an_arms_trial(guardrails=(guardrail("execution time", 20.0),))
    assert judge_windows(guarded.proposal, [span], lambda *_: units).verdicts == ("regressed",)
    assert reassigned(plan, timeline(plan, units[:20], *span), name) is None


def test_the_longest_quiet_stretch_is_assigned_anew():
    """What raised the proposal lies between two stretches; the longer one counts."""
    trial = an_arms_trial()
    log = (NOON - 5 * DAY, NOON + 2 * DAY)
    (spans,) = lay_windows([trial], [trial], [], lambda _: log).values()
    begin = trial.proposal.evidence.span[0]
    assert spans == [(NOON - 5 * DAY, begin)] * MOST
    assert placebo_of([(trial, Judged(tuple(spans), ()))]).window_seconds == (
        (begin - log[0]).total_seconds()
    )


def daily(rng, days, correlation, every=timedelta(hours=2)):
    """Two waits an hour's mean that wanders from hour to hour."""
    count = int(days * DAY / every)
    steps = rng.normal(size=count) * np.sqrt(1 - correlation**2)
    means = np.empty(count)
    means[0] = rng.normal()
    for index in range(1, count):
        means[index] = correlation * means[index - 1] + steps[index]
    return [
        Unit(NOON + number * every, NOON + number * every + timedelta(minutes=1), 5 + mean)
        for number, mean in enumerate(means.tolist())
    ]


def test_days_are_judged_by_splitting_quiet_windows():
    """Null: no change; error: 10 % of windows; n 150 of 28 days; seed 20260303.

    Waits wander with 0.8 from one to the next, two hours later. A z-test of all runs before
    against all after errs in more than a third.
    """
    rng, n = np.random.default_rng(20260303), 150
    plan, length = days_plan(guardrails=()), 14 * DAY + LAST_VERDICT
    proposal = a_proposal(plan=plan)
    verdicts, naive = [], 0
    for _ in range(n):
        units = daily(rng, 29, 0.8)
        found = judge_windows(proposal, [(NOON, NOON + length)], lambda *_, units=units: units)
        verdicts += found.verdicts
        values = np.array([unit.value for unit in units])
        naive += bool(differ(values[: 14 * 12], values[14 * 12 : 28 * 12]))
    trial = Trial(an_entry(proposal), frozenset(), Measured("improved", -1.0, (-2.0, 0.0)))
    placebo = placebo_of([(trial, Judged(((NOON, NOON + length),) * n, tuple(verdicts)))])
    assert (placebo.designs, placebo.improved.n, placebo.promised) == (("before_after",), n, 0.1)
    assert placebo.improved.hits + placebo.regressed.hits <= stats.binom.ppf(0.999, n, 0.1)
    assert naive > n / 3


def test_a_split_window_sees_an_effect_that_is_there_and_needs_days():
    rng = np.random.default_rng(6)
    units = [
        replace(unit, value=unit.value - 5 * (unit.queued >= NOON + 14 * DAY))
        for unit in daily(rng, 29, 0.0)
    ]
    assert judge_split(days_plan(guardrails=()), NOON, units) == "improved"
    assert judge_split(days_plan(guardrails=()), NOON, units[: 9 * 12]) is None
    span = (NOON, NOON + 14 * DAY + LAST_VERDICT)
    trial = Trial(an_entry(a_proposal(plan=days_plan())), frozenset(), None)
    (laid,) = lay_windows([trial], [trial], [], lambda _: (NOON - 60 * DAY, NOON)).values()
    assert len(laid) == 2
    assert all(end - begin == span[1] - span[0] for begin, end in laid)

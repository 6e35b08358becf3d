"""Windows lie in quiet time, touch nothing that is busy, and stay where they are."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.record.quiet import quiet_spans, stretches, windows
from tests.proposing import NOON

LENGTH = timedelta(minutes=30)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


SPANS = st.lists(
    st.tuples(st.integers(-200, 1700), st.integers(0, 300)).map(
        lambda pair: (at(pair[0]), at(sum(pair)))
    ),
    max_size=6,
)


@given(SPANS, st.integers(0, 1500))
@settings(max_examples=60)
def test_no_window_touches_what_is_busy(busy, around):
    """Every minute is busy or quiet, never both; the windows are disjoint and of full length."""
    quiet = quiet_spans(at(0), at(1500), busy)
    for minute in range(0, 1500, 7):
        middle = at(minute + 0.5)
        is_busy = any(start <= middle < stop for start, stop in busy)
        assert is_busy != any(start <= middle < stop for start, stop in quiet)
    found = sorted(windows(quiet, at(around), LENGTH, 99))
    assert all(end - begin == LENGTH for begin, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert all(stop <= begin or end <= start for begin, end in found for start, stop in busy)
    assert [span for stretch in stretches(found) for span in stretch] == found
    assert len(found) == sum((stop - start) // LENGTH for start, stop in quiet)


@given(SPANS, st.integers(0, 1500), st.integers(1, 400))
@settings(max_examples=60)
def test_a_log_that_grows_moves_no_window(busy, around, more):
    """What was judged once is judged again, and only new windows come to it."""
    busy = [*busy, (at(around), at(around))]
    before = windows(quiet_spans(at(0), at(1500), busy), at(around), LENGTH, 99)
    after = windows(quiet_spans(at(0), at(1500 + more), busy), at(around), LENGTH, 99)
    assert after[: len(before)] == before


def test_the_nearest_windows_before_the_evidence_come_first():
    """Backwards from the evidence, then onwards from what came after it; no more than asked for."""
    quiet = [(at(0), at(100)), (at(300), at(370))]
    expected = [(70, 100), (40, 70), (10, 40), (300, 330), (330, 360)]
    assert windows(quiet, at(100), LENGTH, 9) == [(at(low), at(high)) for low, high in expected]
    assert windows(quiet, at(100), LENGTH, 2) == [(at(70), at(100)), (at(40), at(70))]


def test_a_plan_without_blocks_has_no_windows():
    """A length of nothing fits anywhere, and says nothing."""
    assert windows([(at(0), at(100))], at(100), timedelta(0), 9) == []

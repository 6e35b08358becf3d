"""A goal that goes off its track is reviewed once: what it lacks, and what is open."""

from datetime import timedelta

import pytest

from grace.analysis.rules import Rules
from grace.errors import BadInput
from grace.goals.charts import goal_chart
from grace.goals.goal import list_goals
from grace.goals.people import close_by_hand
from grace.mesh import read_events
from grace.reviews import (
    is_reviewed,
    notice,
    off_track_event,
    record_review,
    review,
    review_page,
    unreviewed,
)
from tests.goals.conftest import COVERAGE, Log
from tests.reviews.conftest import MINUTE, healing


def test_a_review_says_in_which_part_the_gap_lies(log: Log, off_track: int) -> None:
    """90 % of 700 refusals lacks 420 successes; timeouts lack none, and stand there too."""
    made = review(log.store, off_track_event(log.store, off_track), log.now, Rules())
    first, second = made.parts
    assert (first.name, first.n, second.name) == ("Refused", 700, "Timeout")
    assert first.value == pytest.approx(0.3)
    assert (first.before, first.n_before) == (pytest.approx(0.95), 700)
    assert first.lacking == pytest.approx(420)
    assert (first.share, second.lacking, second.share) == (1.0, 0.0, 0.0)


def test_the_page_says_it_in_words_a_table_and_a_chart(log: Log, off_track: int) -> None:
    made = review(log.store, off_track_event(log.store, off_track), log.now, Rules())
    page = review_page(made, goal_chart(made.standing), "http://prefect/runs/1")
    assert page.startswith("# Off track: Heal what fails")
    assert "Most of it lies in Refused: 100.0 % of what is lacking." in page
    assert "| Refused | 100.0 % | 30.0 % | 95.0 % | 700 / 700 |" in page
    assert "| Timeout | \\- | 99.0 % | 99.0 % | 700 / 700 |" in page
    assert "data:image/svg+xml;base64," in page
    assert "No proposal is open that would move it." in page
    assert "[started](http://prefect/runs/1)" in page
    assert notice(made).startswith("Heal what fails is off track\n\nHealing success rate")


def test_what_nobody_reviewed_is_found_after_a_minute_and_only_once(
    log: Log, off_track: int
) -> None:
    event = off_track_event(log.store, off_track)
    assert unreviewed(log.store, event.occurred + timedelta(seconds=59), MINUTE) == []
    later = event.occurred + timedelta(seconds=61)
    assert unreviewed(log.store, later, MINUTE) == [off_track]
    assert not is_reviewed(log.store, event)
    for first in (True, False):
        with log.store.writing(later) as writer:
            assert record_review(writer, event, {}) is first
    assert is_reviewed(log.store, event)
    assert unreviewed(log.store, later, MINUTE) == []


def test_a_goal_that_came_back_needs_no_review(log: Log, off_track: int) -> None:
    later = log.now + timedelta(days=1)
    assert unreviewed(log.store, later, MINUTE) == [off_track]
    for _ in range(20):
        log.days(1)
        healing(log, "Refused", 100, 100)
        log.judge()
    assert unreviewed(log.store, log.now + timedelta(days=1), MINUTE) == []
    made = review(log.store, off_track_event(log.store, off_track), log.now, Rules())
    assert "By now it is **on track**." in review_page(made, None, None)


def test_a_goal_that_ended_off_its_track_needs_no_review(log: Log, off_track: int) -> None:
    """What was told of it last is that it is off its track, and stays so for ever."""
    (goal,) = list_goals(log.store)
    close_by_hand(log.store, log.policy, log.now, goal.goal_id, by="ann", reason="given up")
    assert unreviewed(log.store, log.now + timedelta(days=1), MINUTE) == []


def test_a_goal_on_a_number_of_ones_own_says_that_people_must_act(log: Log) -> None:
    """There is no lever for it, and it is not broken down."""
    log.kpi([85.0] * 30)
    log.add(COVERAGE, "80", days=60)
    log.judge()
    for _ in range(10):
        log.days(1)
        log.kpi([40.0])
        log.judge()
    (event,) = read_events(log.store, "goal.off_track")
    made = review(log.store, event, log.now, Rules())
    page = review_page(made, None, None)
    assert (list(made.parts), made.engine) == ([], None)
    assert "it is for people to act on" in page
    assert "does not break this figure down" in page


def test_another_event_is_refused_by_its_index(log: Log, off_track: int) -> None:
    created = next(read_events(log.store, "goal.created")).index
    with pytest.raises(BadInput, match=f"no event goal.off_track at index {created}"):
        off_track_event(log.store, created)

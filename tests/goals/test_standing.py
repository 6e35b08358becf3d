"""Statuses one by one: what moves one, what does not, and when time alone does."""

from datetime import timedelta

import pytest

from grace.goals.shifts import Regime
from grace.goals.standing import Held, Sight, by_chance, by_gap, by_pace, chance_at, settle
from tests.proposing import NOON

TODAY = NOON.date()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("chance", "first", "from_on_track", "from_off_track"),
    [
        (0.05, "off_track", "off_track", "off_track"),
        (0.15, "off_track", "at_risk", "off_track"),
        (0.25, "at_risk", "at_risk", "off_track"),
        (0.45, "at_risk", "on_track", "at_risk"),
        (0.55, "on_track", "on_track", "at_risk"),
        (0.65, "on_track", "on_track", "on_track"),
    ],
)
def test_an_outlook_is_left_at_another_chance_than_it_is_entered(
    chance: float, first: str, from_on_track: str, from_off_track: str
) -> None:
    found = [by_chance(chance, held) for held in (None, "on_track", "off_track")]
    assert found == [first, from_on_track, from_off_track]


def test_without_a_chance_the_pace_decides() -> None:
    """Half of the way is due: nine tenths of that are on track, less than half of it is off."""
    found = [by_pace(done, 10.0, 0.1) for done in (9.0, 5.0, 4.9)]
    assert found == ["on_track", "at_risk", "off_track"]
    assert by_pace(0.0, 0.05, 0.1) == "on_track"


def test_what_is_to_stay_is_judged_by_how_far_it_is_out() -> None:
    assert [by_gap(gap, 2.0) for gap in (1.0, 2.0, 2.1)] == ["on_track", "at_risk", "off_track"]


def test_the_first_outlook_is_told_as_it_is_seen() -> None:
    assert settle(Sight("off_track"), None, TODAY, 30, 1) == Held("off_track", TODAY)


@pytest.mark.parametrize(("days_left", "patience"), [(60, 21), (20, 10), (2, 3)])
def test_without_a_shift_another_outlook_must_last(days_left: float, patience: int) -> None:
    held = Held("on_track", TODAY)
    for ago in range(1, patience + 1):
        held = settle(Sight("at_risk"), held, TODAY + ago * DAY, days_left, 1)
        assert held.outlook == "on_track"
    assert settle(Sight("at_risk"), held, held.other_since + patience * DAY, days_left, 1) == Held(
        "at_risk", held.other_since + patience * DAY
    )


def test_a_day_as_before_begins_the_patience_anew() -> None:
    held = Held("on_track", TODAY)
    for ago, seen in enumerate(["at_risk"] * 20 + ["on_track"] + ["at_risk"] * 20, 1):
        held = settle(Sight(seen), held, TODAY + ago * DAY, 60, 1)
    assert held.outlook == "on_track"


def shifted(way: int, after: str, n: int = 3) -> Sight:
    return Sight("at_risk", Regime(30, 0.8, n, way, 31), TODAY, after)


def test_a_shift_moves_the_status_at_once_and_only_its_own_way() -> None:
    held = Held("at_risk", TODAY - 9 * DAY, TODAY - 30 * DAY)
    assert settle(shifted(-1, "off_track"), held, TODAY, 60, 1).outlook == "off_track"
    assert settle(shifted(1, "off_track"), held, TODAY, 60, 1).outlook == "at_risk"
    # where less is better, the same shift is one for the better
    assert settle(shifted(-1, "on_track"), held, TODAY, 60, -1).outlook == "on_track"


def test_a_shift_moves_the_status_once() -> None:
    """And one that is older than seven days, or was told already, no more."""
    held = Held("at_risk", TODAY - 9 * DAY, TODAY - 30 * DAY)
    told = settle(shifted(-1, "off_track"), held, TODAY, 60, 1)
    assert settle(shifted(-1, "off_track", 4), told, TODAY + DAY, 60, 1).since == TODAY
    assert settle(shifted(-1, "off_track", 8), held, TODAY, 60, 1).outlook == "at_risk"


def test_the_chance_of_a_new_level_counts_how_few_days_it_is_known_by() -> None:
    few, many = (chance_at(Regime(0, 0.85, n), 0.03, 0.9, 1) for n in (2, 200))
    assert many < few < 0.5

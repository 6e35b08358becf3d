"""The life of a proposal: every move that is allowed, every one that is not, and the diagram."""

from pathlib import Path
from typing import get_args

import pytest

from grace.errors import NotAllowed
from grace.states import OPEN, STATES, TRANSITIONS, State, Verdict, can_move, check_can_move

DOCUMENT = Path(__file__).parent.parent / "docs" / "states.md"

ALLOWED = """
proposed -> forbidden awaiting_approval approved
awaiting_approval -> approved rejected expired superseded
approved -> applying superseded
applying -> applied failed
applied -> measuring rolling_back
measuring -> kept rolling_back
kept -> rolling_back
rolling_back -> rolled_back rollback_failed
"""
MOVES = {
    (old, new)
    for old, _, after in (line.partition(" -> ") for line in ALLOWED.strip().splitlines())
    for new in after.split()
}


def diagram() -> str:
    """The table of transitions as mermaid, in the order in which the states are declared."""
    ends = [state for state in STATES if not TRANSITIONS[state]]
    arrows = [f"    {old} --> {new}" for old in STATES for new in STATES if new in TRANSITIONS[old]]
    lines = ["stateDiagram-v2", "    [*] --> proposed", *arrows]
    lines += [f"    {state} --> [*]" for state in ends]
    return "\n".join(["```mermaid", *lines, "```"])


@pytest.mark.parametrize("old", STATES)
def test_exactly_the_specified_moves_are_allowed(old):
    """All 225 pairs: the table says what is written above, no more and no less."""
    assert {new for new in STATES if can_move(old, new)} == {
        new for before, new in MOVES if before == old
    }


@pytest.mark.parametrize(("old", "new"), sorted(MOVES))
def test_an_allowed_move_is_let_through(old, new):
    assert check_can_move(old, new) is None


@pytest.mark.parametrize("old", STATES)
def test_a_refused_move_says_what_may_follow(old):
    """Both states are named, and the way out, or that there is none."""
    ways = ", ".join(sorted(TRANSITIONS[old])) or "nothing: it is at an end"
    for new in set(STATES) - TRANSITIONS[old]:
        with pytest.raises(NotAllowed) as caught:
            check_can_move(old, new)
        assert str(caught.value) == (
            f"a proposal that is {old} cannot become {new}; what may follow: {ways}"
        )


def test_every_state_has_its_row_and_every_row_its_state():
    """No state is forgotten in the table, and none leads to where there is nothing."""
    assert set(TRANSITIONS) == set(STATES) == set(get_args(State))
    assert frozenset().union(*TRANSITIONS.values()) <= set(STATES)


def test_every_state_can_be_reached_and_none_leads_back_to_the_start():
    """From *proposed* on, all of them, and nothing becomes *proposed* again."""
    reached: set[State] = {"proposed"}
    while more := {new for old in reached for new in TRANSITIONS[old]} - reached:
        reached |= more
    assert reached == set(STATES)
    assert not any(can_move(old, "proposed") for old in STATES)


def test_a_life_ends():
    """No way leads in a circle: every proposal comes to rest."""

    def longest(state: State, seen: tuple[State, ...] = ()) -> int:
        assert state not in seen
        return 1 + max((longest(new, (*seen, state)) for new in TRANSITIONS[state]), default=0)

    assert longest("proposed") == 9


def test_nothing_is_applied_without_approval():
    """Without *approved*, no state is reached in which the target is touched."""
    reached: set[State] = {"proposed"}
    while more := {new for old in reached for new in TRANSITIONS[old]} - reached - {"approved"}:
        reached |= more
    assert reached == {
        "proposed",
        "forbidden",
        "awaiting_approval",
        "rejected",
        "expired",
        "superseded",
    }


def test_open_is_what_still_moves_by_itself():
    """What has an end ahead, but for *kept*, which is at rest although it can be undone."""
    assert set(OPEN) == {state for state in STATES if TRANSITIONS[state]} - {"kept"}


def test_the_verdicts_are_these_four():
    assert get_args(Verdict) == ("improved", "no_effect", "regressed", "insufficient_data")


def test_the_documented_diagram_is_that_of_the_table():
    """docs/states.md holds the diagram to the letter; on a change, paste what `diagram()` gives."""
    assert diagram() in DOCUMENT.read_text(encoding="utf-8")


def test_every_state_is_explained():
    """docs/states.md has a row of its table for each state, and for no other."""
    text = DOCUMENT.read_text(encoding="utf-8")
    explained = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert explained == list(STATES)

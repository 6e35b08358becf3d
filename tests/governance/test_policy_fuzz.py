"""Random rules and random requests, against the same table of rules evaluated in Python."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.request import about_change
from grace.governance.risk import Risk
from tests.ruling import a_rule, rules_of

HIGHEST = 2**63 - 1


@dataclass(frozen=True)
class Case:
    target: str
    lever: str
    before: JsonValue
    after: JsonValue
    risk: Risk
    person: str | None
    at: datetime

    @property
    def name(self) -> str:
        return self.target.partition(":")[2] if ":" in self.target else self.target


def number(value: JsonValue) -> Fraction | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Fraction(str(value)) if is_number else None


def grown(case: Case) -> bool:
    before, after = number(case.before), number(case.after)
    return None not in (before, after) and abs(after) > 4 * abs(before)


def above(limit: int) -> Callable[[Case], bool]:
    return lambda case: number(case.after) is not None and math.ceil(number(case.after)) > limit


def below(limit: str) -> Callable[[Case], bool]:
    return lambda case: number(case.after) is not None and number(case.after) < Fraction(limit)


def overflows(case: Case) -> bool:
    """What Cedar cannot evaluate: None where the product is beyond 64 bits."""
    return None if case.at.hour > 1 else case.at.hour == 1


# each condition in Cedar, and what it means
TABLE: tuple[tuple[str, Callable[[Case], bool | None]], ...] = (
    ("true", lambda case: True),
    ('context.lever == "concurrency-limit"', lambda case: case.lever == "concurrency-limit"),
    ('resource.kind == "tag"', lambda case: case.target.startswith("tag:")),
    ('resource.name like "production-*"', lambda case: case.name.startswith("production-")),
    ('resource.name like "*\\"*"', lambda case: '"' in case.name),
    ('resource == Target::"tag:pages"', lambda case: case.target == "tag:pages"),
    ("context.after has number && context.after.number.ceiling > 1000", above(1000)),
    (
        f"context.after has number && context.after.number.ceiling > {HIGHEST - 1}",
        above(HIGHEST - 1),
    ),
    ("context.after has number && context.after.number.floor < 1", below("1")),
    (
        'context.after has number && context.after.number.low.lessThan(decimal("0.25"))',
        below("0.25"),
    ),
    ('context has times && context.times.greaterThan(decimal("4.0"))', grown),
    (
        'context.before.kind == "number" && context.after.kind != "number"',
        lambda case: number(case.before) is not None and number(case.after) is None,
    ),
    (
        'context.after has text && context.after.text like "*\\u{1F600}*"',
        lambda case: isinstance(case.after, str) and "\U0001f600" in case.after,
    ),
    ('context.after.json == "null"', lambda case: case.after is None),
    ('context.tier == "high"', lambda case: case.risk.tier == "high"),
    (
        'context.risk.greaterThan(decimal("0.5"))',
        lambda case: Fraction(str(case.risk.score)) > Fraction("0.5"),
    ),
    ("!context.reversible", lambda case: not case.risk.reversible),
    ("principal is Person", lambda case: case.person is not None),
    ('principal == Person::"a\\"b"', lambda case: case.person == 'a"b'),
    ("context.weekday >= 6", lambda case: case.at.isoweekday() >= 6),
    ("context.hour >= 22", lambda case: case.at.hour >= 22),
    (f"context.hour * {HIGHEST} > 1", overflows),
)

borders = [0.24999, 0.25, 0.5, 1, 2, 8, 8.0001, 1000, 1000.5, 1001, HIGHEST, HIGHEST + 1]
numbers = st.one_of(
    st.sampled_from(borders),
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False),
)
texts = st.text(max_size=6) | st.sampled_from(["", '"', "\\", "\0", "\n", "x\U0001f600", "null"])
values = st.recursive(
    st.none() | st.booleans() | numbers.filter(math.isfinite) | st.integers(-2, 10) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
names = texts | st.sampled_from(["pages", "production-api", 'a"b', "a:b", "flow/name"])
targets = st.builds("{}:{}".format, st.sampled_from(["tag", "deployment", "", "ü"]), names) | names
cases = st.builds(
    Case,
    target=targets,
    lever=st.sampled_from(["concurrency-limit", "webhook"]) | texts,
    before=values,
    after=values,
    risk=st.builds(
        Risk,
        score=st.floats(0, 1),
        tier=st.sampled_from(["low", "medium", "high"]),
        parts=st.just({}),
        reversible=st.booleans(),
    ),
    person=st.none() | names,
    at=st.datetimes(timezones=st.just(UTC)),
)
rules = st.tuples(
    st.sampled_from(["forbid", "permit", "permit"]),
    st.sampled_from(["change", "change", "inverse"]),
    st.lists(st.sampled_from(range(len(TABLE))), min_size=1, max_size=3),
)


def written(rule: tuple[str, str, list[int]]) -> str:
    effect, action, conditions = rule
    return a_rule(effect, " && ".join(TABLE[number][0] for number in conditions), action=action)


def applies(rule: tuple[str, str, list[int]], case: Case) -> bool | None:
    """Whether a rule applies to a change; None where it cannot be said."""
    _, action, conditions = rule
    if action != "change":
        return False
    for place in conditions:
        if (holds := TABLE[place][1](case)) is not True:
            return holds
    return True


def expected(chosen: list[tuple[str, str, list[int]]], case: Case) -> str:
    found = [(rule[0], applies(rule, case)) for rule in chosen]
    if any(holds is None or (holds and effect == "forbid") for effect, holds in found):
        return "forbid"
    return "permit" if any(holds for _, holds in found) else "ask"


def answer(chosen: list[tuple[str, str, list[int]]], case: Case) -> str:
    change = Change(lever=case.lever, target=case.target, before=case.before, after=case.after)
    asked = about_change(
        change, "change", case.at, kind="by_hand", risk=case.risk, person=case.person
    )
    ruling = rules_of(*map(written, chosen)).rule(asked)
    assert ruling.reason.encode()
    return ruling.answer


@given(st.lists(rules, max_size=8), cases)
@settings(max_examples=400)
def test_the_answer_is_that_of_the_table(chosen, case):
    """Never permit where a forbid applies or where a rule fails; and exactly so in all else."""
    assert answer(chosen, case) == expected(chosen, case)


@given(st.sampled_from(range(len(TABLE))), st.lists(rules, max_size=3), cases)
@settings(max_examples=200)
def test_no_permit_comes_through_a_forbid(place, others, case):
    """Everything is permitted, and one thing forbidden: where it applies nothing is permitted."""
    chosen = [("permit", "change", [0]), *others, ("forbid", "change", [place])]
    if TABLE[place][1](case) is not False:
        assert answer(chosen, case) == "forbid"


@pytest.mark.parametrize("place", range(len(TABLE)))
def test_each_row_of_the_table_is_there_to_be_met(place):
    """Every condition alone is a rule that Grace reads."""
    assert len(rules_of(written(("permit", "change", [place]))).stated) == 1

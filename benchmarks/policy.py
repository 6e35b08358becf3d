"""How long a decision takes: `python -m benchmarks.policy`.

20,000 varied requests, to the shipped policy and to one of 200 rules: name patterns, guardrails,
tiers, times of day, lists of targets, each for a target of its own. A decision is all that
governance does with a request: putting it into Cedar's terms, the engine's answer, and the words of
the rules that decided. The two policies take turns, block by block, and the medians of seven blocks
are told. What counts is CPU time, as on a busy machine the clock tells of the others. Loading
happens once a file. Exits with 1 where the p99 of a decision is not below 1 ms.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
from pydantic import JsonValue

from benchmarks import table
from grace.governance.cedar import Rules
from grace.governance.change import Change
from grace.governance.policy import DEFAULT_POLICY
from grace.governance.reading import Source, read_rules
from grace.governance.request import ChangeAction, Request, about_change
from grace.governance.risk import Risk, RiskWeights, tier_of
from grace.statistics.betting import Floats

SEED = 20250101
BAR_MS = 1.0
BLOCKS = 7
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
KINDS = ("tag", "deployment", "global", "pattern", "variable")
LEVERS = ("concurrency-limit", "pattern-rule", "prefect-variable")
ACTIONS: tuple[ChangeAction, ...] = ("change", "apply", "inverse")
CONDITIONS = (
    'resource.kind == "tag" && resource.name like "*-{n}"',
    'context.lever == "concurrency-limit" && resource.name like "*-{n}" && '
    "context.after has number && context.after.number.ceiling > {n}",
    'resource.name == "name-{n}" && context has times && '
    'context.times.greaterThan(decimal("{n}.5"))',
    'context.tier == "high" && '
    '[Target::"tag:name-{n}", Target::"global:name-{n}"].contains(resource)',
    "context.weekday >= 6 && context.hour == {hour} && "
    'context.after has text && context.after.text like "*{n}*"',
)


def many_rules(count: int) -> str:
    """So many rules, one in ten of them a permit."""
    return "\n".join(
        f'@reason("rule {n}") {"permit" if n % 10 == 0 else "forbid"} '
        f'(principal, action == Action::"{ACTIONS[n % 3]}", resource) '
        f"when {{ {CONDITIONS[n % len(CONDITIONS)].format(n=n, hour=n % 24)} }};"
        for n in range(count)
    )


def requests(count: int) -> Iterator[Request]:
    rng = np.random.default_rng(SEED)
    weights = RiskWeights()
    for n in range(count):
        before, after = _value(rng), _value(rng)
        score = round(float(rng.random()), 3)
        change = Change(
            lever=LEVERS[n % len(LEVERS)],
            target=f"{KINDS[int(rng.integers(len(KINDS)))]}:name-{int(rng.integers(200))}",
            before=before,
            after=after,
        )
        yield about_change(
            change,
            ACTIONS[n % len(ACTIONS)],
            BEGIN + timedelta(minutes=37 * n),
            kind="reduce_wait_time",
            risk=Risk(score=score, tier=tier_of(weights, score), parts={}),
            person=None if rng.random() < 0.8 else f"person-{int(rng.integers(20))}",
            approved_by_person=bool(rng.random() < 0.5),
        )


def _value(rng: np.random.Generator) -> JsonValue:
    number = int(rng.integers(1, 2000))
    several: tuple[JsonValue, ...] = (
        number,
        number % 40,
        number / 7,
        f"text {number}",
        {"fix": "retry", "retries": number % 9, "of": [None, True, f"é{number}"]},
        None,
    )
    return several[int(rng.integers(len(several)))]


def decide(
    rules: Rules, asked: Iterable[Request]
) -> tuple[Counter[str], list[tuple[float, float]]]:
    """How often each answer was given, and the seconds of each decision: CPU's and the clock's."""
    answers: Counter[str] = Counter()
    seconds = []
    for request in asked:
        began, begin = thread_time(), perf_counter()
        ruling = rules.rule(request)
        seconds.append((thread_time() - began, perf_counter() - begin))
        answers[ruling.answer] += 1
    return answers, seconds


def load(text: str) -> tuple[Rules, float]:
    began = thread_time()
    rules = read_rules((Source(Path("policy.cedar"), text),))
    return rules, thread_time() - began


@dataclass
class Timed:
    """A policy, and the p50, p99 and p99.9 in ms of each block of decisions."""

    name: str
    rules: Rules
    loading: float
    answers: Counter[str] = field(default_factory=Counter)
    blocks: list[Floats] = field(default_factory=list)

    def decide(self, asked: Sequence[Request]) -> None:
        answers, seconds = decide(self.rules, asked)
        self.answers += answers
        self.blocks.append(np.quantile(np.array(seconds), (0.5, 0.99, 0.999), axis=0) * 1000)

    @property
    def figures(self) -> Floats:
        return np.asarray(np.median(np.array(self.blocks), axis=0))

    def row(self) -> tuple[str, ...]:
        given = ", ".join(f"{self.answers[each]} {each}" for each in ("forbid", "ask", "permit"))
        cpu, clock = self.figures[:, 0], self.figures[1, 1]
        times = (f"{each:.3f}" for each in (*cpu, clock))
        return (self.name, given, *times, f"{self.loading * 1000:.1f}")


def main(count: int = 20_000) -> int:
    read_rules(())  # the schema, which is read once a process
    texts = {"shipped": DEFAULT_POLICY.read_text(encoding="utf-8"), "200 rules": many_rules(200)}
    timed = [Timed(name, *load(text)) for name, text in texts.items()]
    asked = list(requests(count))
    for block in range(BLOCKS):
        for each in timed:
            each.decide(asked[block::BLOCKS])
    heads = ("policy", "answers", "p50 ms", "p99 ms", "p99.9 ms", "p99 by the clock", "load ms")
    print(f"{count} decisions each, medians of {BLOCKS} blocks; bar: p99 below {BAR_MS:g} ms\n")
    print(table(heads, [each.row() for each in timed]))
    return 0 if all(each.figures[1, 0] < BAR_MS for each in timed) else 1


if __name__ == "__main__":
    sys.exit(main())

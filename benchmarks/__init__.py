"""Measurements too long for the tests: each module is run by itself and prints its tables.

Belongs here: simulations and timings at full size. Does not: anything the product imports.
"""

from collections.abc import Iterable, Sequence

from scipy.stats import beta

__all__ = ["at_most", "table"]


def at_most(count: int, n: int) -> float:
    """The upper 95 % confidence limit of a probability seen `count` times in `n`.

    One-sided and exact: Clopper & Pearson, Biometrika 26:4, 1934.
    """
    return 1.0 if count == n else float(beta.ppf(0.95, count + 1, n - count))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

"""From rows to tallies: one pass over a frame for all its hours and parts at once."""

import hashlib
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pandas as pd

from grace.analysis.rates import Floats
from grace.analysis.sketch import Sketch, bins_of
from grace.analysis.tally import NO_UNITS, NO_VALUES, WHOLE, Hours, Ints, Tally

__all__ = ["count_rows", "joined", "tallies", "units", "usable"]

Place: TypeAlias = tuple[int, int]  # hour, and the part's number
Labels: TypeAlias = "pd.Series[str] | str | None"


def units(names: "pd.Series[str]", hours: "pd.Series[int]") -> Ints:
    """A number of 53 bits for each row's unit: what `names` says, where it says nothing the hour.

    Two of a million names share a number with a chance of 1 in 18,000.
    """
    labels = names.where(names.notna(), "hour " + hours.astype(str))
    codes, uniques = pd.factorize(labels)
    numbers = np.fromiter(map(_number, uniques), dtype=np.int64, count=len(uniques))
    return numbers[codes]


def usable(
    column: "pd.Series[float]", low: float, high: float
) -> "tuple[pd.Series[float], pd.Series[str]]":
    """The finite values within low and high, and *unusable* for each other one that is there."""
    values = column.astype("float64")
    fits = values.between(low, high) & np.isfinite(values)
    apart = pd.Series("unusable", values.index, dtype=object)
    return values.where(fits), apart.where(values.notna() & ~fits, None)


def count_rows(rows: pd.DataFrame, measure: str, part: Labels = WHOLE) -> Hours:
    """Rows counted apart under the name `rows`, without units."""
    return tallies(rows, measure, None, part=part, apart="rows")


def joined(*several: Hours) -> Hours:
    """Tallies of different measures, or of the same measure with different parts, side by side."""
    found: Hours = {}
    for one in several:
        for hour, of_hour in one.items():
            found.setdefault(hour, {}).update(of_hour)
    return found


def tallies(
    rows: pd.DataFrame,
    measure: str,
    values: "pd.Series[float] | None",
    *,
    part: Labels = WHOLE,
    apart: Labels = None,
    sketched: bool = False,
) -> Hours:
    """The tallies of one measure, by hour and part.

    `rows` has the columns hour and unit. A row with a value is counted with it, one without is
    counted apart by the name that `apart` gives it; where that or `part` is null, not at all.
    """
    hour, unit = (rows[name].to_numpy(dtype=np.int64) for name in ("hour", "unit"))
    code, names = _coded(part, len(rows))
    value = np.full(len(rows), np.nan) if values is None else values.to_numpy(dtype=np.float64)
    has_value = ~np.isnan(value)
    here = has_value & (code >= 0)
    of_units = _by_unit(hour[here], code[here], unit[here], value[here])
    sketches = _sketches(hour[here], code[here], value[here]) if sketched else {}
    label, labels = _coded(apart, len(rows))
    aside = ~has_value & (code >= 0) & (label >= 0)
    counts = _counts(hour[aside], code[aside], label[aside], labels)
    found: Hours = {}
    for place in of_units.keys() | counts.keys():
        arrays = of_units.get(place, (NO_UNITS, NO_VALUES, NO_UNITS))
        tally = Tally(*arrays, counts.get(place, {}), sketches.get(place))
        found.setdefault(place[0], {})[measure, names[place[1]]] = tally
    return found


def _coded(labels: Labels, size: int) -> tuple[Ints, list[str]]:
    """A number for each row's label, -1 for none, and the labels by number."""
    if labels is None or isinstance(labels, str):
        return np.full(size, -1 if labels is None else 0), [] if labels is None else [labels]
    codes, names = pd.factorize(labels)
    return codes.astype(np.int64), [str(name) for name in names]


def _by_unit(
    hour: Ints, code: Ints, unit: Ints, value: Floats
) -> dict[Place, tuple[Ints, Floats, Ints]]:
    order = np.lexsort((unit, code, hour))
    hour, code, unit, value = hour[order], code[order], unit[order], value[order]
    starts = _starts(hour, code, unit)
    sums = np.add.reduceat(value, starts) if starts.size else NO_VALUES
    counts = np.diff(starts, append=hour.size)
    return {
        place: (unit[starts][one], sums[one], counts[one])
        for place, one in _places(hour[starts], code[starts])
    }


def _counts(hour: Ints, code: Ints, label: Ints, labels: list[str]) -> dict[Place, dict[str, int]]:
    ones = np.ones(hour.size)
    return {
        place: {labels[one]: int(count) for one, count in zip(found, counts, strict=True)}
        for place, (found, _, counts) in _by_unit(hour, code, label, ones).items()
    }


def _sketches(hour: Ints, code: Ints, value: Floats) -> dict[Place, Sketch]:
    """As `Sketch.of` the values of each place, for all of them at once."""
    order = np.lexsort((value, code, hour))
    hour, code, value = hour[order], code[order], value[order]
    zero = value == 0
    bins = np.full(value.size, np.iinfo(np.int64).min)
    bins[~zero] = bins_of(value[~zero])
    starts = _starts(hour, code, bins)
    counts, bins = np.diff(starts, append=hour.size), bins[starts]
    ends = starts + counts - 1
    found = {}
    for place, one in _places(hour[starts], code[starts]):
        zeros = int(counts[one.start]) if zero[starts[one.start]] else 0
        above = slice(one.start + (zeros > 0), one.stop)
        low, high = float(value[starts[one.start]]), float(value[ends[one.stop - 1]])
        found[place] = Sketch(bins[above], counts[above], zeros, low, high)
    return found


def _starts(*columns: Ints) -> Ints:
    """Where, in columns sorted together, the first row of each run of equal ones lies."""
    if not columns[0].size:
        return NO_UNITS
    changed = np.zeros(columns[0].size, dtype=bool)
    changed[0] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def _places(hour: Ints, code: Ints) -> Iterator[tuple[Place, slice]]:
    starts = _starts(hour, code)
    for start, stop in zip(starts, np.append(starts, hour.size)[1:], strict=True):
        yield (int(hour[start]), int(code[start])), slice(int(start), int(stop))


def _number(name: object) -> int:
    digest = hashlib.blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 11  # 53 bits: exact in every reader of JSON

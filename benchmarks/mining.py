"""How well error messages are grouped into patterns, and how fast, with the one configuration.

    python -m benchmarks.mining [FOLDER]

FOLDER holds sets of the kind that Loghub publishes (Zhu, He, He, Liu & Lyu, "Loghub: a large
collection of system log datasets for AI-driven log analytics", ISSRE 2023): CSV files with the
columns `Content`, the message, and `EventId`, the group that people gave it. Grouping accuracy is
the share of lines whose predicted group holds exactly the lines of their labelled group (Zhu et
al., "Tools and benchmarks for automated log parsing", ICSE-SEIP 2019). Beside it stands what
drain3 does as it comes. Exit code 1 where a bar is missed.
"""

import argparse
import csv
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

from benchmarks import table
from benchmarks._exceptions import Told, exceptions
from grace.errors import BadInput
from grace.patterns.errors import parse
from grace.patterns.masking import mask
from grace.patterns.mining import Miner

__all__ = ["grouping_accuracy", "groups", "main"]

PUBLISHED_BAR, EXCEPTIONS_BAR, LINES_BAR = 0.76, 0.95, 30_000
SEED, LINES, TIMES = 20250101, 5000, 7
WHERE = """
The published sets were not measured: name a folder that holds them. github.com/logpai/loghub has
sixteen, as NAME/NAME_2k.log_structured.csv; they are free for research, and not part of Grace.
"""

Grouping = Callable[[Sequence[Told]], list[Hashable]]


@dataclass(frozen=True)
class Figures:
    accuracy: float
    plain_accuracy: float
    seconds: float
    lines: int

    @property
    def rate(self) -> float:
        return self.lines / self.seconds


def grouping_accuracy(predicted: Sequence[Hashable], labels: Sequence[Hashable]) -> float:
    ours = {frozenset(lines) for lines in _lines(predicted).values()}
    theirs = map(frozenset, _lines(labels).values())
    return sum(len(lines) for lines in theirs if lines in ours) / len(labels)


def _lines(groups: Sequence[Hashable]) -> dict[Hashable, set[int]]:
    found: dict[Hashable, set[int]] = defaultdict(set)
    for line, group in enumerate(groups):
        found[group].add(line)
    return found


def groups(lines: Sequence[Told]) -> list[Hashable]:
    """Of each line the template it came to, in one pass, by a miner that begins anew."""
    mask.cache_clear()
    miner = Miner()
    return [id(miner.add(parse(line.text, line.error_type, line.stack_trace))) for line in lines]


def _plain_groups(lines: Sequence[Told]) -> list[Hashable]:
    """By drain3 with its defaults, which mask nothing and know no exceptions."""
    miner = TemplateMiner(config=TemplateMinerConfig())
    return [miner.add_log_message(line.text)["cluster_id"] for line in lines]


def _measured(lines: Sequence[Told]) -> Figures:
    """Median of 7 passes, in seconds of CPU."""
    labels = [line.label for line in lines]
    seconds = []
    for _ in range(TIMES):
        begun = time.process_time()
        predicted = groups(lines)
        seconds.append(time.process_time() - begun)
    plain = grouping_accuracy(_plain_groups(lines), labels)
    return Figures(grouping_accuracy(predicted, labels), plain, median(seconds), len(lines))


def _published(folder: Path) -> dict[str, list[Told]]:
    files = sorted(folder.glob("**/*_structured.csv"))
    if not files:
        raise BadInput(f"there is no *_structured.csv in {folder}")
    return {file.name.removesuffix("_structured.csv"): _read(file) for file in files}


def _read(file: Path) -> list[Told]:
    with file.open(newline="", encoding="utf-8") as rows:
        try:
            return [Told(row["Content"], row["EventId"]) for row in csv.DictReader(rows)]
        except KeyError as missing:
            raise BadInput(f"{file} has no column {missing}") from None


def _row(name: str, found: Figures) -> tuple[str, ...]:
    return (name, f"{found.accuracy:.3f}", f"{found.plain_accuracy:.3f}", f"{found.rate:,.0f}")


def _mean(found: Sequence[Figures]) -> Figures:
    return Figures(
        fmean(each.accuracy for each in found),
        fmean(each.plain_accuracy for each in found),
        sum(each.seconds for each in found),
        sum(each.lines for each in found),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="published sets")
    folder = parser.parse_args(arguments).folder
    made_up = _measured(list(exceptions(random.Random(SEED), LINES)))
    rows, kept = [_row(f"{LINES} exceptions", made_up)], made_up.accuracy >= EXCEPTIONS_BAR
    if folder is not None:
        found = {name: _measured(lines) for name, lines in _published(folder).items()}
        mean = _mean(list(found.values()))
        rows += [_row(name, figures) for name, figures in found.items()]
        rows.append(_row(f"mean of {len(found)} published sets", mean))
        kept &= mean.accuracy >= PUBLISHED_BAR and mean.rate >= LINES_BAR
    heads = ("set", "grouping accuracy", "drain3 as it comes", "lines a CPU second")
    print(table(heads, rows))
    if folder is None:
        print(WHERE)
    return 0 if kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as problem:
        sys.exit(f"mining: {problem}")

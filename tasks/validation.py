"""The rows of the log against their suites: one of Great Expectations for each table.

The suites are text in `grace/export/expectations/`. Great Expectations is imported where it runs,
because the import takes seconds, and says nothing to anybody about it.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grace.errors import BadInput
from grace.export.parts import Part
from grace.export.sealing import Sealed, Tell
from grace.export.validated import Validated
from grace.files import read_text, write_whole

__all__ = [
    "Broken",
    "Findings",
    "suite_text",
    "validate",
    "validate_sealed",
]

# rows in a frame: memory follows it and not the log
ROWS = 65_536
MOST_FAILING = 10_000
Batches = Callable[[str], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class Broken:
    """One row that does not meet an expectation, whole."""

    table: str
    expectation: str
    row: dict[str, object]


@dataclass
class Findings:
    """`counts` maps table and expectation to the rows that do not meet it."""

    rows: dict[str, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def add(self, table: str, rows: int, counts: Mapping[str, int]) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows
        for name, count in counts.items():
            self.counts[table, name] = self.counts.get((table, name), 0) + count

    @property
    def failures(self) -> list[str]:
        return [
            f"{table}: {name}" + (f" ({count:,} rows)" if count else "")
            for (table, name), count in self.counts.items()
            if count
        ]

    @property
    def validated(self) -> Validated:
        tables = {
            table: {
                "rows": rows,
                "expectations": {
                    name: count for (of, name), count in self.counts.items() if of == table
                },
            }
            for table, rows in self.rows.items()
        }
        result = {
            "success": not self.failures,
            "great_expectations": version("great-expectations"),
            "tables": tables,
        }
        return Validated(result, self.failures)


def suite_text(table: str) -> str:
    """The suite as it is kept: JSON in the form of Great Expectations."""
    return files("grace.export").joinpath(f"expectations/{table}.json").read_text("utf-8")


def validate_sealed(sealed: Sealed, tables: Sequence[str], low: int, tell: Tell) -> Validated:
    """Every sealed part from the ledger index `low` on; `tasks.exporting.Validate`.

    A part that passed its suite is not looked at again until one of the two is another.
    """
    found, passed = Findings(), _Passed(sealed.folder / "validated.json")
    run: _Run | None = None
    for place, table in enumerate(tables):
        found.rows[table] = 0
        for part in sealed.parts[table]:
            if not part.rows or part.high <= low:
                continue
            tell(f"validating {table} {part.low:,} to {part.high:,}", place / len(tables))
            counts = passed.counts(table, part)
            if counts is None:
                run = run or _Run()
                run.found = Findings()
                run.table(table, _framed(_read(sealed, table, part)))
                counts = {name: count for (_, name), count in run.found.counts.items()}
                passed.add(table, part, counts)
            found.add(table, part.rows, counts)
    passed.write()
    return found.validated


def _read(sealed: Sealed, table: str, part: Part) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(sealed.file(table, part), pre_buffer=False) as opened:
        yield from opened.iter_batches(batch_size=ROWS)


class _Passed:
    """What was found of sealed parts that passed, by the digests of part and suite."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known: dict[str, dict[str, int]] = {}
        self.used: dict[str, dict[str, int]] = {}
        with suppress(ValueError):
            self.known = json.loads(read_text(file) or "{}")

    def counts(self, table: str, part: Part) -> dict[str, int] | None:
        found = self.known.get(self._name(table, part))
        if found is not None:
            self.used[self._name(table, part)] = found
        return found

    def add(self, table: str, part: Part, counts: dict[str, int]) -> None:
        if not any(counts.values()):
            self.used[self._name(table, part)] = counts

    def write(self) -> None:
        """With what other exports looked at: a part of another scope stays known."""
        write_whole(self.file, json.dumps(self.known | self.used), mode=0o600)

    def _name(self, table: str, part: Part) -> str:
        suite = hashlib.sha256(suite_text(table).encode()).hexdigest()
        return f"{part.sha256}:{suite}"


def validate(
    batches: Batches,
    tables: Sequence[str],
    tell: Tell,
    *,
    failing: int = 0,
    data_docs: Path | None = None,
) -> Findings:
    """Run each table's suite over its rows; up to `failing` broken rows are kept whole.

    With `data_docs` a folder of HTML pages is made of the results; BadInput where it is there.
    """
    if data_docs is not None and data_docs.exists():
        raise BadInput(f"{data_docs} is there already: name a new folder")
    run = _Run(data_docs, min(failing, MOST_FAILING))
    for place, table in enumerate(tables):
        tell(f"validating {table}", place / len(tables))
        run.table(table, _framed(batches(table)))
    return run.found


def _framed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(each.num_rows for each in held) >= ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


class _Run:
    """One context of Great Expectations, and what it found so far."""

    def __init__(self, data_docs: Path | None = None, failing: int = 0) -> None:
        self.found = Findings()
        self.failing = failing
        self.data_docs = data_docs
        self.gx = _great_expectations()
        self.context = self.gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = {"globally": False}
        self.source = self.context.data_sources.add_pandas("log")
        self.definitions: dict[str, Any] = {}

    def table(self, name: str, frames: Iterable[pa.Table]) -> None:
        suite = self.gx.ExpectationSuite(**json.loads(suite_text(name)))
        if name not in self.definitions:  # a table has many parts
            asset = self.source.add_dataframe_asset(name)
            self.definitions[name] = asset.add_batch_definition_whole_dataframe("part")
        definition = self.definitions[name]
        self.found.rows[name] = 0
        for frame in frames:
            self.found.rows[name] += frame.num_rows
            self._frame(name, frame, definition, suite)

    def _frame(self, name: str, frame: pa.Table, definition: Any, suite: Any) -> None:
        batch = definition.get_batch(batch_parameters={"dataframe": frame.to_pandas()})
        # which rows are wrong is asked only where some are: it costs several times as much
        results = batch.validate(suite, result_format="BOOLEAN_ONLY")
        if not results.success:
            results = batch.validate(suite, result_format="COMPLETE")
        self._page(name, results)
        for one in results.results:
            told = _called(one.expectation_config)
            wrong = [] if one.success else _wrong_rows(one.result)
            if one.exception_info and one.exception_info.get("raised_exception"):
                told = f"{told} could not be looked at"
            count = 0 if one.success else max(len(wrong), 1)
            key = (name, told)
            self.found.counts[key] = self.found.counts.get(key, 0) + count
            self._keep(name, told, frame, wrong)

    def _keep(self, name: str, told: str, frame: pa.Table, wrong: Sequence[int]) -> None:
        room = self.failing - len(self.found.broken)
        for place in wrong[:room] if room > 0 else ():
            self.found.broken.append(Broken(name, told, frame.slice(place, 1).to_pylist()[0]))

    def _page(self, name: str, results: Any) -> None:
        """One page of Data Docs a frame, as Great Expectations draws it."""
        if self.data_docs is None:
            return
        renderer: Any = import_module("great_expectations.render.renderer")
        view: Any = import_module("great_expectations.render.view")

        self.data_docs.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in self.data_docs.glob(f"{name}-*.html")) + 1
        drawn = renderer.ValidationResultsPageRenderer().render(results)
        page = view.DefaultJinjaPageView().render(drawn)
        (self.data_docs / f"{name}-{number:04d}.html").write_text(page, encoding="utf-8")


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import, which reads it
    import great_expectations

    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.ERROR)

    return great_expectations


def _called(config: Any) -> str:
    """As `confidence: values to be between (min_value=0, max_value=1)`."""
    given = {
        name: value
        for name, value in config.kwargs.items()
        if name not in ("batch_id", "result_format")
    }
    column = given.pop("column", None)
    asked: str = config.type.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    details = ", ".join(f"{name}={value}" for name, value in given.items() if name != "column_list")
    return (f"{column}: " if column else "") + asked + (f" ({details})" if details else "")


def _wrong_rows(result: dict[str, Any]) -> list[int]:
    return sorted({int(place) for place in result.get("unexpected_index_list") or ()})

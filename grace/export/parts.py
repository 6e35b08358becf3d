"""Sealed parts of the log tables: what each holds, where it lies, and how it gets there."""

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from grace.export.frame import schema
from grace.export.part_writing import PartJob, Written, write_part
from grace.export.rows import read_rows
from grace.jobs import Submit, processes
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["LEAVES", "Part", "Span", "Write", "part_file", "writing_parts"]

LEAVES = "leaves"
# below so many rows it takes longer to start a process than to read them here
WORTH_PROCESSES = 60_000

Span = tuple[str, int, int]  # a table, and a range of ledger indices


class Part(BaseModel):
    """The rows at `low` to `high` (exclusive); no file where there are none.

    `erased` counts those whose payload was gone when the part was written.
    """

    model_config = ConfigDict(frozen=True)

    low: int
    high: int
    rows: int
    erased: int = 0
    sha256: str = ""
    bytes: int = 0

    @property
    def span(self) -> str:
        return f"{self.low:012d}-{self.high:012d}"


Write = Callable[[Sequence[Span]], Generator[Part, None, None]]


def part_file(folder: Path, table: str, part: Part) -> Path:
    suffix = "hashes" if table == LEAVES else "parquet"
    return folder / table / f"{part.span}.{suffix}"


@contextmanager
def writing_parts(store: Store, folder: Path) -> Iterator[Write]:
    """What writes parts under the folder, each of them whole, in the order that was asked for.

    Raises LedgerBroken where a table cannot be read as it was written.
    """
    with processes() as submit:

        def write(spans: Sequence[Span]) -> Generator[Part, None, None]:
            jobs = [_job(store, folder, *span) for span in spans]
            worth = _are_worth(store, spans)
            written = _elsewhere(submit, jobs) if worth else _here(store, jobs)
            try:
                for job in jobs:
                    yield _placed(folder, job, next(written))
            finally:
                for job in jobs:
                    Path(job.draft).unlink(missing_ok=True)

        yield write


def _are_worth(store: Store, spans: Sequence[Span]) -> bool:
    rows = sum(high - low for low, high in {(low, high) for _, low, high in spans})
    return rows >= WORTH_PROCESSES and store.engine.dialect.name == "sqlite"


def _job(store: Store, folder: Path, table: str, low: int, high: int) -> PartJob:
    """Its draft has a name of its own: a process may outlive an export that was killed."""
    path = part_file(folder, table, Part(low=low, high=high, rows=0))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(4)}.draft")
    database = str(Path(store.engine.url.database or "").absolute())
    return PartJob(database, table, schema(LOGS[table]), low, high, str(draft))


def _elsewhere(submit: Submit, jobs: Iterable[PartJob]) -> Iterator[Written]:
    for submitted in [submit(job) for job in jobs]:
        yield submitted.result()


def _here(store: Store, jobs: Iterable[PartJob]) -> Iterator[Written]:
    with store.reading() as connection:
        for job in jobs:
            yield write_part(job, read_rows(connection, LOGS[job.table], job.low, job.high))


def _placed(folder: Path, job: PartJob, written: Written) -> Part:
    part = Part(
        low=job.low,
        high=job.high,
        rows=written.rows,
        erased=written.erased,
        sha256=written.sha256,
        bytes=written.bytes,
    )
    if part.rows:
        Path(job.draft).replace(part_file(folder, job.table, part))
    return part

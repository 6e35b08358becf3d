"""A process that takes in one file and says how far it is, until somebody kills it.

After each transaction it waits for a line of its input, or for its end: so whoever kills it finds
it at work.
"""

import sys
from datetime import UTC, datetime

from grace.store import open_store
from tasks import intake
from tasks.ingest_files import ingest_files


def main(url: str, path: str, rows_a_transaction: int) -> None:
    intake.ROWS_A_TRANSACTION = rows_a_transaction
    done = ingest_files(
        open_store(url),
        [path],
        datetime(2026, 3, 1, tzinfo=UTC),
        progress=lambda source, rows: _tell(rows),
    )
    print(f"done {done.read} {done.landed} {done.refused}", flush=True)


def _tell(rows: int) -> None:
    print(rows, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

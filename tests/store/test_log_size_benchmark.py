"""The benchmark of what the log costs, at small size; `make bench` takes ten thousand runs."""

from pathlib import Path

import pytest

from benchmarks.log_size import KINDS, TASKS, measured


def test_a_run_costs_what_its_rows_and_their_hashes_do(tmp_path: Path) -> None:
    """A row for each run and retry; a hash of 32 bytes a row and one for 256 of them above."""
    costs = {kind.name: measured(kind, 100, _folder(tmp_path, kind.name)) for kind in KINDS[::2]}
    plain, retried = costs["no retries"], costs["every task retried"]
    assert plain.rows == TASKS + 1
    assert retried.rows == 2 * TASKS + 1
    for cost in (plain, retried):
        assert cost.ledger_bytes == pytest.approx(cost.rows * 32 * 256 / 255, rel=0.01)
        assert cost.total_bytes > 10 * cost.ledger_bytes
    assert retried.total_bytes > 1.5 * plain.total_bytes


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder

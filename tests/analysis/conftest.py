"""Stores by the dozen for properties, from one file that is made once."""

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count, groupby
from pathlib import Path

import pytest

from grace.analysis.rules import Rules
from grace.store import Store, open_store
from tests.analysis.logs import Entry

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_file_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Rules.model_config, "env_file", None)


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a row."""
    path = tmp_path_factory.mktemp("analysis") / "grace.db"
    open_store(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture(scope="session")
def new_store(empty_log: Path) -> Callable[[], Store]:
    """Makes a store of its own at each call; examples of Hypothesis share a test's fixtures."""
    numbers = count()

    def make() -> Store:
        path = empty_log.with_name(f"{next(numbers)}.db")
        shutil.copy(empty_log, path)
        return open_store(f"sqlite:///{path}")

    return make


def write(store: Store, log: Iterable[Entry]) -> None:
    """Log rows one after the other; neighbours recorded at one time in one transaction."""
    for recorded, together in groupby(log, key=lambda entry: entry[2]):
        with store.writing(recorded.astimezone(UTC)) as writer:
            for table, row, _ in together:
                writer.append(table, [row])

"""Logs to sign, to verify and to spoil."""

from pathlib import Path

import pytest

from grace.settings import Settings
from tests.tampering import Log


@pytest.fixture
def log(settings: Settings) -> Log:
    """A new log without rows."""
    made = Log(settings)
    made.write(0)
    return made


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Log:
    made = Log(Settings(data_dir=tmp_path_factory.mktemp("written") / "data"))
    made.write(2)
    made.sign()
    made.write(2, start=2)
    made.sign()
    return made


@pytest.fixture
def signed(_written: Log, tmp_path: Path) -> Log:
    """A copy of a log of 64 rows, 4 in each table, signed at 32 and at 64."""
    return _written.copied(tmp_path / "signed")


@pytest.fixture(scope="session")
def _tall(tmp_path_factory: pytest.TempPathFactory) -> Log:
    made = Log(Settings(data_dir=tmp_path_factory.mktemp("tall") / "data"))
    made.write_goals(600)
    made.sign()
    made.write_goals(100, start=600)
    made.sign()
    return made


@pytest.fixture
def tall(_tall: Log, tmp_path: Path) -> Log:
    """A copy of a log of 700 rows, signed at 600 and at 700: it has tiles of two levels."""
    return _tall.copied(tmp_path / "tall")

"""Whatever is done to the bytes of the file, verification ends with an answer, and a true one."""

import random
import sqlite3
from pathlib import Path

import pytest

from grace.errors import GraceError
from grace.store import open_store
from grace.store.schema import LOGS
from tests.tampering import Log

Cells = dict[str, list[tuple[object, ...]]]


def _cells(path: Path) -> Cells:
    """Every cell of every log table with its storage class, read without any index."""
    found: Cells = {}
    with sqlite3.connect(path) as connection:
        connection.text_factory = bytes
        for name, log in LOGS.items():
            columns = [f'"{column.name}"' for column in log.table.c]
            typed = ", ".join([*columns, *(f"typeof({column})" for column in columns)])
            query = f"SELECT {typed} FROM {name} NOT INDEXED"
            found[name] = sorted(connection.execute(query).fetchall(), key=repr)
    connection.close()
    return found


def _check(log: Log, whole: bytes, cells: Cells, changed: bytes) -> None:
    """The log holds with these bytes only if they still say what they said."""
    log.path.write_bytes(changed)
    if _opens(log) and log.verify().ok:
        assert _cells(log.path) == cells
    for left in log.settings.log_dir.glob("grace.db-*"):
        left.unlink()
    log.path.write_bytes(whole)


def _opens(log: Log) -> bool:
    """Whether it is still taken for a Grace database; opening has tests of its own."""
    try:
        open_store(log.settings.url, create=False).engine.dispose()
    except (GraceError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.parametrize("flips", [60, pytest.param(1500, marks=pytest.mark.slow)])
def test_a_flipped_bit_anywhere(signed: Log, flips: int) -> None:
    """In a cell, an index, a page header, the schema or unused room."""
    whole, cells = signed.path.read_bytes(), _cells(signed.path)
    drawn = random.Random(20260301)
    for _ in range(flips):
        changed = bytearray(whole)
        changed[drawn.randrange(len(whole))] ^= 1 << drawn.randrange(8)
        _check(signed, whole, cells, bytes(changed))
    assert signed.verify().ok


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_a_page_overwritten(signed: Log, count: int) -> None:
    """With another page of the same file, or with nothing; or the file ends early."""
    whole, cells = signed.path.read_bytes(), _cells(signed.path)
    drawn = random.Random(20260302)
    pages = len(whole) // 4096
    for _ in range(count):
        to, start = (4096 * drawn.randrange(1, pages) for _ in range(2))
        content = drawn.choice([whole[start : start + 4096], bytes(4096)])
        _check(signed, whole, cells, whole[:to] + content + whole[to + 4096 :])
        _check(signed, whole, cells, whole[:to])
    assert signed.verify().ok

"""The rows of a file, streamed: CSV, JSON lines, JSON and Parquet, each as `OutsideRow`s.

What cannot be read as a row comes as one with its trouble. Only what keeps the rest of a file from
being read raises BadInput.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from grace.errors import BadInput
from grace.ingestion.loose import INGESTIBLE, Texts, ingestible, knows
from grace.ingestion.outside import OutsideRow
from grace.ingestion.reasons import Reason, shown
from tasks.file_lines import DECODING, TOO_LONG, Line, lines, records
from tasks.file_places import FileFormat, FilePlace, reading
from tasks.json_rows import JsonReader, elements
from tasks.parquet_rows import parquet_rows

__all__ = ["TEXTS", "Rows", "rows_of"]

Rows = Iterator[OutsideRow]
Say = Callable[[str], None]

TEXTS: dict[FileFormat, Texts] = {
    "csv": "json",
    "parquet": "json",
    "json": "typed",
    "jsonl": "typed",
}
NO_TABLE = f"its name tells no log table; name one by --table: {', '.join(INGESTIBLE)}"


def rows_of(place: FilePlace, say: Say) -> Rows:
    """The rows of a file; `say` hears of what in it is left out.

    Raises BadInput where the file cannot be read, or its table is not known.
    """
    if place.format == "json":
        return _of_json(place, say)
    if place.table is None:
        raise BadInput(f"{place.name}: {NO_TABLE}")
    table = ingestible(place.table).name
    return {"csv": _of_csv, "jsonl": _of_json_lines, "parquet": _of_parquet}[place.format](
        place, table
    )


def _of_csv(place: FilePlace, table: str) -> Rows:
    with reading(place, **DECODING) as opened:
        found = records(lines(opened))
        header = next(found, None)
        if header is None:
            return
        if header.trouble:
            raise BadInput(f"its header cannot be read: {header.trouble}")
        names = _names(table, header.cells)
        for record in found:
            position = f"line {record.number}"
            if record.trouble:
                yield _unread(table, position, record.text, record.trouble)
            else:
                # an empty cell is no value
                pairs = zip(names, record.cells, strict=True)
                yield OutsideRow(table, position, {name: cell for name, cell in pairs if cell})


def _names(table: str, header: Sequence[str]) -> list[str]:
    """The columns; one without a name, as of a frame's index, is named by its number."""
    names = [name.strip() or f"column_{number}" for number, name in enumerate(header, 1)]
    _check_names(table, names)
    return names


def _check_names(table: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"column {shown(twice[0])} stands in it twice")
    if not any(knows(table, name) for name in names):
        some = ", ".join(ingestible(table).payload[:3])
        raise BadInput(f"none of its columns is one of {table} ({some}, …)")


def _of_json_lines(place: FilePlace, table: str) -> Rows:
    reader = JsonReader()
    with reading(place, **DECODING) as opened:
        for line in lines(opened):
            if line.text.strip():
                yield _of_line(reader, table, line)


def _of_line(reader: JsonReader, table: str, line: Line) -> OutsideRow:
    position = f"line {line.number}"
    text = line.text.strip()
    if not line.whole:
        return _unread(table, position, text, TOO_LONG)
    if not text.isascii() and any("\udc80" <= sign <= "\udcff" for sign in text):
        reason = Reason("text", "the line is not UTF-8")
        return OutsideRow(table, position, text, reason)
    try:
        value, end = reader.read(text)
    except ValueError as problem:
        return _unread(table, position, text, f"the line is no JSON: {problem}")
    if text[end:].strip():
        return _unread(table, position, text, "more follows the line's JSON")
    return _row(table, position, value, reader.trouble, text)


def _row(table: str, position: str, value: object, trouble: str | None, text: str) -> OutsideRow:
    if trouble:
        return _unread(table, position, text, trouble)
    if not isinstance(value, dict):
        return _unread(table, position, text, f"expected an object, got {shown(value)}")
    return OutsideRow(table, position, value)


def _of_json(place: FilePlace, say: Say) -> Rows:
    """A list of rows, or an object whose names are tables and whose values are such lists."""
    left_out: set[str] = set()
    tables = 0
    decoding = {"encoding": "utf-8-sig", "errors": "strict"}
    with reading(place, **decoding) as opened:
        for name, number, value, trouble in elements(opened):
            table = place.table if name is None else _table_named(name)
            if table is not None:
                tables += 1
                if value != [] or number:
                    yield _of_element(ingestible(table).name, name, number, value, trouble)
            elif name is not None:
                left_out.add(name)
            else:
                raise BadInput(NO_TABLE)
        if left_out and not tables:
            raise BadInput("expected a list of rows, or an object named by log tables")
    for name in sorted(left_out):
        say(f"{shown(name)} is left out: there is no log table of this name")


def _of_element(
    table: str, name: str | None, number: int, value: object, trouble: str | None
) -> OutsideRow:
    position = f"item {number}" if name is None else f"{table} item {number}"
    text = str(value) if trouble else "" if isinstance(value, dict) and number else _text(value)
    if not number:
        return _unread(table, position, text, "expected a list of rows")
    return _row(table, position, value, trouble, text)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _table_named(name: str) -> str | None:
    plain = name.strip().lower()
    return plain if plain in INGESTIBLE else None


def _of_parquet(place: FilePlace, table: str) -> Rows:
    with reading(place) as opened:
        for names, rows in parquet_rows(opened):
            _check_names(table, names)
            for number, row in rows:
                yield OutsideRow(table, f"row {number}", row)


def _unread(table: str, position: str, text: str, trouble: str) -> OutsideRow:
    return OutsideRow(table, position, text, Reason("shape", trouble))

"""CSV records out of lines: what is broken costs itself alone."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import file_lines
from tasks.file_lines import lines, records


def read(text):
    """Number, and the cells or what is wrong."""
    return [
        (record.number, record.trouble or record.cells)
        for record in records(lines(io.StringIO(text, newline="")))
    ]


def test_records_may_span_lines_and_hold_anything_in_quotes():
    """RFC 4180, with any line end; the number is that of the first line."""
    text = 'a,b\r\n"x\ny","say ""so"", please"\n\n,\r1,"\r\n"\n'
    assert read(text) == [
        (1, ["a", "b"]),
        (2, ["x\ny", 'say "so", please']),
        (5, ["", ""]),
        (6, ["1", "\r\n"]),
    ]


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("1", "the line has 1 cells, the header 2"),
        ("1,2,3", "the line has 3 cells, the header 2"),
        ('"1,2', "the line is no CSV: unexpected end of data"),
        ('"1"x,2', "the line is no CSV: ',' expected after '\"'"),
    ],
)
def test_a_broken_line_costs_itself_alone(line, trouble):
    """Also where its open quotation mark would swallow the lines behind it."""
    found = read(f'a,b\n{line}\n3,4\n5,"six"\n7,8\n')
    assert found[0] == (1, ["a", "b"])
    assert found[1][0] == 2
    assert isinstance(found[1][1], str)
    assert found[2:] == [(3, ["3", "4"]), (4, ["5", "six"]), (5, ["7", "8"])]
    assert read(f"a,b\n{line}\n")[1] == (2, trouble)


def test_a_line_without_end_is_kept_by_its_beginning(monkeypatch):
    """Memory stays small, and the lines around it are read."""
    monkeypatch.setattr(file_lines, "LONGEST", 100)
    monkeypatch.setattr(file_lines, "SHOWN", 10)
    text = f'a,b\n1,"2\n{"x" * 1000},y\n3,4\n'
    found = list(records(lines(io.StringIO(text, newline=""))))
    assert [record.number for record in found] == [1, 2, 3, 4]
    assert [bool(record.trouble) for record in found] == [False, True, True, False]
    assert (found[2].text, found[2].trouble) == ("x" * 10, file_lines.TOO_LONG)
    assert found[3].cells == ["3", "4"]


CELLS = st.text(alphabet='ab",\n\r \t\0é', max_size=6)


@settings(max_examples=300)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))))
def test_whatever_was_written_as_csv_is_read_again(rows):
    """Every cell, to the sign."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [cells for _, cells in read(written.getvalue())] == rows


@settings(max_examples=400)
@given(st.text(alphabet='a1",\n\r\0', max_size=60))
def test_every_line_of_any_text_is_a_record_or_a_broken_line(text):
    """No line is passed over but empty ones: the records together hold every other sign."""
    found = list(records(lines(io.StringIO(text, newline=""))))
    numbers = [record.number for record in found]
    assert numbers == sorted(set(numbers))
    told = sum(
        record.text.count("a") if record.trouble else "".join(record.cells).count("a")
        for record in found
    )
    assert told == text.count("a")

"""JSON from files: documents of any length, and nothing passed over in silence."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.errors import BadInput
from tasks import json_rows
from tasks.json_rows import JsonReader, elements


def met(text):
    return list(elements(io.StringIO(text)))


@pytest.fixture(params=[7, 1 << 20])
def window(request, monkeypatch):
    """How much is read at a time: a few signs, or all."""
    monkeypatch.setattr(json_rows, "BLOCK", request.param)


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", [(None, 0, [], None)]),
        (' [ {"a": 1} ,\n[2] , 33, "x" ] \n', [(None, 1, {"a": 1}, None), (None, 2, [2], None),
                                              (None, 3, 33, None), (None, 4, "x", None)]),
        ("{}", []),
        ('{"goals": [{"a": 1}], "x": [] , "y": {"z": 1}}', [("goals", 1, {"a": 1}, None),
                                                          ("x", 0, [], None),
                                                          ("y", 0, {"z": 1}, None)]),
    ],
)  # fmt: skip
def test_a_list_or_an_object_of_lists_is_streamed(text, expected):
    """Each value with the name of its list and its number."""
    assert met(text) == expected


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at character 1: expected a list of objects"),
        ("7", "at character 1: expected a list of objects"),
        ("[1, 2", "at character 6: expected ','"),
        ("[1 2]", "at character 4: expected ','"),
        ("[1, ]", "at character 5: nothing follows ','"),
        ("[1, 2] 3", "at character 8: more follows its end"),
        ('[{"a": }]', "at character 2: Expecting value"),
        ('[{"a": "never ending', "at character 2: Unterminated string"),
        ('{"a": [1], }', "at character 12: nothing follows ','"),
        ("{7: []}", "at character 3: expected a name"),
        ('{"a" []}', "at character 6: expected ':'"),
        ("[" + "[" * 100_000, "at character 2: it is nested too deeply"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(text, said):
    """What came before it has been told by then."""
    with pytest.raises(BadInput, match=said.replace("(", r"\(")):
        met(text)


def test_what_precedes_a_break_is_told_first():
    """So that it can land."""
    coming = elements(io.StringIO('[{"a": 1}, {"a": 2}, oops'))
    assert [next(coming)[2], next(coming)[2]] == [{"a": 1}, {"a": 2}]
    with pytest.raises(BadInput, match="at character 22"):
        next(coming)


def test_a_broken_value_is_not_sought_to_the_end_of_the_file(monkeypatch):
    """What is behind it cannot mend it: memory stays small."""
    monkeypatch.setattr(json_rows, "BLOCK", 1000)
    opened = io.StringIO('[{"a": oops}, ' + "1, " * 100_000)
    with pytest.raises(BadInput, match="Expecting value"):
        list(elements(opened))
    assert opened.tell() <= 2000


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ('{"a": 1, "a": 2}', "the name 'a' stands twice in one object"),
        ('{"x": [{"b": 1, "b": 2}]}', "the name 'b' stands twice in one object"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", "it is nested more than 100 levels deep"),
    ],
)
def test_what_python_would_lose_is_told(text, trouble):
    """With the text as it was, in place of a value that is not all of it."""
    reader = JsonReader()
    reader.read(text)
    assert reader.trouble == trouble
    assert met(f"[{text}]") == [(None, 1, text, trouble)]
    reader.read("{}")
    assert reader.trouble is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(1, 40), st.booleans())
def test_any_list_is_read_as_python_reads_it(values, block, indented):
    """However much of it is in the window at a time."""
    text = json.dumps(values, ensure_ascii=False, indent=2 if indented else None)
    before = json_rows.BLOCK
    json_rows.BLOCK = block
    try:
        assert [value for _, _, value, _ in met(text)] == values
    finally:
        json_rows.BLOCK = before


@settings(max_examples=300)
@given(st.text(alphabet='[]{},:"\\ 1a-e.tnu', max_size=30))
def test_any_text_is_read_as_python_reads_it_or_refused(text):
    """A document that is none of ours is refused in one line; none raises anything else."""
    try:
        found = [value for name, number, value, _ in met(text) if name is None and number]
    except BadInput:
        return
    expected = json.loads(text)
    if isinstance(expected, list):
        assert found == expected

"""What differs between two occurrences is masked; what says which error it is stays."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from grace.patterns.masking import codes, mask


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 17 is broken", "row 4,711 is broken"),
        ("no route to 10.0.0.1:80", "no route to 192.168.3.44:8080"),
        ("no route to fe80::1:2", "no route to 2001:db8:0:0:0:0:2:1"),
        ("no answer from db-3.prod.internal:5432", "no answer from cache.example.com"),
        ("cannot read /var/data/a.csv", "cannot read ~/other/b-7.parquet"),
        ("cannot read data/a.csv now", "cannot read other/deep/b-7.parquet now"),
        ("cannot read C:\\data\\a.csv", "cannot read D:\\x\\y\\b.csv"),
        ("at 2026-03-01T12:00:00Z", "at 2025-12-31 23:59:59.123+01:00"),
        ("at 12:00:01", "at 9:59:59,123"),
        ("run 0198f2b2-0000-7000-8000-000000000001", "run 1298f2b2-aaaa-7000-8000-00000000beef"),
        ("get http://a.example/x?y=1", "get https://b.example:8443/z"),
        ("mail to a@b.example bounced", "mail to c.d+e@f.example.com bounced"),
        ("request 8f3a9c01d2 failed", "request 00ffee12ab failed"),
        ("pod web-7d4b9c-x2f9z gone", "pod web-6c8d5f-q7w1p gone"),
        ("after 30s", "after 5.25s"),
        ("object at 0x7f3a", "object at 0xdeadbeef"),
        ("key 'a' is missing", 'key "some other" is missing'),
        ("keys ['a', 'b'] are missing", "keys ['c'] are missing"),
        ("got {'a': 1, 'b': 2}", "got {'c': 3}"),
        ("worker12 died", "worker3 died"),
        ("blk_-695229 is corrupt", "blk_388650 is corrupt"),
    ],
)
def test_two_occurrences_look_alike(one: str, other: str) -> None:
    assert mask(one) == mask(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP 503", "HTTP 404"),
        ("HTTP/1.1 503", "HTTP/1.1 404"),
        ("status code 500 from upstream", "status code 429 from upstream"),
        ("Client error '404 Not Found' for x", "Client error '429 Too Many Requests' for x"),
        ("500 Server Error: x", "502 Server Error: x"),
        ("returned non-zero exit status 1.", "returned non-zero exit status 2."),
        ("[Errno 13] x", "[Errno 28] x"),
        ("md5 differs", "sha256 differs"),
        ("connection reset", "connection refused"),
        ("'<' not supported here", "'>' not supported here"),
    ],
)
def test_two_errors_stay_apart(one: str, other: str) -> None:
    assert mask(one) != mask(other)


def test_codes_are_the_numbers_that_were_left() -> None:
    assert codes(mask("HTTP 503 after 3 tries, exit code -9")) == ("503", "9")
    assert codes(mask("row 3 of 7")) == ()


def test_apostrophes_are_no_quotes() -> None:
    assert mask("can't open the user's file") == "can't open the user's file"


PIECES = st.sampled_from(
    [
        "'",
        '"',
        "`",
        "<",
        ">",
        "/",
        "\\",
        ".",
        ":",
        "-",
        "+",
        "_",
        " ",
        "=",
        "~",
        "*",
        "@",
        ", ",
        "1",
        "23",
        "http",
        "HTTP 503",
        "status",
        "code",
        "://",
        "a",
        "bc",
        "ff",
        "0x",
        "x.com",
        "é",
        "٣",
        "404 Not Found",
        "2024-01-02",
        "12:30:45",
        "C:",
        "b'",
        "<NUM>",
        "e",
        "E5",
        "%",
        "::",
    ]
)


@effort(max_examples=1000)
@given(st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=80)))
def test_masking_twice_changes_nothing(message: str) -> None:
    assert mask(mask(message)) == mask(message)

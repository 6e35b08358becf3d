"""What differs between two occurrences is masked; what says which error it is stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.patterns.masking import mask


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 17 is broken", "row 4,711 is broken"),
        ("no route to 10.0.0.1:80", "no route to 192.168.3.44:8080"),
        ("cannot read /var/data/a.csv", "cannot read /srv/other/b.parquet"),
        ("at 2026-03-01T12:00:00Z", "at 2025-12-31 23:59:59.123+01:00"),
        ("run 0198f2b2-0000-7000-8000-000000000001", "run 1298f2b2-aaaa-7000-8000-00000000beef"),
        ("get http://a.example/x?y=1", "get https://b.example:8443/z"),
        ("request 8f3a9c01d2 failed", "request 00ffee12ab failed"),
        ("after 30s", "after 5s"),
    ],
)
def test_two_occurrences_look_alike(one: str, other: str) -> None:
    assert mask(one) == mask(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP 503", "HTTP 404"),
        ("status code 500 from upstream", "status code 429 from upstream"),
        ("errno: 13", "errno: 28"),
        ("md5 differs", "sha256 differs"),
        ("connection reset", "connection refused"),
    ],
)
def test_two_errors_stay_apart(one: str, other: str) -> None:
    assert mask(one) != mask(other)


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing(message: str) -> None:
    assert mask(mask(message)) == mask(message)

"""Text from outside reads in a page as it was, whatever is in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grace.markdown import plain

# the places in which a page puts such text
PLACES = ("{}", "- {}", "## {}", "**{}**: and {}", "| a | b |\n|---|---|\n| {} | 1 |")
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = st.text(alphabet=r"ab1 -+=.)*_`~[]()!#|\<>&;/:@$" + '"', min_size=1)
# a page holds no control characters, and a surrogate is no character
ANY = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)


def words(page: str) -> list[str]:
    """What a reader sees, a string for each paragraph, heading or cell."""
    return [
        "".join(part.content for part in token.children or ())
        for token in READER.parse(page)
        if token.type == "inline"
    ]


@pytest.mark.parametrize("place", PLACES)
@given(text=MARKUP | ANY)
def test_what_is_seen_is_what_was_given(place: str, text: str) -> None:
    """Angle brackets, underscores, bars, backslashes, and what would begin a list or a heading."""
    line = " ".join(text.split())
    shown = "\n".join(words(place.replace("{}", plain(text))))
    if line:
        assert line in shown
        assert shown == "\n".join(words(place.replace("{}", "X"))).replace("X", line)


@given(text=MARKUP | ANY)
def test_prefects_page_knows_every_entity_that_is_used(text: str) -> None:
    """It shows `&#95;` as these five characters, where it should show an underscore."""
    assert set(re.findall(r"&\w*;|&#\w*;", plain(text))) <= {"&amp;", "&lt;", "&gt;"}


@pytest.mark.parametrize(
    "address", ["http://a.example/b_c", "HTTPS://a.example", "www.a_b.example", "ann_b@c.example"]
)
def test_an_address_is_no_link(address: str) -> None:
    """A page shows a link's text without reading it, and would show its backslashes."""
    assert not re.search(r"(?i)https?://|www\.|\w@", plain(address))
    assert words(plain(address)) == [address]

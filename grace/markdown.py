"""Parts of a page of markdown; text from outside is shown as it is, and means nothing."""

import re
from collections.abc import Iterable

__all__ = ["facts", "plain"]

# Prefect's page knows these five entities and no other; what else means something gets a backslash
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKS = re.compile(r"[\\`*_\[\]#|~$@]")
_BEGINS_A_BLOCK = re.compile(r"^([-+](?=\s|$)|[-=](?=[-= ]*$)|\d+(?=[.)](?:\s|$)))")
# an address would become a link, in which a backslash is shown
_BEGINS_A_LINK = re.compile(r"(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)


def plain(text: str) -> str:
    """One line in which no character is markup, also within a table."""
    line = _MARKS.sub(r"\\\g<0>", " ".join(text.split()))
    line = _BEGINS_A_LINK.sub(r"\\\g<0>", line)
    line = _BEGINS_A_BLOCK.sub(_as_text, line)
    return line.translate(_ENTITIES)


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """A table of names and what they are, both as markdown; the first one stands as its head."""
    first, *rest = (f"| {name} | {value} |\n" for name, value in rows)
    return f"{first}|---|---|\n{''.join(rest)}"


def _as_text(begin: re.Match[str]) -> str:
    """The mark of a list, or a number before one: `\\-`, and `1\\.` of which the dot follows."""
    return f"{begin[0]}\\" if begin[0].isdigit() else f"\\{begin[0]}"

"""Text from outside in a page of markdown: it is shown as it is, and means nothing."""

__all__ = ["plain"]

_MEANS_SOMETHING = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&#124;",
        "`": "&#96;",
        "*": "&#42;",
        "_": "&#95;",
        "[": "&#91;",
        "]": "&#93;",
        "#": "&#35;",
        "\\": "&#92;",
        "$": "&#36;",
    }
)


def plain(text: str) -> str:
    """One line in which no character is markup, also within a table."""
    return " ".join(text.split()).translate(_MEANS_SOMETHING)

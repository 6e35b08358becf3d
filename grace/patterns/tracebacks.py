"""Python's tracebacks: where an exception came through, and the line that says what it was.

Frames are told by file and function. Line numbers move with every edit, and a library's frames with
every release of it, so those are left out wherever the program has frames of its own.
"""

import re

__all__ = ["innermost", "is_traceback", "last_exception"]

FRAMES = 8  # the innermost tell one place from another; recursion would make them endless

_HEAD = "Traceback (most recent call last):"
_FRAME = re.compile(r'^[ \t|]*File "(?P<file>[^"\n]*)", line \d+, in (?P<function>[^\n]+)', re.M)
_GROUP = re.compile(r"^\s*\+ Exception Group Traceback", re.M)
_MEMBERS = re.compile(r"^\s*\+-", re.M)
_BARS = re.compile(r"^ *[|+] ?", re.M)
_CHAINED = re.compile(
    r"^(?:The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:)\s*$",
    re.M,
)
_LIBRARY = re.compile(
    r"(?:site|dist)-packages[\\/]|[\\/](?:lib(?:64)?[\\/]python\d|Python\d+[\\/]Lib[\\/])|^<frozen "
)
_SEPARATOR = re.compile(r"[\\/]")
# Python 3.12 runs these within the function around them
_INLINED = {"<listcomp>", "<dictcomp>", "<setcomp>"}


def is_traceback(text: str) -> bool:
    return _HEAD in text


def innermost(text: str) -> tuple[str, ...]:
    """`file:function` of the last exception's frames, innermost last; none without a traceback."""
    if not is_traceback(text):
        return ()
    frames = [(frame["file"], frame["function"].strip()) for frame in _FRAME.finditer(_last(text))]
    own = [frame for frame in frames if not _LIBRARY.search(frame[0])]
    places: list[str] = []
    for file, function in own or frames:
        place = f"{_SEPARATOR.split(file)[-1]}:{function}"
        if function not in _INLINED and places[-1:] != [place]:
            places.append(place)
    return tuple(places[-FRAMES:])


def last_exception(text: str) -> str:
    """What stands after the frames: `Type: message`, from the first line that is not indented."""
    lines = _last(text).rpartition(_HEAD)[2].splitlines()
    begins = [number for number, line in enumerate(lines) if line.strip() and line[0] not in " \t"]
    return "\n".join(lines[begins[0] :]) if begins else ""


def _last(text: str) -> str:
    """The last of the chained exceptions; of a group the group itself, not its members."""
    if group := _GROUP.search(text):
        members = _MEMBERS.search(text, group.end())
        text = _BARS.sub("", text[: members.start()] if members else text)
    return _CHAINED.split(text)[-1]

"""The name of a pattern: issued once, from what the pattern was at that moment, and kept."""

import hashlib
import json

from grace.patterns.templates import Group, Words

__all__ = ["VERSION", "fingerprint"]

# Of masking, grouping and this form together. A change of theirs that would read a logged error
# differently is a new version: fingerprints of the old one stay in the log and match nothing.
VERSION = 1


def fingerprint(group: Group, issued: Words) -> str:
    """`p1-` and 12 hex digits of SHA-256 over kind, type, frames, codes and template as JSON."""
    kind = "line" if group.type is None else "exception"
    told = [kind, group.type, group.frames, group.codes, " ".join(issued)]
    text = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
    return f"p{VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

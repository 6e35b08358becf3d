"""What validation found, as the archive keeps it; who validates is for the caller to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grace.export.sealing import Sealed, Tell

__all__ = ["Validate", "Validated"]


@dataclass(frozen=True)
class Validated:
    """`result` is JSON, `failures` a line for each expectation that is not met."""

    result: dict[str, object]
    failures: Sequence[str]


# the sealed parts, the tables to look at, and the first ledger index that matters
Validate = Callable[[Sealed, Sequence[str], int, Tell], Validated]

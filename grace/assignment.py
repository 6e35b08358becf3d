"""Which arm of an experiment a unit belongs to: a hash, so that whoever asks is told the same.

    from grace import assign

    if assign("bigger-pages", flow_run_id) == "after": ...

The arm is *after* (the treatment) where the first 8 bytes of SHA-256 over the experiment's id, a
zero byte and the unit, both in UTF-8, read as a big-endian number, are below share * 2^64; else it
is *before* (the control). Nothing is read, written or remembered.

| experiment | unit | first 8 bytes | arm at a share of 0.5 |
|---|---|---|---|
| `bigger-pages` | `1` | `f926ad773c61793e` | before |
| `bigger-pages` | `0195f3a1-7c00-7000-8000-000000000001` | `63b004b1c2ab1f8a` | after |
| `größer` | `läuft` | `02ca75c0723787e8` | after |
"""

import hashlib
from typing import Literal
from uuid import UUID

__all__ = ["Arm", "assign"]

Arm = Literal["before", "after"]


def assign(experiment: str, unit: str | UUID, *, share: float = 0.5) -> Arm:
    """The arm of one unit, which is what will be analysed: a flow run, by its id.

    `share` of the units are *after*; it is the one that the experiment was begun with. Raises
    ValueError for an empty experiment or unit, and for a share that is not within 0 to 1.
    """
    name = "" if unit is None else str(unit)
    if not experiment or not name:
        raise ValueError("an experiment and its units have names")
    if not 0 < share < 1:
        raise ValueError("the share of an arm lies between 0 and 1")
    text = f"{experiment}\0{name}".encode(errors="surrogatepass")
    drawn = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    return "after" if drawn < share * 2**64 else "before"

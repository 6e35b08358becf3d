"""How far a long work has come, as whoever looks on is told it."""

from grace.export.sealing import Tell

__all__ = ["silent", "within"]


def within(tell: Tell, low: float, high: float) -> Tell:
    """For a step of a work that goes from the share `low` to `high` of it."""
    return lambda text, share: tell(text, low + (high - low) * share)


def silent(text: str, share: float) -> None:
    """For what nobody watches."""

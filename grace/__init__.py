"""Grace: closed-loop improvement of automated systems, approved by a person and proven."""

from grace.assignment import assign
from grace.permission import may

__all__ = ["assign", "may"]

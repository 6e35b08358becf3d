"""Grace: closed-loop improvement of automated systems, approved by a person and proven."""

from typing import TYPE_CHECKING, Any

from grace.assignment import assign
from grace.permission import may

if TYPE_CHECKING:
    from grace.cli.verbs import backup_crypto_chains, export_all, export_learning_only

__all__ = ["assign", "backup_crypto_chains", "export_all", "export_learning_only", "may"]

_VERBS = ("backup_crypto_chains", "export_all", "export_learning_only")


def __getattr__(name: str) -> Any:
    """The verbs of the command line, imported when first asked for: they stand on all the rest."""
    if name not in _VERBS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grace.cli import verbs

    return getattr(verbs, name)

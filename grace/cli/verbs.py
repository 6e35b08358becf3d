"""The verbs that Python code has too: `from grace import export_all`.

Each works on the log that the settings name, as the command of its name does.
"""

from datetime import UTC, datetime
from typing import Any

from grace.errors import BadInput
from grace.export.history import Finished
from grace.export.request import ExportRequest
from grace.export.sealing import Tell
from grace.settings import Settings

__all__ = ["asked", "backup_crypto_chains", "export_all", "export_learning_only", "exported"]


def export_all(to: str | None = None, **fields: Any) -> Finished:
    """Every log table into an archive; `fields` are those of ExportRequest, as `format="csv"`.

    `to` is a path or fsspec URL, by default a new file under the data folder. Raises CheckFailed
    where validation fails and BadInput where it cannot be done.
    """
    return exported(Settings(), _request("all", to, fields))


def export_learning_only(to: str | None = None, **fields: Any) -> Finished:
    """As `export_all`, of the tables that the engines learn from."""
    return exported(Settings(), _request("learning", to, fields))


def backup_crypto_chains(to: str | None = None, **fields: Any) -> Finished:
    """Leaf hashes, checkpoints and public key, without any row: what proves every other copy."""
    return exported(Settings(), _request("crypto-chains", to, fields))


def exported(settings: Settings, request: ExportRequest, tell: Tell | None = None) -> Finished:
    """Sign what is there, then export it."""
    from grace.notary.signer import sign
    from grace.store import open_store
    from tasks.exporting import export
    from tasks.validation import validate_sealed

    store, now = open_store(settings.url, create=False), datetime.now(UTC)
    try:
        sign(settings, store, now)
        return export(
            settings,
            store,
            request,
            now,
            validate=validate_sealed,
            tell=tell or (lambda text, share: None),
        )
    finally:
        store.engine.dispose()


def _request(scope: str, to: str | None, fields: dict[str, Any]) -> ExportRequest:
    return asked(scope=scope, to=to, **fields)


def asked(**fields: Any) -> ExportRequest:
    """BadInput where a field holds what it cannot."""
    from pydantic import ValidationError

    try:
        return ExportRequest(**fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise BadInput(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None

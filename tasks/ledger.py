"""Signing the log at the end of an engine's run, and auditing it."""

from datetime import UTC, datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.errors import LedgerBroken
from grace.markdown import facts
from grace.notary.signer import sign
from grace.notary.state import remember
from grace.notary.verify import Verification, verify
from grace.settings import Settings
from grace.store import open_store
from tasks.notices import notify

__all__ = ["audit_ledger", "sign_ledger"]


@task
def sign_ledger(settings: Settings) -> int:
    """Sign what the log holds now; its size."""
    return sign(settings, open_store(settings.url), datetime.now(UTC)).size


@task
def audit_ledger(settings: Settings, now: datetime) -> str:
    """What the check of the whole log came to, in one line.

    Raises LedgerBroken where it does not hold; somebody is told then.
    """
    found = verify(settings, open_store(settings.url, create=False))
    remember(settings, found, now)
    line = _line(found)
    create_markdown_artifact(
        _page(found, line, now), key=f"ledger-audit-{settings.log}", description=line
    )
    if not found.ok:
        notify(settings, "the ledger does not hold", line)
        raise LedgerBroken(line)
    return line


def _line(found: Verification) -> str:
    if found.ok:
        return f"the log holds: {found.size} rows, signed up to {found.signed_size}"
    where = "" if found.first_bad_index is None else f", first bad index {found.first_bad_index}"
    return f"the log does NOT hold: {found.kind}{where}: {found.reason}"


def _page(found: Verification, line: str, now: datetime) -> str:
    told = [
        ("at", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
        ("rows", f"{found.size:,}"),
        ("signed", f"{found.signed_size:,}"),
        ("root", f"`{found.root or '-'}`"),
    ]
    return f"## Ledger audit\n\n{line[:1].upper()}{line[1:]}.\n\n{facts(told)}"

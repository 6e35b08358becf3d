"""One export in a process of its own, to be killed."""

import sys
from datetime import UTC, datetime

from grace.export.request import ExportRequest
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from tasks.exporting import export
from tests.export.conftest import unlooked

if __name__ == "__main__":
    settings = Settings()
    store, now = open_store(settings.url), datetime.now(UTC)
    print("ready", flush=True)
    sign(settings, store, now)
    request = ExportRequest(to=sys.argv[1])
    export(settings, store, request, now, validate=unlooked, tell=lambda text, share: None)

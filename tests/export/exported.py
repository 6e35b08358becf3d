"""One export in a process of its own, to be killed from outside or at a step.

python -m tests.export.exported PLACE [STEP]
"""

import sys
from datetime import UTC, datetime

from grace.export.request import ExportRequest
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from tasks.exporting import export
from tests.export.conftest import unlooked
from tests.export.dying import dying_at

if __name__ == "__main__":
    settings = Settings()
    place, *step = sys.argv[1:]
    store, now = open_store(settings.url), datetime.now(UTC)
    print("ready", flush=True)
    sign(settings, store, now)
    request = ExportRequest(to=place)
    export(settings, store, request, now, validate=unlooked, tell=dying_at(*step))

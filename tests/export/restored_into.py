"""One restore in a process of its own, to be killed from outside or at a step.

python -m tests.export.restored_into ARCHIVE KEY URL [STEP]
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from grace.export.archive import opened
from grace.export.restoring import restore
from grace.ledger.note import VerifierKey
from grace.store import open_store
from tests.export.dying import dying_at

if __name__ == "__main__":
    archive, key, url, *step = sys.argv[1:]
    print("ready", flush=True)
    with opened(Path(archive)) as found:
        store = open_store(url)
        now = datetime.now(UTC)
        restore(found, store, VerifierKey.parse(key), now, tell=dying_at(*step))
    print("restored", flush=True)

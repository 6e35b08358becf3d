"""The store: log tables, the transaction that writes them, and readers of their newest rows.

Belongs here: SQL, types, migrations. Does not: what a row means, or who may write it.
"""

from grace.store.append import Landed, Writer
from grace.store.database import Store, open_store

__all__ = ["Landed", "Store", "Writer", "open_store"]

"""The triggers by which the database itself refuses to change or delete what was logged.

One exception: the payload and salt of a row become null when an `erasures` row names it.
"""

from collections.abc import Iterator

from grace.store.schema import LOGS, LogTable

__all__ = ["create_triggers", "drop_triggers"]

KINDS = ("no_update", "no_delete", "no_replace")


def _kept(log: LogTable) -> list[str]:
    return ["id", "revision", "recorded_at", "ledger_index", "source", *log.key]


def _erasure(log: LogTable) -> str:
    kept = _kept(log)
    gone = [name for name in log.payload if name not in kept] + ["salt"]
    rules = [f'NEW."{name}" IS OLD."{name}"' for name in kept]
    rules += [f'NEW."{name}" IS NULL' for name in gone]
    named = f"SELECT 1 FROM erasures WHERE table_name = '{log.name}' AND row_id = OLD.id"
    return f"EXISTS ({named}) AND " + " AND ".join(rules)


def _same(log: LogTable) -> str:
    """A row that INSERT OR REPLACE would put out of the way, and without firing a delete."""
    same_key = " AND ".join(f'"{name}" = NEW."{name}"' for name in (*log.key, "revision"))
    return f"id = NEW.id OR ledger_index = NEW.ledger_index OR ({same_key})"


def _sqlite(log: LogTable) -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{log.name} is append-only'); END"
    exception = "" if log.name == "erasures" else f"WHEN NOT ({_erasure(log)})"
    yield f"CREATE TRIGGER {log.name}_no_update BEFORE UPDATE ON {log.name} {exception} {refuse}"
    yield f"CREATE TRIGGER {log.name}_no_delete BEFORE DELETE ON {log.name} {refuse}"
    yield (
        f"CREATE TRIGGER {log.name}_no_replace BEFORE INSERT ON {log.name} "
        f"WHEN EXISTS (SELECT 1 FROM {log.name} WHERE {_same(log)}) {refuse}"
    )


def create_triggers() -> list[str]:
    """The SQL statements (SQLite) that make every log table append-only."""
    return [statement for log in LOGS.values() for statement in _sqlite(log)]


def drop_triggers() -> list[str]:
    """What a migration that rebuilds tables runs first, and an attacker too."""
    return [f"DROP TRIGGER IF EXISTS {name}_{kind}" for name in LOGS for kind in KINDS]

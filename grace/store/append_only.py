"""The triggers by which the database itself refuses to change or delete what was logged.

One exception: the payload and salt of a row become null when an `erasures` row names it.
"""

from collections.abc import Iterator

from grace.store.schema import LOGS, LogTable

__all__ = ["create_triggers", "drop_triggers"]

KINDS = ("no_update", "no_delete", "no_replace")
POSTGRESQL_KINDS = ("no_update", "no_delete", "no_truncate")


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


def _postgresql(log: LogTable) -> Iterator[str]:
    """Functions do the refusing; they name `erasures` by its schema, and nothing else.

    A table of a session's own (TEMP) would pass for it otherwise.
    """
    refuse = (
        "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
        f"MESSAGE = '{log.name} is append-only';"
    )
    check = refuse
    if log.name != "erasures":
        check = f"""
            EXECUTE 'SELECT count(*) FROM ' || quote_ident(TG_TABLE_SCHEMA)
                || '.erasures WHERE table_name = $1 AND row_id = $2'
                INTO named USING '{log.name}', OLD.id;
            IF named = 0 OR NOT ({_emptied(log)}) THEN {refuse} END IF; RETURN NEW;
        """
    for name, does in ((f"{log.name}_append_only", refuse), (f"{log.name}_erased_only", check)):
        yield (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path = pg_catalog, pg_temp AS $$ DECLARE named bigint; BEGIN {does} END $$"
        )
    for kind, event, level, does in (
        ("no_update", "UPDATE", "ROW", "erased_only"),
        ("no_delete", "DELETE", "ROW", "append_only"),
        ("no_truncate", "TRUNCATE", "STATEMENT", "append_only"),
    ):
        yield (
            f"CREATE TRIGGER {log.name}_{kind} BEFORE {event} ON {log.name} "
            f"FOR EACH {level} EXECUTE FUNCTION {log.name}_{does}()"
        )


def _emptied(log: LogTable) -> str:
    kept = _kept(log)
    gone = [name for name in log.payload if name not in kept] + ["salt"]
    rules = [f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in kept]
    return " AND ".join(rules + [f'NEW."{name}" IS NULL' for name in gone])


def create_triggers(dialect: str = "sqlite") -> list[str]:
    """The SQL statements that make every log table append-only."""
    statements = _postgresql if dialect == "postgresql" else _sqlite
    return [statement for log in LOGS.values() for statement in statements(log)]


def drop_triggers(dialect: str = "sqlite") -> list[str]:
    """What a migration that rebuilds tables runs first, and an attacker too."""
    if dialect == "postgresql":
        return [
            f"DROP TRIGGER IF EXISTS {name}_{kind} ON {name}"
            for name in LOGS
            for kind in POSTGRESQL_KINDS
        ]
    return [f"DROP TRIGGER IF EXISTS {name}_{kind}" for name in LOGS for kind in KINDS]

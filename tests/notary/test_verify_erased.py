"""A row whose payload and salt were erased keeps its place in every proof."""

import pytest

from grace.ledger.encoding import encode_row, row_digest
from grace.store import open_store
from grace.store.schema import LOGS
from tests.tampering import NOW, Log

INDEX = 8  # the first row of goals


def _erase(log: Log, digest: str | None = None) -> None:
    """Name the row in `erasures`, as governance will, and null it: the triggers let that pass."""
    table = LOGS["goals"]
    store = open_store(log.settings.url)
    with store.writing(NOW) as writer:
        columns = [table.table.c[name] for name in table.kinds]
        query = table.table.select().with_only_columns(*columns, table.table.c.salt)
        *row, salt = writer.connection.execute(
            query.where(table.table.c.ledger_index == INDEX)
        ).one()
        told = digest or row_digest(salt, encode_row(list(table.kinds.values()), row)).hex()
        named = {"erasure_id": "e1", "table_name": "goals", "row_id": row[0], "digest": told}
        writer.append("erasures", [named])
        gone = [name for name in table.payload if name not in ("goal_id", "source")]
        nulls = dict.fromkeys([*gone, "salt"])
        writer.connection.execute(
            table.table.update().where(table.table.c.ledger_index == INDEX).values(nulls)
        )
    store.engine.dispose()


def test_an_erased_row_keeps_verifying(signed: Log) -> None:
    """Its digest comes from the erasure, its leaf is the one that was signed."""
    _erase(signed)
    found = signed.verify()
    assert (found.ok, found.size) == (True, 65)
    signed.sign()
    assert signed.verify().signed_size == 65


def test_an_erasure_with_another_digest_is_found(signed: Log) -> None:
    """An erasure cannot put another row in the place of the one it names."""
    _erase(signed, digest="00" * 32)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("edited", INDEX)


@pytest.mark.parametrize("change", ["title = ''", "progress = 1.0", "revision = 2", "salt = x'00'"])
def test_what_an_erasure_leaves_is_still_checked(signed: Log, change: str) -> None:
    """A payload put back, or another identity, is an edit."""
    _erase(signed)
    with signed.attack() as connection:
        connection.execute(f"UPDATE goals SET {change} WHERE ledger_index = {INDEX}")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("edited", INDEX)


def test_key_and_source_of_an_erased_row_are_all_that_is_lost_to_proof(signed: Log) -> None:
    """Only the digest of them is left to compare with; docs/threat-model.md says so."""
    _erase(signed)
    with signed.attack() as connection:
        connection.execute(f"UPDATE goals SET goal_id = 'x' WHERE ledger_index = {INDEX}")
    assert signed.verify().ok

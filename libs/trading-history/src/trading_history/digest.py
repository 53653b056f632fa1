"""A hash of all rows that depend on the ledger alone: equal for two stores of one ledger, however they were built."""

from hashlib import blake2b
from pathlib import Path

from trading_history import schema


def digest(folder: Path, *, figures: bool = True) -> str:
    """The hash of the store in `folder`, as 32 hex digits, with its figures or without.

    Raises StoreMissing, StoreDamaged, StoreUnavailable.
    """
    with schema.DATABASE.reading(folder) as connection:
        total = blake2b(digest_size=16)
        connection.execute("BEGIN")
        tables = schema.DATA | schema.FIGURES if figures else schema.DATA
        for table, rows in tables.items():
            for row in connection.execute(rows):
                total.update(repr(row).encode())
            total.update(table.encode())
        return total.hexdigest()

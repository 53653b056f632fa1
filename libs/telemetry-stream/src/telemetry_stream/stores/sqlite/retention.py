"""Removes the oldest rows of a journal that does not keep everything."""

from typing import Any

import apsw

from telemetry_stream.stores.sqlite import labels
from telemetry_stream.topics import Retention

STEP_ROWS = 50
"""Rows removed in one transaction, so that commits wait for a few milliseconds at most."""

_OLDEST = "SELECT last, committed_at_ns, hash FROM batch ORDER BY first LIMIT ?"


def remove_oldest(connection: apsw.Connection, retention: Retention, now_ns: int) -> int:
    """Remove rows that are past a bound, STEP_ROWS at most; gives how many. Call it again while it gives STEP_ROWS.

    The last row always stays: the head and its hash are read from it. What the history was hashed to before the oldest
    row that is left stays too. `now_ns` is Unix time. Raises apsw.Error.
    """
    rows: list[tuple[Any, ...]] = connection.execute(_OLDEST, (STEP_ROWS + 1,)).fetchall()[:-1]
    too_old = now_ns - retention.max_age_seconds * 1_000_000_000
    count: int = sum(committed_at_ns < too_old for _, committed_at_ns, _ in rows)
    if not count and _used_bytes(connection) > retention.max_bytes:
        count = len(rows)
    if not count:
        return 0
    last, _, hash_then = rows[count - 1]
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM batch WHERE first <= ?", (last,))
    labels.forget(connection, last)
    connection.execute("UPDATE stream SET oldest = ?, hash_before = ?", (last + 1, hash_then))
    connection.execute("COMMIT")
    return count


def _used_bytes(connection: apsw.Connection) -> int:
    """Of the database's pages, without those that are free: they take the next rows."""
    pages = int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))
    return pages * int(connection.pragma("page_size"))

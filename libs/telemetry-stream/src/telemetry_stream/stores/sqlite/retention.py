"""Removes the oldest rows of a journal that does not keep everything."""

from typing import Any

import apsw

from telemetry_stream.stores.sqlite import labels
from telemetry_stream.topics import Retention

STEP_ROWS = 50
"""Maximum rows removed in one transaction, so that commits wait for a few milliseconds at most."""

_OLDEST = "SELECT last, committed_at_ns, hash FROM batch ORDER BY first LIMIT ?"


def remove_oldest(connection: apsw.Connection, retention: Retention, now_ns: int) -> int:
    """Remove at most STEP_ROWS rows beyond a limit; returns their number. Call it again while it returns STEP_ROWS.

    The last row always stays: the head and its hash are read from it. The hash before the oldest row that is left is
    kept too, so that this row can still be verified. `now_ns` is Unix time. Raises apsw.Error.
    """
    rows: list[tuple[Any, ...]] = connection.execute(_OLDEST, (STEP_ROWS + 1,)).fetchall()[:-1]
    too_old = now_ns - retention.max_age_seconds * 1_000_000_000
    count: int = sum(committed_at_ns < too_old for _, committed_at_ns, _ in rows)
    if not count and _used_bytes(connection) > retention.max_bytes:
        count = len(rows)  # a whole step: to measure after each row would take longer than to remove it
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
    """Bytes of the database's pages, without free pages: the file never shrinks, and the next rows use those."""
    pages = int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))
    return pages * int(connection.pragma("page_size"))

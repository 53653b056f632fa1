"""Keeps the answers to requests with a request key, by caller and key, for a day; deletes them in small steps."""

from collections.abc import Mapping

import apsw

from telemetry_stream.events import Receipt, RequestKey
from telemetry_stream.stores.sqlite.known_events import EarlierRequest

LIFE_SECONDS = 24 * 3600
"""A request that is repeated within this time gets its first answer again."""

STEP = 500
"""Maximum number of answers deleted in one step, which takes some milliseconds."""

# A row without a caller is from a journal of an earlier layout, or from an app without access control. Only the same
# body may match it, since whose it is can't be known.
_FIND = """
SELECT digest, first, last, events, caller FROM request_key
WHERE key = ?2 AND (caller = ?1 OR (caller = '' AND digest = ?3)) ORDER BY caller DESC LIMIT 1
"""
_FORGET = """
DELETE FROM request_key WHERE (caller, key) IN (
    SELECT caller, key FROM request_key WHERE committed_at_ns < ? ORDER BY committed_at_ns LIMIT ?
)
"""


def find(connection: apsw.Connection, asked: RequestKey) -> EarlierRequest | None:
    """The earlier request under this key: by this caller, or without a caller and with the same body."""
    row = connection.execute(_FIND, (asked.caller, asked.key, asked.digest)).fetchone()
    return EarlierRequest(row[0], Receipt(row[1], row[2], 0, row[3], repeated=True)) if row else None


def add(connection: apsw.Connection, requests: Mapping[tuple[str, str], EarlierRequest], committed_at_ns: int) -> None:
    """Add answers to requests. Deletes up to two expired ones for each, so that the table shrinks after a peak."""
    forget_old(connection, 2 * len(requests), committed_at_ns)
    connection.executemany(
        "INSERT INTO request_key VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (*whose, digest, receipt.first, receipt.last, receipt.duplicates, committed_at_ns)
            for whose, (digest, receipt) in requests.items()
        ],
    )


def forget_old(connection: apsw.Connection, maximum: int, now_ns: int) -> None:
    """Delete answers older than LIFE_SECONDS, the oldest first. Writes nothing if there are none."""
    limit_ns = now_ns - LIFE_SECONDS * 10**9
    oldest = connection.execute("SELECT min(committed_at_ns) FROM request_key").get
    if oldest is not None and oldest < limit_ns:
        connection.execute(_FORGET, (limit_ns, maximum))

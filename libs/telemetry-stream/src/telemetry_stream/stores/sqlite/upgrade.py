"""Brings a journal of an earlier layout to the present one, in one transaction: it has either layout, whole."""

import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

import apsw
import structlog

from telemetry_stream.chain import NO_HASH, extend
from telemetry_stream.errors import KeysMissing
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES, digest_keys
from telemetry_stream.stores.sqlite.tables import BATCH, LABELLED, LAYOUT, ORIGIN, REQUEST_KEY, STREAM, checksum

log = structlog.get_logger(__name__)

PART_BYTES = 512 * 1024
"""Of rows that are moved at a time: their pages are free for the next ones, so the file does not grow."""

ROW_BYTES = 4 * 1024
"""A row counts for this many more: one statement inserts a part, which has no more than 129 rows then."""

REPORT_SECONDS = 5.0
"""Between two lines of the log that say how far it is."""

SPARE_BYTES = 64 * 1024 * 1024

# Layout 1 had a row for each event's key, in a table ordered by key.
_FROM_1 = """
CREATE TABLE key_of (sequence INTEGER PRIMARY KEY, key TEXT NOT NULL) STRICT;
INSERT INTO key_of SELECT sequence, key FROM event_key;
DROP TABLE event_key;
ALTER TABLE stream ADD COLUMN key_seed INTEGER NOT NULL DEFAULT 0;
UPDATE stream SET key_seed = :key_seed;
ALTER TABLE batch RENAME TO batch_1;
CREATE TABLE batch (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first),
    committed_at_ns INTEGER NOT NULL,
    keys BLOB NOT NULL,
    events BLOB NOT NULL
) STRICT;
INSERT INTO batch SELECT first, last, committed_at_ns,
    (SELECT digests(key, :key_seed) FROM (
        SELECT key FROM key_of WHERE sequence BETWEEN first AND last ORDER BY sequence
    )),
    events FROM batch_1;
DROP TABLE batch_1;
DROP TABLE key_of;
"""

_MISSING_KEYS = "SELECT 1 FROM batch WHERE length(keys) <> (last - first + 1) * ? LIMIT 1"

# Layouts 2 and 3 had no hashes, and keys of requests that belonged to nobody. The ledger has had one history so far.
_FROM_3 = f"""
ALTER TABLE stream RENAME TO stream_3;
ALTER TABLE batch RENAME TO batch_3;
ALTER TABLE request_key RENAME TO request_key_3;
{STREAM}{BATCH}{REQUEST_KEY}
INSERT INTO stream SELECT id, id, created_at_ns, key_seed, 1, :no_hash, 1 FROM stream_3;
INSERT INTO request_key SELECT '', key, digest, first, last, events, ifnull(
    (SELECT committed_at_ns FROM batch_3 WHERE batch_3.first <= request_key_3.last ORDER BY batch_3.first DESC LIMIT 1),
    :now
) FROM request_key_3;
DROP TABLE stream_3;
DROP TABLE request_key_3;
"""
_OLD_ROWS = "SELECT first, last, committed_at_ns, keys, events FROM batch_3 WHERE first > ? ORDER BY first"


def upgrade(connection: apsw.Connection, layout: int) -> None:
    """From this layout to the present one. Raises KeysMissing, apsw.Error, OSError, and leaves the journal as it was.

    The write-ahead log grows by the size of the journal meanwhile; the journal itself doesn't.
    """
    file = Path(connection.filename)
    require_room(file, copies={1: 3, 2: 1, 3: 1}.get(layout, 0), purpose=f"the upgrade to layout {LAYOUT}")
    log.info("upgrading the journal; trades are taken once that is done", file=str(file), layout=layout, to=LAYOUT)
    with connection:
        if layout == 1:
            _make_digests(connection)
        if layout < 4:
            _chain_rows(connection)
        else:
            connection.execute("ALTER TABLE stream ADD COLUMN key_rule INTEGER NOT NULL DEFAULT 1")
        connection.execute(LABELLED + ORIGIN)  # empty: before this layout no event had a label, or a known origin
        connection.pragma("user_version", LAYOUT)
    with suppress(apsw.BusyError):  # somebody reads the journal; a later checkpoint does it
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
    log.info("journal upgraded", file=str(file), layout=LAYOUT)


def require_room(file: Path, copies: int, purpose: str) -> None:
    """Raises OSError where the disk has not the room: an upgrade that fails half-way is only slower to say so."""
    needed = copies * file.stat().st_size + SPARE_BYTES
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise OSError(
            f"{purpose} needs {needed // 2**20} MiB of free space beside {file}, and there are "
            f"{free // 2**20} MiB. Make room and start again; the journal was not changed"
        )


def _make_digests(connection: apsw.Connection) -> None:
    connection.create_aggregate_function("digests", _Digests)
    connection.execute(_FROM_1, {"key_seed": secrets.randbits(62)})
    if connection.execute(_MISSING_KEYS, (DIGEST_BYTES,)).get:
        raise KeysMissing("the journal does not have the key of each event: put a backup back")


def _chain_rows(connection: apsw.Connection) -> None:
    connection.execute(_FROM_3, {"no_hash": NO_HASH, "now": time.time_ns()})
    chain, head = _Chain(), connection.execute("SELECT max(last) FROM batch_3").get or 0
    report_at = time.monotonic() + REPORT_SECONDS
    while values := chain.next_rows(connection):
        rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * (len(values) // 7))
        connection.execute(f"INSERT INTO batch VALUES {rows}", values)
        connection.execute("DELETE FROM batch_3 WHERE first <= ?", (chain.moved,))
        if time.monotonic() >= report_at:
            report_at += REPORT_SECONDS
            log.info("upgrading the journal", percent=100 * chain.moved // head)
    connection.execute("DROP TABLE batch_3")


class _Chain:
    """Gives the rows their hashes and checksums, in order. Plain Python: SQL functions of ours take longer a row."""

    def __init__(self) -> None:
        self.moved = 0
        """The first sequence of the row that was given last."""

        self._hash = NO_HASH
        self._time = 0

    def next_rows(self, connection: apsw.Connection) -> list[int | bytes]:
        """The values of the rows that follow, one after the other; empty at the end."""
        values, size = list[int | bytes](), 0
        digest, time_ns = self._hash, self._time  # in locals: every row counts
        cursor = connection.execute(_OLD_ROWS, (self.moved,))
        for first, last, committed_at_ns, keys, events in cursor:
            if committed_at_ns > time_ns:  # where the clock went back, the time is that of the row before
                time_ns = committed_at_ns
            digest = extend(digest, unpack(events))
            values += (first, last, time_ns, digest, checksum(time_ns, keys), keys, events)
            size += len(events) + ROW_BYTES
            if size > PART_BYTES:
                break
        cursor.close()
        if values:
            self.moved, self._hash, self._time = first, digest, time_ns
        return values


class _Digests:
    """An SQL aggregate: the digests of keys, in the order they come."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._seed = 0

    def step(self, *values: "apsw.SQLiteValue") -> None:
        """Take the key of one more row."""
        key, seed = values
        assert isinstance(key, str)
        assert isinstance(seed, int)
        self._keys.append(key)
        self._seed = seed

    def final(self) -> bytes:
        """The digests of all keys."""
        return b"".join(digest_keys(self._keys, self._seed))

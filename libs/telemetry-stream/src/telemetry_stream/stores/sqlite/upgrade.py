"""Brings a journal of an earlier layout to the present one, in one transaction: it has either layout, whole."""

import secrets

import apsw

from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES, KeysMissing, digest_keys

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


_LACKING = "SELECT 1 FROM batch WHERE length(keys) <> (last - first + 1) * ? LIMIT 1"


def upgrade(connection: apsw.Connection, layout: int) -> None:
    """From this layout to 3. Raises KeysMissing, apsw.Error, and leaves the journal as it was."""
    with connection:
        if layout == 1:
            _make_digests(connection)
        # What is compressed from layout 3 on tells itself, so what is there stays as it is.
        connection.pragma("user_version", 3)


def _make_digests(connection: apsw.Connection) -> None:
    connection.create_aggregate_function("digests", _Digests)
    connection.execute(_FROM_1, {"key_seed": secrets.randbits(62)})
    if connection.execute(_LACKING, (DIGEST_BYTES,)).get:
        raise KeysMissing("the journal does not have the key of each event: put a backup back")


class _Digests:
    """An SQL aggregate: the digests of keys, in the order they come."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._seed = 0

    def step(self, *values: "apsw.SQLiteValue") -> None:
        """One more key."""
        key, seed = values
        assert isinstance(key, str)
        assert isinstance(seed, int)
        self._keys.append(key)
        self._seed = seed

    def final(self) -> bytes:
        """All of them."""
        return b"".join(digest_keys(self._keys, self._seed))

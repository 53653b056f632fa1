"""The journal's tables as SQL, in the present layout.

A row of `batch` holds the events of one batch, as committed and as published: a row for each event would take longer
than everything else an event needs. Sequences run from 1, without holes. `hash` is the history's hash at the end of the
row (see `telemetry_stream.chain`); `checksum` covers what the hash does not: the commit time and the digests of the
events' keys. Small columns stand before large ones, so that a row's head can be read without its events. `events` may
be compressed (see `compression`), `keys` are the digests of the events' keys, `key_seed` is their seed (see
`key_index`), `key_rule` the version of the rule by which the keys were made (see `telemetry_stream.topics`).

`stream.id` names one history, `stream.ledger` survives a restore, which begins another history. A journal that removes
old rows keeps the sequence of its oldest event in `oldest`, and the hash of the row before it in `hash_before`.

A row of `request_key` is the answer to a request with a request key, which belongs to its `caller`.

A row of `origin` says who submitted the events from `first` on and by which way, up to the next row's.

A row of `labelled` is the label of an event that has one: the few events that have to be found among millions.
"""

import struct

import xxhash

LAYOUT = 5

HASHED = 4
"""The first layout whose rows have a hash and a checksum."""

LISTED = 5
"""The first layout that lists labelled events, and keeps origins and the rule of its keys."""

# STRICT: SQLite would otherwise store any type in any column, and a damaged or foreign journal would be noticed late.
STREAM = """
CREATE TABLE stream (
    id TEXT NOT NULL,
    ledger TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL,
    key_seed INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    hash_before BLOB NOT NULL,
    key_rule INTEGER NOT NULL
) STRICT;
"""

BATCH = """
CREATE TABLE batch (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first),
    committed_at_ns INTEGER NOT NULL,
    hash BLOB NOT NULL,
    checksum BLOB NOT NULL,
    keys BLOB NOT NULL,
    events BLOB NOT NULL
) STRICT;
"""

# WITHOUT ROWID: the rows lie in the primary key's tree, so that a look-up reads one tree and not two.
REQUEST_KEY = """
CREATE TABLE request_key (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    events INTEGER NOT NULL,
    committed_at_ns INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_key_by_time ON request_key (committed_at_ns);
"""

LABELLED = """
CREATE TABLE labelled (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    target INTEGER NOT NULL
) STRICT;
CREATE INDEX labelled_by_kind ON labelled (kind, sequence);
CREATE INDEX labelled_by_id ON labelled (id, kind);
CREATE INDEX labelled_by_target ON labelled (target, sequence) WHERE target > 0;
"""

ORIGIN = """
CREATE TABLE origin (
    first INTEGER PRIMARY KEY,
    caller TEXT NOT NULL,
    way TEXT NOT NULL
) STRICT;
"""

_pack_time = struct.Struct(">q").pack


def checksum(committed_at_ns: int, keys: bytes) -> bytes:
    """The checksum of a row: XXH3-64 over the commit time (8 bytes, big-endian), then the digests of its keys."""
    return xxhash.xxh3_64_digest(_pack_time(committed_at_ns) + keys)

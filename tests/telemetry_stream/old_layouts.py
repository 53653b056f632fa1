"""Journals as earlier versions made them, from one of the present version."""

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE

TO_3 = """
ALTER TABLE stream RENAME TO stream_4;
ALTER TABLE batch RENAME TO batch_4;
ALTER TABLE request_key RENAME TO request_key_4;
CREATE TABLE stream (id TEXT NOT NULL, created_at_ns INTEGER NOT NULL, key_seed INTEGER NOT NULL) STRICT;
CREATE TABLE batch (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first),
    committed_at_ns INTEGER NOT NULL,
    keys BLOB NOT NULL,
    events BLOB NOT NULL
) STRICT;
CREATE TABLE request_key (
    key TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO stream SELECT id, created_at_ns, key_seed FROM stream_4;
INSERT INTO batch SELECT first, last, committed_at_ns, keys, events FROM batch_4;
INSERT INTO request_key SELECT key, digest, first, last, events FROM request_key_4;
DROP TABLE stream_4;
DROP TABLE batch_4;
DROP TABLE request_key_4;
PRAGMA user_version = 3;
"""


TO_4 = """
DROP TABLE labelled;
DROP TABLE origin;
ALTER TABLE stream DROP COLUMN key_rule;
PRAGMA user_version = 4;
"""


def take_back(folder: Path, layout: int) -> None:
    """Give the journal in a folder, which nobody has open, layout 4, 3, or 2, which compressed nothing."""
    with closing(apsw.Connection(str(folder / JOURNAL_FILE))) as connection:
        connection.execute(TO_4)
        if layout == 4:
            return
        connection.execute(TO_3)
        if layout == 2:
            stored: list[tuple[Any, ...]] = connection.execute("SELECT first, events FROM batch").fetchall()
            for first, events in stored:
                connection.execute("UPDATE batch SET events = ? WHERE first = ?", (unpack(events), first))
            connection.pragma("user_version", 2)

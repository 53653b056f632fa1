"""Makes the digests of a journal's keys again, by a later rule of its topic, in one transaction."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import structlog

from telemetry_stream.errors import ForeignJournal
from telemetry_stream.events import Batch
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES, digest_keys
from telemetry_stream.stores.sqlite.tables import checksum
from telemetry_stream.stores.sqlite.upgrade import REPORT_SECONDS, require_room
from telemetry_stream.topics import KeyOf, KeyRules
from telemetry_stream.wire import split

log = structlog.get_logger(__name__)

ROWS = 64
"""Rows read at a time: 64,000 events at most."""

_NEXT_ROWS = """
SELECT first, last, committed_at_ns, checksum, keys, events FROM batch WHERE first > ? ORDER BY first LIMIT ?
"""


def apply_rules(connection: apsw.Connection, rules: KeyRules) -> None:
    """Bring the journal's keys to the last of the rules; nothing is done if they are, or if there are no rules.

    The digests of a row that is damaged stay as they are, so that a check still finds it; a log line names the row.
    The tables of the key index notice the change by themselves, and are built again. The write-ahead log grows by the
    size of the journal meanwhile. Raises ForeignJournal if the keys were made by a rule that is not known here, and
    apsw.Error, OSError; the journal is then as it was.
    """
    made_by: int = connection.execute("SELECT key_rule FROM stream").get
    if not rules or made_by == len(rules):
        return
    file = Path(connection.filename)
    if made_by > len(rules):
        raise ForeignJournal(f"the keys of {file} were made by a later version ({made_by}, this one has {len(rules)})")
    require_room(file, copies=1, purpose="recognising repeats by a new rule")
    log.info("making the keys of the journal again; trades are accepted after that", file=str(file))
    seed: int = connection.execute("SELECT key_seed FROM stream").get
    head, report_at = connection.execute("SELECT max(last) FROM batch").get or 0, time.monotonic() + REPORT_SECONDS
    with connection:
        after: int = connection.execute("SELECT oldest - 1 FROM stream").get
        while rows := connection.execute(_NEXT_ROWS, (after, ROWS)).fetchall():
            connection.executemany(
                "UPDATE batch SET keys = ?, checksum = ? WHERE first = ?", _made_again(rows, rules[-1], seed)
            )
            after = rows[-1][0]  # type: ignore[assignment]  # as the table says
            if time.monotonic() >= report_at:
                report_at += REPORT_SECONDS
                log.info("making the keys of the journal again", percent=100 * after // head)
        connection.execute("UPDATE stream SET key_rule = ?", (len(rules),))
    with suppress(apsw.BusyError):  # somebody reads the journal; a later checkpoint does it
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
    log.info("keys of the journal made again", file=str(file))


def _made_again(rows: Sequence[Any], key_of: KeyOf, seed: int) -> Iterator[tuple[bytes, bytes, int]]:
    """The digests and the checksum of each row whose digests change, with the row's first sequence."""
    for first, last, committed_at_ns, check, keys, stored in rows:
        try:
            events = split(Batch("", first, last, unpack(stored)))
            if checksum(committed_at_ns, keys) != check or len(events) != last - first + 1:
                raise ValueError("its digests or its events are not those that were committed")
            made = [key_of(event) for event in events]
        except (apsw.CorruptError, ValueError) as error:
            log.error(
                "a damaged row keeps its old keys; repeats of its trades may not be recognised",
                first=first,
                last=last,
                reason=str(error),
                check="trading-app doctor",
            )
            continue
        digests = digest_keys([key or "" for key in made], seed)
        fresh = b"".join(
            digest if key is not None else keys[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            for at, (key, digest) in enumerate(zip(made, digests, strict=True))
        )
        yield fresh, checksum(committed_at_ns, fresh), first

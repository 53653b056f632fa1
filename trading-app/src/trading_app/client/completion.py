"""Completes the trades of a file with defaults, and with a `trade_id` if it is missing. Digits stay as written.

The id is made from the content of the line, in any format and order of fields, and from the number of equal lines
before it. So two equal fills are two trades, and the same file, a grown file, or another file with some of the same
lines gives those lines the same ids again. The defaults are not part of the id: a file sent again with another strategy
is a conflict that the app refuses, not a second set of trades.
"""

import sqlite3
from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from trading_app.client.records import Record

_Fields = dict[str, msgspec.Raw]
_fields_of = msgspec.json.Decoder(_Fields).decode


class Completion:
    """Completes the trades of one file, in order; a context manager.

    `defaults` fill in missing fields. `source` distinguishes files with equal lines that are different trades: each
    source makes different ids.
    """

    def __init__(self, defaults: Mapping[str, str], source: str = "") -> None:
        self._defaults = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in defaults.items()}
        self._source = source.encode() + b"\0"
        self._occurrences = _Occurrences()

    def __enter__(self) -> "Completion":
        return self

    def __exit__(self, *exception: object) -> None:
        self._occurrences.close()

    def complete(self, record: Record) -> bytes:
        """The trade as one line of JSON, unchanged if nothing is missing. Raises ValueError if it is not an object."""
        fields = parse(record)
        missing = {name: value for name, value in self._defaults.items() if _is_absent(fields, name)}
        if _is_absent(fields, "trade_id"):
            missing["trade_id"] = msgspec.Raw(msgspec.json.encode(self._made_id(fields)))
        return msgspec.json.encode(fields | missing) if missing else record.body

    def _made_id(self, fields: _Fields) -> str:
        digest = blake2b(self._source + content(fields), digest_size=16).digest()
        occurrence = self._occurrences.count(digest)
        return f"file-{digest.hex()}" if occurrence == 1 else f"file-{digest.hex()}-{occurrence}"


def parse(record: Record) -> _Fields:
    """The fields as written. Raises ValueError, which names the line, if it is not a JSON object."""
    try:
        return _fields_of(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{record.place} is not a JSON object: {error}") from None


def content(fields: Mapping[str, msgspec.Raw]) -> bytes:
    """The content of a trade, independent of its spelling: sorted fields, `"0.10"` as 0.10, no nulls."""
    return msgspec.json.encode(sorted((name, _text(fields[name])) for name in fields if not _is_absent(fields, name)))


def _text(value: msgspec.Raw) -> str:
    written = bytes(value)
    return msgspec.json.decode(written, type=str) if written[:1] == b'"' else written.decode()


def _is_absent(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    return name not in fields or bytes(fields[name]) == b"null"


class _Occurrences:
    """Counts equal lines exactly and in bounded memory: SQLite moves the table to a temporary file as it grows."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA cache_size = -32000")  # KiB
        self._database.execute("CREATE TABLE met (line INTEGER PRIMARY KEY, times INTEGER)")
        self._database.execute("BEGIN")

    def count(self, digest: bytes) -> int:
        """Count one more occurrence. Returns how many there are now, from 1."""
        # 64 bits are enough: lines that collide only get higher numbers than needed, and the same ones each time.
        key = int.from_bytes(digest[:8], "big", signed=True)
        command = "INSERT INTO met VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"
        (times,) = self._database.execute(command, (key,)).fetchone()
        return int(times)

    def close(self) -> None:
        """Close the table."""
        self._database.close()

"""The state and the position it stands for, saved together: the old snapshot is there until the new one is complete.

A file is one line, `trading-telemetry-snapshot VERSION CHECKSUM`, and a JSON object with decimals as strings. The
checksum is of all that follows the line. Whatever is wrong with a file, it is not used; the state is rebuilt from the
journal: all that a snapshot saves is time.
"""

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from telemetry_stream.events import StreamPosition
from trading_model.accounting.state import StateSnapshot

VERSION = 1
FILE_NAME = "sidecar-snapshot.json"
SLICE = 256
"""So many positions or symbols are encoded between two chances for others to run: a fraction of a millisecond."""

_MAGIC = b"trading-telemetry-snapshot"
_encode = msgspec.json.Encoder().encode


class UnusableSnapshot(Exception):
    """A file that is not a complete snapshot of this version; the message says what is wrong with it."""


class Snapshot(msgspec.Struct, frozen=True):
    """What is known, and how far the stream was followed for it."""

    position: StreamPosition
    moment: StateSnapshot


_decode = msgspec.json.Decoder(Snapshot).decode


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """The JSON of a snapshot, in pieces."""
    moment = snapshot.moment
    frame = _encode(Snapshot(snapshot.position, msgspec.structs.replace(moment, positions=[], last={})))
    before, after = frame.split(b'"positions":[],"last":{}')
    yield before + b'"positions":['
    for start in range(0, len(moment.positions), SLICE):
        yield (b"," if start else b"") + _encode(moment.positions[start : start + SLICE])[1:-1]
    yield b'],"last":{'
    symbols = list(moment.last.items())
    for start in range(0, len(symbols), SLICE):
        yield (b"," if start else b"") + _encode(dict(symbols[start : start + SLICE]))[1:-1]
    yield b"}" + after


def decode(content: bytes) -> Snapshot:
    """The snapshot that a file holds. Raises UnusableSnapshot."""
    line, newline, body = content.partition(b"\n")
    words = line.split(b" ")
    if not newline or len(words) != 3 or words[0] != _MAGIC:
        raise UnusableSnapshot("it does not begin as a snapshot does")
    if words[1] != b"%d" % VERSION:
        raise UnusableSnapshot(f"it is of version {words[1].decode(errors='replace')}, not {VERSION}")
    if words[2] != _checksum([body]):
        raise UnusableSnapshot("it is torn or was changed: its checksum does not fit")
    return decode_body(body)


def decode_body(body: bytes) -> Snapshot:
    """The snapshot that this JSON is. Raises UnusableSnapshot."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise UnusableSnapshot(f"it does not hold what a snapshot holds: {error}") from None


class SnapshotFile:
    """The snapshot in a folder. One process uses it, one save at a time.

    `bytes` is the size of what was loaded or saved last, `refused` counts the loads that failed.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder can't be made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.bytes = self.refused = 0
        self.path = folder / FILE_NAME
        self._fresh = folder / f"{FILE_NAME}.new"

    def load(self) -> Snapshot | None:
        """The snapshot, None if there is no file. Raises UnusableSnapshot, OSError."""
        try:
            content = self.path.read_bytes()
            self.bytes = len(content)
            return decode(content)
        except FileNotFoundError:
            return None
        except (UnusableSnapshot, OSError):
            self.refused += 1
            raise

    def save(self, pieces: list[bytes]) -> None:
        """Put an encoded snapshot in place of the last one. Returns when it is on disk; raises OSError.

        Whenever this stops, killed or failed, the folder holds the last snapshot or the new one.
        """
        with self._fresh.open("wb") as file:
            file.write(b"%b %d %b\n" % (_MAGIC, VERSION, _checksum(pieces)))
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            self.bytes = file.tell()
        self._fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _checksum(pieces: list[bytes]) -> bytes:
    digest = blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode()

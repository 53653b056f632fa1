"""The state and its position, saved together as one JSON object, decimals as strings.

A file with any error is not used; the state is rebuilt from the journal. A snapshot saves time, nothing else.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from telemetry_stream.errors import UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.projection import StateFile
from trading_model.accounting.snapshots import StateSnapshot

VERSION = 2
FILE_NAME = "sidecar-snapshot.json"
SLICE = 256
"""Positions encoded between two yields: a fraction of a millisecond."""

MAGIC = b"trading-telemetry-snapshot"
_encode = msgspec.json.Encoder().encode


class Snapshot(msgspec.Struct, frozen=True):
    """The state (`moment`), and the position in the stream up to which it includes all events."""

    position: StreamPosition
    moment: StateSnapshot


_decode = msgspec.json.Decoder(Snapshot).decode


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """The JSON of a snapshot, in pieces, so that other tasks can run while many positions are encoded."""
    moment = snapshot.moment
    lists: dict[str, Sequence[object]] = {
        "positions": moment.positions,
        "totals": moment.totals,
        "lines": moment.lines,
        "kept": moment.kept,
    }
    frame = _encode(Snapshot(snapshot.position, msgspec.structs.replace(moment, **{name: [] for name in lists})))
    for name, items in lists.items():
        before, frame = frame.split(b'"%b":[]' % name.encode(), 1)
        yield before + b'"%b":[' % name.encode()
        for start in range(0, len(items), SLICE):
            yield (b"," if start else b"") + _encode(items[start : start + SLICE])[1:-1]
        yield b"]"
    yield frame


def decode_body(body: bytes) -> Snapshot:
    """Decode the JSON of a snapshot. Raises UnusableState."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise UnusableState(f"it is not a snapshot of this version: {error}") from None


class SnapshotFile(StateFile[Snapshot]):
    """The snapshot file in a folder. For one process, and one save at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder can't be made."""
        super().__init__(folder / FILE_NAME, MAGIC, VERSION, decode_body)

"""The state and the position it stands for, saved together as one JSON object, decimals as strings.

Whatever is wrong with a file, it is not used; the state is rebuilt from the journal. All that a snapshot saves is time.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from telemetry_stream.errors import UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.projection import StateFile
from trading_model.accounting.state import StateSnapshot

VERSION = 1
FILE_NAME = "sidecar-snapshot.json"
SLICE = 256
"""So many positions or symbols are encoded between two chances for others to run: a fraction of a millisecond."""

MAGIC = b"trading-telemetry-snapshot"
_encode = msgspec.json.Encoder().encode


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


def decode_body(body: bytes) -> Snapshot:
    """The snapshot that this JSON is. Raises UnusableState."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise UnusableState(f"it does not hold what a snapshot holds: {error}") from None


class SnapshotFile(StateFile[Snapshot]):
    """The snapshot in a folder. One process uses it, one save at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder can't be made."""
        super().__init__(folder / FILE_NAME, MAGIC, VERSION, decode_body)

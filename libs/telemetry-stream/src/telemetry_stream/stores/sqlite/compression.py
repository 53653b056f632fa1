"""A batch's events as they are stored: compressed, where that makes them shorter by enough.

Events of a batch are much alike, and shrink to a tenth: a tenth is written, synced and copied at checkpoints. Stored
bytes show which they are: events begin with a brace, a Zstandard frame (RFC 8878) does not. A frame
has a checksum: what a disk alters is found when it is read.
"""

import sys

import apsw

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES = 2_048
"""Shorter events stay as they are: they lie in one page either way, and to read a frame takes 15 µs, however short."""

MAX_BYTES = 64 * 1024 * 1024
"""Longer events stay as they are, too, so that a frame says at once that it is damaged, and not first fills memory."""

_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 1, zstd.CompressionParameter.checksum_flag: 1}


class Packer:
    """Packs events for one thread."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(options=_OPTIONS)

    def pack(self, events: bytes) -> bytes:
        """What to store for a batch's events."""
        if not MIN_BYTES <= len(events) <= MAX_BYTES:
            return events
        return self._compressor.compress(events, zstd.ZstdCompressor.FLUSH_FRAME)


def unpack(stored: bytes) -> bytes:
    """The events of what was stored. Raises apsw.CorruptError where that is not whole, as SQLite does for its pages."""
    if stored.startswith(b"{"):
        return stored
    frame = zstd.ZstdDecompressor()
    try:
        events = frame.decompress(stored, MAX_BYTES)
    except zstd.ZstdError as error:
        raise apsw.CorruptError(f"a stored batch is damaged: {error}") from None
    if not frame.eof or frame.unused_data:
        raise apsw.CorruptError("a stored batch is damaged: its frame does not end where it should")
    return events

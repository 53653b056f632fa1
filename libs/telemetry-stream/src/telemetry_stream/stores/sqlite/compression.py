"""Compresses a batch's events for storage, if that makes them shorter by enough.

The events of a batch are similar and shrink to a tenth, so a tenth is written, synced and copied at checkpoints. The
first byte shows whether stored bytes are compressed: events begin with a brace, a Zstandard frame (RFC 8878) does not.
A frame has a checksum: reading it detects what a disk has altered.
"""

import sys

import apsw

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES = 2_048
"""Shorter events are not compressed: they fit in one page either way, and reading a frame takes at least 15 µs."""

MAX_BYTES = 64 * 1024 * 1024
"""Longer events are not compressed, so that a damaged frame that would expand further is refused, not expanded."""

# Level 1: the faster levels save 5 to 10 % of this time, and store a fifth to two fifths more.
_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 1, zstd.CompressionParameter.checksum_flag: 1}


class Packer:
    """Compresses events, in one thread: the compressor's memory is reused from call to call."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(options=_OPTIONS)

    def pack(self, events: bytes) -> bytes:
        """The bytes to store for a batch's events."""
        if not MIN_BYTES <= len(events) <= MAX_BYTES:
            return events
        return self._compressor.compress(events, zstd.ZstdCompressor.FLUSH_FRAME)


def unpack(stored: bytes) -> bytes:
    """The events of stored bytes. Raises apsw.CorruptError if they are damaged, as SQLite does for its pages."""
    if stored.startswith(b"{"):
        return stored
    frame = zstd.ZstdDecompressor()
    try:
        events = frame.decompress(stored, MAX_BYTES)
    except zstd.ZstdError as error:
        raise apsw.CorruptError(f"a stored batch is damaged: {error}") from None
    # The checksum of the frame is not checked before its end is reached, and does not cover what follows it.
    if not frame.eof or frame.unused_data:
        raise apsw.CorruptError("a stored batch is damaged: its frame does not end where it should")
    return events

"""The hash of a history: each stored row's hash covers all events up to the row's end, to the byte. No I/O.

A row's hash is XXH3-128 (https://xxhash.com) over the 16 bytes of the previous row's hash, then the row's events as
published: numbered JSON objects joined by commas, without brackets, uncompressed. Two histories that differ in one
event differ in every hash from that row on. It recognises a history that differs by accident, by a restore or by a
fork; it is not a signature, since whoever can write a history can hash it.
"""

import xxhash

HASH_BYTES = 16
NO_HASH = bytes(HASH_BYTES)
"""The previous hash of the first row."""


FEW_BYTES = 16_384
"""Below this length one call on a joined copy is faster (0.24 µs) than feeding the hash in two steps (0.34 µs)."""


def parse(text: str) -> bytes | None:
    """The hash of 32 hex digits, as on the wire; None if the text is not a hash."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    return digest if len(digest) == HASH_BYTES and digest.hex() == text else None


def extend(previous: bytes, events: bytes) -> bytes:
    """The hash of the row that holds `events` and follows the row with the hash `previous`; canonical, 16 bytes."""
    if len(events) < FEW_BYTES:
        return xxhash.xxh3_128_digest(previous + events)
    digest = xxhash.xxh3_128(previous)
    digest.update(events)
    return digest.digest()

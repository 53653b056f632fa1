"""`market-feed record`: writes what a venue sends, frame by frame, as it came."""

import asyncio
import gzip
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from market_feed.intake.link import Link, open_connection
from market_feed.venues.venue import Venue


def record(venue: Venue, symbols: Sequence[str], file: Path, seconds: float) -> int:
    """Record until the time is over, or until Ctrl-C or the end of the connection. Gives the exit code."""
    if file.exists():
        print(f"market-feed: {file} exists already", file=sys.stderr)
        return 1
    try:
        with gzip.open(file, "wb") as lines, suppress(KeyboardInterrupt):
            frames, reason = asyncio.run(_record(venue, symbols, cast(BinaryIO, lines), seconds))
            print(f"{file}: {frames:,} frames; ended: {reason}")
    except Exception as error:  # noqa: BLE001 -- whatever a venue answers
        print(f"market-feed: can't record from {venue.name}: {error}", file=sys.stderr)
        return 1
    return 0


async def _record(venue: Venue, symbols: Sequence[str], lines: BinaryIO, seconds: float) -> tuple[int, str]:
    streams = [name for symbol in symbols for name in venue.streams(venue.instrument(symbol))]
    url, others = venue.url(streams)
    context = ssl.create_default_context() if url.startswith("wss:") else None
    room = asyncio.Event()
    room.set()

    def take(_link: Link, frames: Sequence[bytes], received_at_ns: int) -> None:
        lines.writelines(b"%d %b\n" % (received_at_ns, frame) for frame in frames)

    link = Link(await open_connection(url, context), venue.reader(), take, room)
    reading = asyncio.create_task(link.run())
    await link.send(venue.subscribe(others, 1), venue.limits.message_pause_seconds)
    await asyncio.wait((reading,), timeout=seconds)
    is_over = not reading.done()
    await link.close()
    reason = await reading
    return link.frames, f"{seconds:g} s" if is_over else reason

"""Formats pages as JSON, NDJSON or server-sent events, with the bytes of their events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from telemetry_stream.errors import DamagedHistory
from trading_app.outgoing import OutgoingBudget, Piece
from trading_app.query.filter import Filter
from trading_app.query.pages import SCAN_LIMIT, Page, read_page
from trading_app.query.views import AsJournaled
from trading_app.zmq_pub import TradeStream

KEEP_ALIVE_SECONDS = 15.0
LIVE_PAUSE_SECONDS = 0.05
"""Minimum pause between two pieces of a live stream: under load several commits go into one piece."""


async def json_pieces(pages: AsyncGenerator[tuple[Page, bool], None]) -> AsyncGenerator[Piece, None]:
    """The pages as one JSON object with `trades` and `next_after`.

    It ends before trades that can't be read: a request that begins with those gets the error.
    """
    beginning, separator, read_to = b'{"trades":[', b"", 0
    try:
        async with aclosing(pages):
            async for page, last in pages:
                body = beginning
                if page.events:
                    body += separator + b",".join(page.events)
                    separator = b","
                if last:
                    body += _json_end(page.read_to if page.more else None)
                yield body, last
                beginning, read_to = b"", page.read_to
    except DamagedHistory:
        if beginning:
            raise
        yield _json_end(read_to), True


def _json_end(next_after: int | None) -> bytes:
    return b'],"next_after":%b}' % (b"null" if next_after is None else b"%d" % next_after)


async def line_pieces(pages: AsyncGenerator[tuple[Page, bool], None]) -> AsyncGenerator[Piece, None]:
    """The trades of the pages as NDJSON. Raises DamagedHistory, so that no client mistakes a part for the whole."""
    async with aclosing(pages):
        async for page, last in pages:
            yield b"".join(b"%b\n" % event for event in page.events), last


async def live(stream: TradeStream, after: int, wanted: Filter, budget: OutgoingBudget) -> AsyncGenerator[Piece, None]:
    """Server-sent events of every wanted trade after a sequence, until the stream closes.

    The position comes first and after each piece: by it a client that reconnects sees whether the history is the same.
    """
    known = await stream.hash_at(after) or ""
    view = AsJournaled(wanted)
    beginning = b"retry: 1000\n\n" + _position(stream.id, after, known)
    with stream.watch() as grown:
        while not stream.closing:
            grown.clear()
            async with budget.hold():
                try:
                    page = await read_page(stream, after, SCAN_LIMIT, view)
                except DamagedHistory as damage:
                    if beginning:
                        raise
                    yield (
                        b'event: damaged_history\ndata: {"first":%d,"last":%d}\n\n' % (damage.first, damage.last),
                        True,
                    )
                    return
                after, known = page.read_to, page.hash or known
                if page.events:
                    trades = b"".join(_server_sent(event) for event in page.events)
                    yield beginning + trades + _position(stream.id, after, known), False
                elif beginning:
                    yield beginning, False
                beginning = b""
            if not page.more:
                try:
                    await asyncio.wait_for(grown.wait(), KEEP_ALIVE_SECONDS)
                    await asyncio.sleep(LIVE_PAUSE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n", False


def _position(stream: str, sequence: int, known: str) -> bytes:
    return b'event: position\ndata: {"stream":"%b","seq":%d,"hash":"%b"}\n\n' % (
        stream.encode(),
        sequence,
        known.encode(),
    )


def _server_sent(event: bytes) -> bytes:
    sequence = event[len(b'{"seq":') : event.index(b",")]
    return b"id: %b\nevent: trade\ndata: %b\n\n" % (sequence, event)

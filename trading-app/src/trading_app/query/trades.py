"""Filters stored trades and formats them as JSON pages, NDJSON or server-sent events, with the bytes as journaled."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_app.outgoing import OutgoingBudget, Piece
from trading_app.zmq_pub import TradeStream
from trading_model.kinds import is_fill, may_hold_other_kinds

SCAN_LIMIT = 5_000
"""Maximum number of trades scanned in one read; fewer if they are large."""

MAX_TRADES = 2**62
"""More trades than a stream can have: stands for no limit."""

KEEP_ALIVE_SECONDS = 15.0
LIVE_PAUSE_SECONDS = 0.05
"""Minimum pause between two pieces of a live stream: under load several commits go into one piece."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which trades are wanted; None matches every value."""

    symbol: str | None = None
    account: str | None = None
    strategy: str | None = None

    def __bool__(self) -> bool:
        """Whether the filter leaves out any trades."""
        return (self.symbol, self.account, self.strategy) != (None, None, None)

    def of(self, batch: Batch) -> Iterator[tuple[int, bytes]]:
        """The sequence and journaled bytes of each wanted trade. Events that are not fills are left out."""
        marks = self._marks()
        if all(mark in batch.events for mark in marks):
            mixed = may_hold_other_kinds(batch.events)
            for sequence, event in enumerate(split(batch), batch.first):
                if all(mark in event for mark in marks) and not (mixed and not is_fill(event)):
                    yield sequence, event

    def _marks(self) -> list[bytes]:
        """Bytes that a wanted trade contains. No text of a trade has a quote, so they can match nothing else in it."""
        members = {"symbol": self.symbol, "account": self.account, "strategy": self.strategy}
        return [f'"{name}":"{value}"'.encode() for name, value in members.items() if value is not None]

    def takes(self, account: str, strategy: str, symbol: str) -> bool:
        """Whether a trade with these labels is wanted."""
        return (
            (self.symbol is None or symbol == self.symbol)
            and (self.account is None or account == self.account)
            and (self.strategy is None or strategy == self.strategy)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Trades as journaled. `read_to` is the last sequence scanned; `more` says whether there are trades after it.

    `hash` is the history's hash at the last row end scanned; None if none was.
    """

    events: list[bytes]
    read_to: int
    more: bool
    hash: str | None = None


def last_hash(batch: Batch, until: int) -> str | None:
    """The history's hash at the batch's last row end at or before a sequence; None if there is no such row end."""
    return next((commit.hash for commit in reversed(batch.commits) if commit.last <= until), None)


async def read_page(
    stream: TradeStream, after: int, limit: int, wanted: Filter, is_over: Callable[[], Awaitable[bool]] | None = None
) -> Page:
    """The next wanted trades after a sequence: at most `limit`, and about PIECE_BYTES.

    Scans until it finds some, reaches the head, or `is_over` says that nobody waits any more. Raises DamagedHistory.
    """
    head, known = stream.head, None
    while after < head:
        batch = await stream.read(after, SCAN_LIMIT if wanted else min(limit, SCAN_LIMIT))
        found = list(islice(wanted.of(batch), limit))
        if batch.count == 0:
            break
        after = found[-1][0] if len(found) == limit else batch.last
        known = last_hash(batch, after) or known
        if found or (is_over is not None and await is_over()):
            return Page([event for _, event in found], after, after < head, known)
    return Page([], after, False, known)


async def read_pages(
    stream: TradeStream,
    after: int,
    limit: int | None,
    wanted: Filter,
    budget: OutgoingBudget,
    is_over: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[tuple[Page, bool], None]:
    """The wanted trades after a sequence in pages, each with whether it is the last one.

    Without a limit it ends at the head of its start. A page is read once the client has read the one before.
    """
    head, left = stream.head, MAX_TRADES if limit is None else limit
    last = False
    while not last:
        async with budget.hold():
            page = await read_page(stream, after, left, wanted, is_over)
            after, left = page.read_to, left - len(page.events)
            last = left == 0 or not page.more or after >= head
            yield page, last


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
    beginning = b"retry: 1000\n\n" + _position(stream.id, after, known)
    with stream.watch() as grown:
        while not stream.closing:
            grown.clear()
            async with budget.hold():
                try:
                    page = await read_page(stream, after, SCAN_LIMIT, wanted)
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

"""The calls that give trades back: pages, NDJSON, and the live stream. What is sent are the bytes as journaled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_app.zmq_pub import TradeStream
from trading_model.kinds import is_fill, may_hold_other_kinds

SCAN_LIMIT = 5_000
"""Trades read from the journal at a time."""

LIVE_LIMIT = 1_000
"""Trades in one piece of a live stream: a client that does not read has two pieces waiting for it."""

KEEP_ALIVE_SECONDS = 15.0
LIVE_PAUSE_SECONDS = 0.05
"""A live stream is sent to at most so often: under load several commits go in one piece."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which trades are wanted; None is any."""

    symbol: str | None = None
    account: str | None = None
    strategy: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return (self.symbol, self.account, self.strategy) != (None, None, None)

    def of(self, batch: Batch) -> Iterator[tuple[int, bytes]]:
        """The trades that are wanted, as journaled, and their sequences; events that are not fills are left out."""
        marks = self._marks()
        if all(mark in batch.events for mark in marks):
            mixed = may_hold_other_kinds(batch.events)
            for sequence, event in enumerate(split(batch), batch.first):
                if all(mark in event for mark in marks) and not (mixed and not is_fill(event)):
                    yield sequence, event

    def _marks(self) -> list[bytes]:
        """What a trade that is wanted holds, as journaled. No text in it has a quote, so this stands nowhere else."""
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
    """Trades as journaled, and the sequence up to which was looked. `more` tells that there are trades after it."""

    events: list[bytes]
    read_to: int
    more: bool


async def read_page(
    stream: TradeStream, after: int, limit: int, wanted: Filter, is_over: Callable[[], Awaitable[bool]] | None = None
) -> Page:
    """The first `limit` trades after a sequence that are wanted; looks as far as it takes to find them, or until it is
    over: nobody waits for it any more.
    """
    events: list[bytes] = []
    head = stream.head
    while len(events) < limit and after < head:
        try:
            batch = await stream.read(after, SCAN_LIMIT if wanted else limit - len(events))
        except DamagedHistory:
            if not events:
                raise
            return Page(events, after, True)  # who asks for what follows learns of the damage
        for sequence, event in wanted.of(batch):
            events.append(event)
            if len(events) == limit:
                return Page(events, sequence, sequence < head)
        if batch.count == 0:
            break
        after = batch.last
        if is_over is not None and await is_over():
            return Page(events, after, after < head)
    return Page(events, after, False)


async def read_lines(stream: TradeStream, after: int, limit: int | None, wanted: Filter) -> AsyncIterator[bytes]:
    """The wanted trades after a sequence as NDJSON, in pieces; without a limit, up to what is durable at the start."""
    head, left = stream.head, limit
    while after < head and (left is None or left > 0):
        page = await read_page(stream, after, min(SCAN_LIMIT, left or SCAN_LIMIT), wanted)
        if page.events:
            yield b"\n".join(page.events) + b"\n"
        after = page.read_to
        left = None if left is None else left - len(page.events)


async def live(stream: TradeStream, after: int, wanted: Filter) -> AsyncIterator[bytes]:
    """Server-sent events: every wanted trade after a sequence, until the stream ends its watchers."""
    yield b"retry: 1000\n\n"
    with stream.watch() as grown:
        while not stream.closing:
            grown.clear()
            page = await read_page(stream, after, LIVE_LIMIT, wanted)
            after = page.read_to
            if page.events:
                yield b"".join(_server_sent(event) for event in page.events)
            if not page.more:
                try:
                    await asyncio.wait_for(grown.wait(), KEEP_ALIVE_SECONDS)
                    await asyncio.sleep(LIVE_PAUSE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"


def _server_sent(event: bytes) -> bytes:
    sequence = event[len(b'{"seq":') : event.index(b",")]
    return b"id: %b\nevent: trade\ndata: %b\n\n" % (sequence, event)

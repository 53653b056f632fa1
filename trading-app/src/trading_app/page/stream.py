"""GET /page/stream: everything the page shows live, on one connection. GET /page/history: the charts' first data.

Both are the page's own and may change with it. The events, each with JSON as its data:

    hello     the stream's id; if `resumed` is false, the page has to drop what it shows
    trades    an array of trades as journaled
    books     positions and totals (`position_summary.py`)
    choices   what the filters offer
    health    of the app and of the sidecar, every second

`trades` and `health` carry an `id`: the stream's id, the sequence up to which every trade was sent, and the history's
hash at the last row end at or before it. A page that reconnects sends the last `id` and gets every trade after it;
where the journal is another one, or went on differently, the page starts over.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.context import Context
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.outgoing import OutgoingBudget, Piece
from trading_app.page.history import read_bars, read_last, read_next
from trading_app.page.shared_summaries import SharedSummaries, event
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.page.sidecar_state import Reading
from trading_app.problems import TradeProblem
from trading_app.query.filter import Filter
from trading_app.query.live import LiveResponse, require_room
from trading_app.query.parameters import Label, SymbolLabel
from trading_app.query.question import read_filter
from trading_app.zmq_pub import TradeStream

MAX_SHOWN = 200
"""Number of earlier trades that a page begins with."""

TICK_SECONDS = 0.25
"""Interval at which a page without new trades checks for new positions and for its health event."""

TRADES_PAUSE_SECONDS = 0.1
HEALTH_SECONDS = 1.0
RATE_SECONDS = 3.0


def add_to(api: FastAPI, context: Context, feed: SidecarFeed) -> None:
    """Add both calls."""
    summaries = SharedSummaries(feed)
    aggregating = asyncio.Semaphore(1)  # one history at a time: many pages wait longer but use no more memory

    @api.get("/page/stream", include_in_schema=False, dependencies=KNOWN_PARAMETERS_ONLY)
    async def page_stream(
        request: Request, after: str = "", symbol: SymbolLabel = None, account: Label = None, strategy: Label = None
    ) -> Response:
        wanted = read_filter(symbol, account, strategy)
        require_room(context)
        position = request.headers.get("last-event-id", after)
        return LiveResponse(
            PageEvents(context.stream, feed, summaries, wanted, context.outgoing).run(position), context.live_streams
        )

    @api.get("/page/history", include_in_schema=False, dependencies=KNOWN_PARAMETERS_ONLY)
    async def page_history(
        charted: str, symbol: SymbolLabel = None, account: Label = None, strategy: Label = None
    ) -> Response:
        """`charted` is the symbol to draw; the other parameters are the page's filter."""
        wanted, drawn = read_filter(symbol, account, strategy), read_filter(charted, account, strategy)
        if drawn.symbol is None:
            raise TradeProblem("invalid_parameter", "charted must name a symbol")
        stream, currency = context.stream, feed.currency_of(drawn.symbol)
        head = stream.head
        async with aggregating:
            bars = await read_bars(stream, drawn, head)
        document = {
            "position": f"{stream.id}:{head}",
            "currency": currency,
            **bars.document(),
            "pnl": feed.pnl_of(currency, wanted),
            "pnl_of_symbol": feed.pnl_of(currency, drawn),
        }
        return Response(msgspec.json.encode(document), media_type="application/json")


async def resume(position: str, stream: TradeStream) -> int | None:
    """The sequence of a position; None where it is of another history, or none at all."""
    of, _, rest = position.partition(":")
    sequence, _, known = rest.partition(":")
    if of != stream.id or not (sequence.isascii() and sequence.isdecimal() and len(sequence) <= 18):
        return None
    return int(sequence) if known == await stream.hash_at(int(sequence)) else None


class PageEvents:
    """Makes the events of one page."""

    def __init__(
        self,
        stream: TradeStream,
        feed: SidecarFeed,
        summaries: SharedSummaries,
        wanted: Filter,
        budget: OutgoingBudget,
    ) -> None:
        self._stream = stream
        self._summaries = summaries
        self._budget = budget
        self._feed = feed
        self._wanted = wanted
        self._sent = Reading()
        self._hash = ""
        self._books: tuple[object, ...] = ()
        self._choices = b""
        self._next_health = 0.0
        self._heads: deque[tuple[float, int]] = deque(maxlen=round(RATE_SECONDS / HEALTH_SECONDS) + 1)

    async def run(self, position: str) -> AsyncGenerator[Piece, None]:
        """The events after a position; if it is not of this stream, the last trades first and then what follows."""
        stream = self._stream
        after = await resume(position, stream)
        resumed = after is not None
        self._hash = position.rpartition(":")[2] if resumed else ""
        with stream.watch() as grown:
            yield b"retry: 1000\n\n" + event("hello", {"stream": stream.id, "resumed": resumed}), False
            if after is None:
                after = stream.head
                self._hash = await stream.hash_at(after) or ""
                async with self._budget.hold():
                    last = await read_last(stream, MAX_SHOWN, self._wanted, after)
                    yield self._trades(last, after), False
            while not stream.closing:
                grown.clear()
                async with self._budget.hold():
                    page = await read_next(stream, after, self._wanted)
                    after, self._hash = page.read_to, page.hash or self._hash
                    news = self._trades(page.events, after) if page.events else b""
                    news += await self._news(after, time.time())
                    if news:
                        yield news, False
                if after >= stream.head:
                    await _wait(grown)

    def _trades(self, events: list[bytes], after: int) -> bytes:
        return b"id: %b\nevent: trades\ndata: [%b]\n\n" % (self._position(after), b",".join(events))

    async def _news(self, after: int, now: float) -> bytes:
        reading, parts = self._feed.latest, []
        if reading.number != self._sent.number:
            parts = await self._books_events(reading)
            if reading.status != self._sent.status:
                self._next_health = 0.0
            self._sent = reading
        if now >= self._next_health or now < self._next_health - HEALTH_SECONDS:
            self._next_health = now + HEALTH_SECONDS
            parts.append(b"id: %b\n" % self._position(after) + event("health", self._health(reading, now)))
        return b"".join(parts)

    async def _books_events(self, reading: Reading) -> list[bytes]:
        """Events with positions, also of a sidecar that is down: a page that opens then shows what those open since
        before show.
        """
        state = reading.state
        if state is None or state.stream != self._stream.id:
            return []
        parts = []
        # A recomputation changes figures without a new event.
        content = (state.applied, len(state.positions), state.totals.recomputing and reading.read_at)
        if content != self._books:
            self._books = content
            parts.append(await self._summaries.books(self._wanted))
            choices = await self._summaries.choices()
            if choices != self._choices:
                self._choices = choices
                parts.append(choices)
        return parts

    def _health(self, reading: Reading, now: float) -> dict[str, object]:
        self._heads.append((now, self._stream.head))
        (first, first_head), (_, head) = self._heads[0], self._heads[-1]
        state = reading.state
        foreign = state is not None and state.stream not in (None, self._stream.id)
        sidecar: dict[str, object] = {
            "url": self._feed.url,
            "status": "foreign" if foreign and reading.status == "up" else reading.status,
            "since": reading.since,
            "reason": reading.reason,
        }
        if state is not None and not foreign:
            sidecar |= {
                "read_at": reading.read_at,
                "applied": state.applied,
                "caught_up": state.caught_up,
                "gaps": state.pipeline.gaps,
                "delay": reading.delay_seconds,
            }
        return {
            "now": now,
            "head": head,
            "rate": (head - first_head) / (now - first) if now > first else None,
            "damaged": [damage.first, damage.last] if (damage := self._stream.damage) else None,
            "sidecar": sidecar,
        }

    def _position(self, sequence: int) -> bytes:
        return b"%b:%d:%b" % (self._stream.id.encode(), sequence, self._hash.encode())


async def _wait(grown: asyncio.Event) -> None:
    """Wait until there may be something to send."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            await grown.wait()
    except TimeoutError:
        return
    # Spread over time: if all pages were served at once, a sender's next trade would wait for all of them.
    await asyncio.sleep(TRADES_PAUSE_SECONDS * random.uniform(0.5, 1.5))

"""The events of the market stream as trades, quotes and breaks, as docs/market-data.md describes them. No I/O."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np

from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_analytics.windows.observations import Quote, Trade
from trading_history.candles.candle import Market
from trading_model.decimals import MIN, TOO_MUCH, ZERO
from trading_model.timestamps import unix_ns

MAX_ID = 2**63
SHORTEST_TIME = len("2026-01-31T12:00:00Z")


class MarketEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as journaled, as far as it is read here."""

    kind: str
    venue: str
    symbol: str
    seq: int = 0
    price: Decimal = ZERO
    qty: Decimal = ZERO
    ts: str = ""
    trade_id: str = ""
    first_trade_id: str = ""
    late: bool = False
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    received_at_ns: int = 0
    origin: str = ""
    session: str = ""


class MarketTrade(NamedTuple):
    """A trade, with its id, what the id counts, whether it was fetched later, and when it was received (Unix time)."""

    market: Market
    trade: Trade
    id: int
    kind: str
    late: bool
    is_live: bool
    received_at_ns: int


class MarketQuote(NamedTuple):
    """A quote. Its time is that of its receipt, Unix time by the feed's clock."""

    market: Market
    quote: Quote

    @property
    def received_at_ns(self) -> int:
        """When it was received."""
        return self.quote.ts_ns


class Break(NamedTuple):
    """Trades of a market are missing before its next one."""

    market: Market


Seen = MarketTrade | MarketQuote | Break

_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_decode_all = msgspec.json.Decoder(list[MarketEvent]).decode
_decode_one = msgspec.json.Decoder(MarketEvent).decode


class Rejected(NamedTuple):
    """Why an event is not used."""

    reason: str


UNDECODABLE, OUT_OF_RANGE, AHEAD = REASONS = ("undecodable", "out_of_range", "ahead")
"""Why an event is not used; one that is `ahead` of its receipt is left out of the windows alone."""


def read_batch(batch: Batch, skip: int) -> list[Seen | Rejected]:
    """What the events of a batch say after its first `skip`, in order. Kinds that say nothing here are passed over."""
    events = _events(batch, skip)
    times = iter(_times_of([event.ts for event in events if event is not None and event.kind == "trade"]))
    found: list[Seen | Rejected] = []
    for event in events:
        if event is None:
            found.append(Rejected(UNDECODABLE))
        elif event.kind == "trade":
            found.append(_trade(event, next(times)))
        elif event.kind == "quote":
            found.append(_quote(event))
        elif event.kind == "gap" or (event.kind == "session" and event.session == "open"):
            found.append(Break(Market(event.venue, event.symbol)))
    return found


def _events(batch: Batch, skip: int) -> Sequence[MarketEvent | None]:
    """All are decoded at once. Only if that fails are they decoded one by one."""
    try:
        return _decode_all(b"".join((b"[", batch.events, b"]")))[skip:]
    except _ERRORS:
        return [_decode_or_none(event) for event in split(batch)[skip:]]


def _decode_or_none(event: bytes) -> MarketEvent | None:
    try:
        return _decode_one(event)
    except _ERRORS:
        return None


def _times_of(texts: Sequence[str]) -> list[int | None]:
    """Unix nanoseconds of times in RFC 3339 and UTC; None for any other text. All are read at once if all are fine."""
    if all(len(text) >= SHORTEST_TIME and text[-1] == "Z" for text in texts):  # numpy takes words for times too
        try:
            times: list[int | None] = (
                np.array([text[:-1] for text in texts], dtype="datetime64[ns]").view("int64").tolist()
            )
        except ValueError:
            pass
        else:
            return times
    return [_time_of(text) for text in texts]


def _time_of(text: str) -> int | None:
    try:
        return unix_ns(text)
    except ValueError:
        return None


def _trade(event: MarketEvent, ts_ns: int | None) -> MarketTrade | Rejected:
    number = event.trade_id
    if ts_ns is None or not (number.isascii() and number.removeprefix("-").isdigit()):
        return Rejected(UNDECODABLE)
    price, qty, counted = event.price, event.qty, int(number)
    if not (MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH and 0 <= counted < MAX_ID):  # a NaN compares as false
        return Rejected(OUT_OF_RANGE)
    kind = "aggregate" if event.first_trade_id else "single"
    trade = Trade(ts_ns, event.seq, price, qty)
    market, is_live = Market(event.venue, event.symbol), event.origin == "live"
    return MarketTrade(market, trade, counted, kind, event.late, is_live, event.received_at_ns)


def _quote(event: MarketEvent) -> MarketQuote | Rejected:
    bid, ask = event.bid, event.ask
    if not (MIN <= bid < TOO_MUCH and MIN <= ask < TOO_MUCH):
        return Rejected(OUT_OF_RANGE)
    return MarketQuote(Market(event.venue, event.symbol), Quote(event.received_at_ns, bid, ask))

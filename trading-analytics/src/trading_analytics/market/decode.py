"""The events of the market stream as trades, quotes and breaks, as docs/market-data.md describes them. No I/O."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_analytics.windows.observations import Quote, Trade
from trading_history.candles.candle import Market
from trading_model.decimals import MIN, TOO_MUCH, ZERO
from trading_model.timestamps import unix_ns

MAX_AHEAD_NS = 60 * 1_000_000_000
"""How far a trade's time may be ahead of its receipt: a wrong one would close the windows of all markets."""

MAX_ID = 2**63


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
    session: str = ""


class MarketTrade(NamedTuple):
    """A trade, with its id and what the id counts."""

    market: Market
    trade: Trade
    id: int
    kind: str
    late: bool


class MarketQuote(NamedTuple):
    """A quote."""

    market: Market
    quote: Quote


class Break(NamedTuple):
    """Trades of a market are missing before its next one."""

    market: Market


Seen = MarketTrade | MarketQuote | Break

_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_decode_all = msgspec.json.Decoder(list[MarketEvent]).decode
_decode_one = msgspec.json.Decoder(MarketEvent).decode


class Rejected(NamedTuple):
    """Why an event is not used: `undecodable`, `out_of_range`, or `ahead` of its receipt."""

    reason: str


REASONS = ("undecodable", "out_of_range", "ahead")


def read_batch(batch: Batch, skip: int) -> Iterator[Seen | Rejected]:
    """What the events of a batch say after its first `skip`, in order. Kinds that say nothing here are passed over."""
    for event in _events(batch, skip):
        if event is None:
            yield Rejected("undecodable")
            continue
        seen = _read(event)
        if seen is not None:
            yield seen


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


def _read(event: MarketEvent) -> Seen | Rejected | None:
    kind = event.kind
    market = Market(event.venue, event.symbol)
    if kind == "trade":
        try:
            ts_ns, number = unix_ns(event.ts), int(event.trade_id)
        except ValueError:
            return Rejected("undecodable")
        if not (_in_range(event.price) and _in_range(event.qty) and 0 <= number < MAX_ID):
            return Rejected("out_of_range")
        if ts_ns > event.received_at_ns + MAX_AHEAD_NS:
            return Rejected("ahead")
        counted = "aggregate" if event.first_trade_id else "single"
        return MarketTrade(market, Trade(ts_ns, event.seq, event.price, event.qty), number, counted, event.late)
    if kind == "quote":
        if not (_in_range(event.bid) and _in_range(event.ask)):
            return Rejected("out_of_range")
        return MarketQuote(market, Quote(event.received_at_ns, event.bid, event.ask))
    if kind == "gap" or (kind == "session" and event.session == "open"):
        return Break(market)
    return None


def _in_range(amount: Decimal) -> bool:
    """A NaN compares as false."""
    return MIN <= amount < TOO_MUCH

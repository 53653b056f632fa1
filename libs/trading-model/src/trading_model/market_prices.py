"""The newest price of each market, from the stream of market data, and which of several venues marks a pair. No I/O.

A market is marked at its last trade; one that is followed by quotes alone, at the middle of bid and ask. Of each market
only the newest event is kept, as it came, and its price is read when it is asked for: a market with thousands of trades
a second costs no more than their decoding.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading_model.decimals import MIN, TOO_MUCH, exactly
from trading_model.field_rules import format_timestamp
from trading_model.symbols import plain_currency
from trading_model.timestamps import unix_ns

MAX_MARKETS = 10_000
"""Further markets are passed over: no feed follows as many."""

TRADE, QUOTE = "trade", "quote"
HALF = Decimal("0.5")
MINUTE_NS = 60_000_000_000

_DECIMAL = re.compile(r"\d{1,38}(?:\.\d{1,38})?", re.ASCII)


class Pair(NamedTuple):
    """Base and quote currency of a spot market."""

    base: str
    quote: str


def preference(venue: str, at_ns: int) -> tuple[int, str]:
    """Of the last trades of a pair at several venues, the one with the least preference marks: of the venue that traded
    last, by the minute; of those that traded in the same minute, the first by name. `at_ns` is Unix time.

    By the minute, so that the mark does not go to and fro between two venues with each trade, and a minute has the same
    mark while it is lived through and when it is asked for later.
    """
    return -(at_ns // MINUTE_NS), venue


_Market = tuple[str, str]
"""Venue and symbol."""


class MarketPrice(msgspec.Struct, frozen=True, gc=False):
    """The last price at a venue, in quote units per base unit; `ts` is RFC 3339 in UTC, `at_ns` the same, Unix time.
    `is_quoted`: no trade is known, it is the middle of bid and ask.
    """

    venue: str
    price: Decimal
    ts: str
    at_ns: int
    is_quoted: bool


class _Event(msgspec.Struct, gc=False):
    kind: str = ""
    venue: str = ""
    symbol: str = ""
    price: str = ""
    ts: str = ""
    late: bool = False
    bid: str = ""
    ask: str = ""
    received_at_ns: int = 0


_decode_all = msgspec.json.Decoder(list[_Event]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.json.Decoder(_Event).decode


class MarketPrices:
    """The newest prices of the markets that were heard of."""

    def __init__(self) -> None:
        self._newest: dict[_Market, _Event] = {}
        self._by_pair: dict[Pair, list[_Market]] = {}
        self._read: dict[_Market, tuple[_Event, MarketPrice | None]] = {}
        """The price of an event, while that is the newest."""

    def take(self, events: bytes) -> None:
        """Take market events as journaled, joined by commas, in order. What can't be read, or has no price, is passed
        over; so is a trade that came late, after newer ones.
        """
        newest = self._newest
        for event in _decode(events):
            kind, market = event.kind, (event.venue, event.symbol)
            if kind == TRADE:
                if event.late:
                    continue
            elif kind != QUOTE or (market in newest and newest[market].kind == TRADE):
                continue
            if market in newest or self._open(market):
                newest[market] = event

    def forget(self) -> None:
        """Begin without prices."""
        for known in (self._newest, self._by_pair, self._read):
            known.clear()

    def of(self, pair: Pair) -> MarketPrice | None:
        """The price that marks a pair: that of a trade, if there is one, else a quoted one; of several venues' by
        `preference`. None if no venue has one.
        """
        known = (self._price(market) for market in self._by_pair.get(pair, ()))
        found = [price for price in known if price is not None]
        return min(found, key=lambda one: (one.is_quoted, preference(one.venue, one.at_ns)), default=None)

    def _open(self, market: _Market) -> bool:
        """Whether a market that was not heard of before is kept."""
        pair = pair_of(market[1])
        if pair is None or len(self._newest) >= MAX_MARKETS:
            return False
        self._by_pair.setdefault(pair, []).append(market)
        return True

    def _price(self, market: _Market) -> MarketPrice | None:
        event = self._newest[market]
        known = self._read.get(market)
        if known is None or known[0] is not event:
            known = self._read[market] = event, _price_of(market[0], event)
        return known[1]


def _decode(events: bytes) -> Iterator[_Event]:
    body = b"".join((b"[", events, b"]"))
    try:
        yield from _decode_all(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        yield from _decode_singly(body)


def _decode_singly(body: bytes) -> Iterator[_Event]:
    """The events that can be read: a kind of a later version may use a name for something else."""
    try:
        raw = _decode_raw(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    for one in raw:
        try:
            yield _decode_one(one)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue


def pair_of(symbol: str) -> Pair | None:
    """The pair of a feed's symbol, `BASE-QUOTE`; None for any other form: it is no spot market."""
    base, separator, quote = symbol.partition("-")
    if not (base and separator and quote) or "-" in quote:
        return None
    return Pair(plain_currency(base), plain_currency(quote))


@exactly
def _price_of(venue: str, event: _Event) -> MarketPrice | None:
    if event.kind == QUOTE:
        bid, ask, ts = event.bid, event.ask, format_timestamp(event.received_at_ns)
    else:
        bid, ask, ts = event.price, event.price, event.ts
    if not (_DECIMAL.fullmatch(bid) and _DECIMAL.fullmatch(ask)):
        return None
    price = Decimal(bid) if bid == ask else (Decimal(bid) + Decimal(ask)) * HALF
    try:
        at_ns = unix_ns(ts)
    except ValueError:
        return None
    return MarketPrice(venue, price, ts, at_ns, event.kind == QUOTE) if MIN <= price < TOO_MUCH else None

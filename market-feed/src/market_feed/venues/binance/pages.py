"""Requests for Binance's trades by id, and their answers. No I/O."""

from collections.abc import Sequence

import msgspec

from market_feed.market import CANDLE_INTERVAL, CANDLE_US, Candle, InstrumentStatus, Trade
from market_feed.times import Unit, as_text, checked_clock, is_plausible
from market_feed.venues.binance.frames import MAX_ID, side_of
from market_feed.venues.decimals import Decimals
from market_feed.venues.items import decoded, readable

LIMIT = 1_000
AGGREGATES_WEIGHT, TRADES_WEIGHT, CANDLES_WEIGHT, STATUS_WEIGHT = 4, 25, 2, 20
UNKNOWN_SYMBOL = -1121
TIME_HEADER = {"X-MBX-TIME-UNIT": "MICROSECOND"}


class Aggregate(msgspec.Struct, gc=False):
    """An item of /api/v3/aggTrades."""

    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 -- the venue's name
    T: int
    m: bool | None = None


class Single(msgspec.Struct, gc=False):
    """An item of /api/v3/historicalTrades."""

    id: int
    price: str
    qty: str
    time: int
    isBuyerMaker: bool | None = None  # noqa: N815 -- the venue's name


class _Kline(msgspec.Struct, array_like=True, gc=False):
    """An item of /api/v3/klines."""

    start: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    end: int
    quote_volume: str
    trades: int


class _Symbol(msgspec.Struct):
    symbol: str
    status: str


class _Info(msgspec.Struct):
    """The answer of /api/v3/exchangeInfo."""

    symbols: list[_Symbol]


class _Error(msgspec.Struct):
    code: int = 0


class _Time(msgspec.Struct):
    serverTime: int  # noqa: N815 -- the venue's name


_decode_info = msgspec.json.Decoder(_Info).decode
_decode_error = msgspec.json.Decoder(_Error).decode
_decode_time = msgspec.json.Decoder(_Time).decode


def read_aggregates(code: str, body: bytes, unit: Unit, now_us: int) -> list[Trade]:
    """The trades of a page that can be read. Raises ValueError."""
    items = decoded(body, Aggregate)
    unit = _unit_of([item.T for item in items], unit, now_us)

    def read(item: Aggregate) -> Trade:
        return _trade(code, now_us, item.a, item.p, item.q, item.m, item.T, unit, item.f, item.l)

    return readable(items, read)


def read_first(body: bytes, *, single: bool) -> int | None:
    """The id of the first trade of a page of aggregates, or of its first `single` trade. Raises ValueError."""
    items = decoded(body, Aggregate)
    if not items:
        return None
    found = items[0].f if single else items[0].a
    if not 0 < found < MAX_ID:
        raise ValueError(f"not an id: {found}")
    return found


def read_singles(code: str, body: bytes, unit: Unit, now_us: int) -> list[Trade]:
    """The trades of a page that can be read. Raises ValueError."""
    items = decoded(body, Single)
    unit = _unit_of([item.time for item in items], unit, now_us)

    def read(item: Single) -> Trade:
        return _trade(code, now_us, item.id, item.price, item.qty, item.isBuyerMaker, item.time, unit)

    return readable(items, read)


def read_candles(code: str, body: bytes, unit: Unit, now_us: int) -> list[Candle]:
    """The candles of a page that can be read. Raises ValueError."""
    items = decoded(body, _Kline)
    unit = _unit_of([item.start for item in items], unit, now_us)

    def read(item: _Kline) -> Candle:
        numbers, start_us = (item.open, item.high, item.low, item.close, item.volume), item.start * unit.value
        is_sound = start_us % CANDLE_US == 0 and is_plausible(start_us, now_us) and 0 <= item.trades < MAX_ID
        if not (is_sound and all(map(_decimals.has, numbers))):
            raise ValueError(f"not a candle: the one of {item.start}")
        ts = as_text(item.start, unit)
        return Candle(code, CANDLE_INTERVAL, start_us // CANDLE_US, ts, start_us, *numbers, item.trades)

    return readable(items, read)


def read_statuses(body: bytes) -> list[InstrumentStatus]:
    """The status of each instrument in exchangeInfo. Raises ValueError."""
    return [
        InstrumentStatus(one.symbol, "trading" if one.status == "TRADING" else "halted", one.status[:40])
        for one in _decode_info(body).symbols
    ]


def error_code(body: bytes) -> int:
    """The venue's code of an error; 0 where there is none."""
    try:
        return _decode_error(body).code
    except ValueError:
        return 0


def read_time(body: bytes) -> int:
    """The clock in microseconds since 1970; the answer may be in milliseconds. Raises ValueError."""
    time = _decode_time(body).serverTime
    return checked_clock(time * 1_000 if time < 10**14 else time)


def _trade(
    code: str,
    now_us: int,
    number: int,
    price: str,
    qty: str,
    maker: bool | None,
    time: int,
    unit: Unit,
    first: int = 0,
    last: int = 0,
) -> Trade:
    is_sound = 0 < number < MAX_ID and 0 <= first <= last < MAX_ID and is_plausible(time * unit.value, now_us)
    if not (is_sound and _decimals.has(price) and _decimals.has(qty)):
        raise ValueError(f"not a trade: id {number}, price {price[:40]!r}, qty {qty[:40]!r}")
    ts, side = as_text(time, unit), side_of(maker)
    return Trade(code, number, price, qty, side, ts, time * unit.value, "", first, last, "backfill")


def _unit_of(times: Sequence[int], asked: Unit, now_us: int) -> Unit:
    """The unit of a page's times: what was asked for, or the other one if the venue ignores that."""
    other = Unit.MILLISECOND if asked is Unit.MICROSECOND else Unit.MICROSECOND
    counts = [sum(is_plausible(time * unit.value, now_us) for time in times) for unit in (asked, other)]
    if times and not any(counts):
        raise ValueError("the times are in no known unit")
    return asked if counts[0] >= counts[1] else other


_decimals = Decimals()

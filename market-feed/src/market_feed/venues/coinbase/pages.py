"""Coinbase Exchange's trades by id. https://docs.cdp.coinbase.com/exchange/reference, Get product trades. No I/O."""

import msgspec

from market_feed.market import InstrumentStatus, Trade
from market_feed.times import checked_clock
from market_feed.venues.coinbase.frames import MAX_ID, taker_side, time_of
from market_feed.venues.decimals import Decimals
from market_feed.venues.items import decoded, readable

LIMIT = 1_000


class _Item(msgspec.Struct, gc=False):
    trade_id: int
    price: str
    size: str
    time: str
    side: str = ""


class _Product(msgspec.Struct):
    """/products/ID."""

    id: str
    status: str = ""
    trading_disabled: bool = False


class _Time(msgspec.Struct):
    epoch: float


_decode_product = msgspec.json.Decoder(_Product).decode
_decode_time = msgspec.json.Decoder(_Time).decode
_decimals = Decimals()


def read_trades(code: str, body: bytes, now_us: int) -> list[Trade]:
    """The trades of a page that can be read. Raises ValueError."""
    return readable(decoded(body, _Item), lambda item: _trade(code, item, now_us))


def read_status(body: bytes) -> InstrumentStatus:
    """The status of an instrument. Raises ValueError."""
    product = _decode_product(body)
    if product.status == "delisted":
        return InstrumentStatus(product.id, "unlisted", product.status)
    is_trading = product.status == "online" and not product.trading_disabled
    return InstrumentStatus(product.id, "trading" if is_trading else "halted", product.status[:40])


def read_time(body: bytes) -> int:
    """The clock in microseconds since 1970. Raises ValueError."""
    return checked_clock(round(_decode_time(body).epoch * 1_000_000))


def _trade(code: str, item: _Item, now_us: int) -> Trade:
    time_us = time_of(item.time, now_us)
    is_sound = 0 < item.trade_id < MAX_ID and _decimals.has(item.price) and _decimals.has(item.size)
    if time_us is None or not is_sound:
        raise ValueError(f"not a trade: id {item.trade_id}, price {item.price[:40]!r}, time {item.time[:40]!r}")
    side = taker_side(item.side)
    return Trade(code, item.trade_id, item.price, item.size, side, item.time, time_us, origin="backfill")

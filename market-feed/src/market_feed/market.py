"""What a venue publishes, in terms of no venue. No I/O.

Prices and quantities are decimals as text, with the digits that the venue wrote. `ts` is RFC 3339 in UTC with the
venue's digits; `time_us` is the same in microseconds since 1970, for decisions.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from market_feed.times import Unit, as_text

Side = Literal["buy", "sell", "unknown"]
"""The aggressor's: `sell` if the taker sold."""

Origin = Literal["live", "backfill"]
KINDS = ("trade", "quote", "candle")
CANDLE_INTERVAL, CANDLE_US = "1m", 60_000_000
"""The one length of candles that is followed, as venues name it and in microseconds."""


class Instrument(msgspec.Struct, frozen=True):
    """A market of a venue. `symbol` is BASE-QUOTE, `code` the venue's own name for it."""

    venue: str
    symbol: str
    code: str


class Trade(msgspec.Struct, gc=False):
    """A trade, or several of one order at one price. `first_id` to `last_id` are then the single trades' ids, else 0.

    `event_ts` is when the venue sent it, empty if it did not say. `late` marks a trade whose id had been given up.
    """

    code: str
    id: int
    price: str
    qty: str
    side: Side
    ts: str
    time_us: int
    event_ts: str = ""
    first_id: int = 0
    last_id: int = 0
    origin: Origin = "live"
    late: bool = False
    received_at_ns: int = 0

    def says_the_same(self, other: "Trade") -> bool:
        """Whether the venue said the same of both; how and when they came may differ."""
        return (self.id, self.price, self.qty, self.side, self.time_us, self.first_id, self.last_id) == (
            other.id, other.price, other.qty, other.side, other.time_us, other.first_id, other.last_id
        )  # fmt: skip


class TradeRun(msgspec.Struct, gc=False):
    """Aggregates of one instrument with consecutive ids from `first` on, in columns, as they came live.

    Many cost a fraction of what as many `Trade`s cost. `times` are the venue's times of the trades, `sent` when it sent
    them, both in its `unit`. Iterating makes the trades.
    """

    code: str
    first: int
    prices: list[str]
    qtys: list[str]
    taker_sold: list[bool]
    times: list[int]
    sent: list[int]
    unit: Unit
    first_ids: list[int]
    last_ids: list[int]
    received_at_ns: int = 0

    def __len__(self) -> int:
        return len(self.prices)

    @property
    def last(self) -> int:
        """The id of the last trade."""
        return self.first + len(self.prices) - 1

    def trade(self, index: int) -> Trade:
        """The trade at an index from 0."""
        return Trade(
            self.code,
            self.first + index,
            self.prices[index],
            self.qtys[index],
            "sell" if self.taker_sold[index] else "buy",
            as_text(self.times[index], self.unit),
            self.times[index] * self.unit.value,
            as_text(self.sent[index], self.unit),
            self.first_ids[index],
            self.last_ids[index],
            received_at_ns=self.received_at_ns,
        )

    def __iter__(self) -> Iterator[Trade]:
        return map(self.trade, range(len(self)))


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and ask. `update_id` grows with each change, not by one; venues give no time."""

    code: str
    update_id: int
    bid: str
    bid_qty: str
    ask: str
    ask_qty: str


class Candle(msgspec.Struct, frozen=True, gc=False):
    """A closed candle. `start_us` is its start, `number` the intervals from 1970 to there."""

    code: str
    interval: str
    number: int
    ts: str
    start_us: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int


MarketStatus = Literal["trading", "halted", "unlisted"]
"""`unlisted`: the venue does not know the instrument, or not any more."""


class InstrumentStatus(msgspec.Struct, frozen=True, gc=False):
    """Whether the venue trades an instrument; `detail` is its own word for it."""

    code: str
    status: MarketStatus
    detail: str


class Head(msgspec.Struct, frozen=True, gc=False):
    """What the venue says of its own last trade: `last_trade_id` is that of the last single trade, 0 if unknown."""

    code: str
    last_trade_id: int


class ShutdownNotice(msgspec.Struct, frozen=True, gc=False):
    """The venue will end this connection soon."""


class Subscriptions(msgspec.Struct, frozen=True, gc=False):
    """The streams that the venue sends on this connection."""

    names: tuple[str, ...]


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The venue refused a message of ours."""

    detail: str


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A frame, or a part of one, that can't be used. `reason` is a short word for counters."""

    reason: str
    content: bytes


Item = Trade | TradeRun | Quote | Candle | Head | ShutdownNotice | Subscriptions | Refusal | Unreadable


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Trades `first` to `last`, both included, that can't be had now, and why."""

    first: int
    last: int
    reason: str


class GapFilled(msgspec.Struct, frozen=True, gc=False):
    """All trades of an earlier gap have come since."""

    first: int
    last: int

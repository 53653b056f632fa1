"""The page's history: the last trades, and the data of its charts, read from the journal.

Trades that can't be read are skipped; the page names them (`damaged` in its health event).
"""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from telemetry_stream.wire import cut
from trading_app.page.position_summary import EXACT
from trading_app.query.filter import Filter
from trading_app.query.pages import SCAN_LIMIT, Page, last_hash
from trading_app.zmq_pub import TradeStream

LOOK_BACK = 50_000
"""Maximum number of trades scanned, back from the last one."""

MAX_BARS = 3_600
MAX_MINUTES = 240


class _Trade(msgspec.Struct):
    symbol: str
    price: str
    qty: str
    side: str
    ts: str


_decode = msgspec.json.Decoder(_Trade).decode


class Bars:
    """Trades by second and by minute of their `ts`. The page continues these figures with live trades (`series.js`)."""

    def __init__(self) -> None:
        self.seconds: dict[int, list[object]] = {}
        self.minutes: dict[int, list[Decimal]] = {}

    def add(self, event: bytes) -> None:
        """Add one journaled trade. Call it in the order of the sequences."""
        trade = _decode(event)
        second = _second(trade.ts[:19])
        buys, sells = self.seconds.get(second, (second, "", 0, 0))[2:]
        assert isinstance(buys, int)
        assert isinstance(sells, int)
        bought = trade.side == "buy"
        self.seconds[second] = [second, trade.price, buys + bought, sells + (not bought)]
        notional = EXACT.multiply(Decimal(trade.price), Decimal(trade.qty))
        sums = self.minutes.setdefault(second - second % 60, [Decimal(), Decimal()])
        sums[not bought] = EXACT.add(sums[not bought], notional)

    def document(self) -> dict[str, object]:
        """The latest seconds and minutes, ascending, for JSON; amounts are exact decimal text."""
        seconds, minutes = sorted(self.seconds)[-MAX_BARS:], sorted(self.minutes)[-MAX_MINUTES:]
        return {
            "seconds": [self.seconds[second] for second in seconds],
            "minutes": [[minute, *(format(amount, "f") for amount in self.minutes[minute])] for minute in minutes],
        }


async def read_next(stream: TradeStream, after: int, wanted: Filter) -> Page:
    """The wanted among the next SCAN_LIMIT trades after a sequence."""
    if after >= stream.head:
        return Page([], after, False)
    batch = await stream.read_past_damage(after, SCAN_LIMIT)
    read_to = max(after, batch.last)
    return Page([event for _, event in wanted.of(batch)], read_to, read_to < stream.head, last_hash(batch, read_to))


async def read_last(stream: TradeStream, count: int, wanted: Filter, head: int) -> list[bytes]:
    """The last `count` wanted trades up to `head`, among the last LOOK_BACK trades."""
    found: list[bytes] = []
    end, step = head, SCAN_LIMIT if wanted else count
    while end > max(0, head - LOOK_BACK) and len(found) < count:
        start = max(0, end - step)
        found = await _read(stream, start, end, wanted) + found
        end = start
    return found[-count:]


async def read_bars(stream: TradeStream, wanted: Filter, head: int) -> Bars:
    """The chart data of the last LOOK_BACK trades up to `head`."""
    bars, start = Bars(), max(0, head - LOOK_BACK)
    while start < head:
        end = min(head, start + SCAN_LIMIT)
        for event in await _read(stream, start, end, wanted):
            bars.add(event)
        start = end
    return bars


async def _read(stream: TradeStream, start: int, end: int, wanted: Filter) -> list[bytes]:
    """The wanted trades after `start` up to `end`."""
    events: list[bytes] = []
    while start < end:
        batch = await stream.read_past_damage(start, end - start)
        if batch.count <= 0:
            break
        if batch.events:
            events += [event for _, event in wanted.of(cut(batch, start, end))]
        start = batch.last
    return events


@lru_cache(maxsize=4_096)
def _second(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())

"""Windows and candles of markets: CPU time of a trade that arrives in a batch, and of reading the windows."""

import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from benchmarks.suite import Suite
from benchmarks.table import Row, at_most
from telemetry_stream.events import Batch
from trading_analytics.market.decode import MarketEvent
from trading_analytics.market.fold import MarketFold
from trading_analytics.windows.markets import Markets
from trading_analytics.windows.observations import Market, Trade
from trading_model.field_rules import format_timestamp

MARKETS = [("binance", f"C{number}-USDT") for number in range(100)]
TRADES = 60_000
BATCH = 1_000
SECOND = 1_000_000_000
BEGAN_NS = 1_700_000_000 * SECOND
WINDOWS = (30 * SECOND, 300 * SECOND, 3_600 * SECOND)
DAY = 86_400 * SECOND

GOAL_US = 2.0
FLAT = 1.1
"""How much more a trade may take with a window of a day than with one of 30 s."""

Seen = list[tuple[Market, Trade]]


def cost(suite: Suite) -> list[Row]:
    """A trade in batches of 1,000 at 100 markets with three windows; one window of 30 s and of 24 h; reading them."""
    busy, sparse, events = _trades(50), _trades(5), _batches(_trades(50))
    whats = ("busy", "sparse", "30 s", "24 h", "whole", "decoding", "read")

    def measure(what: str) -> float:
        if what == "whole":
            return _whole(events)
        if what == "decoding":
            return _decoding(events)
        if what == "read":
            return _read(busy)
        windows = {"30 s": (WINDOWS[0],), "24 h": (DAY,)}.get(what, WINDOWS)
        return _take(sparse if what == "sparse" else busy, windows)

    found = {what: statistics.median(values) for what, values in suite.interleaved(whats, measure).items()}
    alone = found["decoding"]
    beside = f" a trade; {found['whole'] / alone:.1f} × its decoding alone ({alone:.2f} µs)"
    return [
        at_most("a trade, 50 a second and market", GOAL_US, found["busy"], " µs"),
        at_most("a trade, 5 a second and market", GOAL_US, found["sparse"], " µs", ": most are alone at a grid point"),
        at_most("one window of 24 h against one of 30 s", FLAT, found["24 h"] / found["30 s"], " ×"),
        Row("from bytes to windows and candles", "", f"{found['whole']:.2f} µs{beside}"),
        Row("reading the three windows of a market, once a second", "", f"{found['read']:.0f} µs"),
    ]


def _trades(per_second: int) -> Seen:
    """Trades of all markets in random order, `per_second` a second of each."""
    chance = random.Random(1)
    prices = [Decimal(60_000)] * len(MARKETS)
    step_ns = SECOND // (per_second * len(MARKETS))
    made: Seen = []
    for number in range(TRADES):
        place = chance.randrange(len(MARKETS))
        prices[place] += Decimal(chance.randint(-9, 9)).scaleb(-2)
        made.append((MARKETS[place], Trade(BEGAN_NS + number * step_ns, number, prices[place], Decimal("0.01500000"))))
    return made


def _batches(trades: Seen) -> list[Batch]:
    batches, ids = [], Counter[Market]()
    for start in range(0, len(trades), BATCH):
        events = [_event(market, trade, ids) for market, trade in trades[start : start + BATCH]]
        batches.append(Batch("a-stream", start + 1, start + len(events), b",".join(events)))
    return batches


def _event(market: Market, trade: Trade, ids: Counter[Market]) -> bytes:
    """As the feed journals it; each market numbers its trades."""
    venue, symbol = market
    ids[market] += 1
    return msgspec.json.encode(
        {
            "seq": trade.seq + 1, "kind": "trade", "venue": venue, "symbol": symbol, "trade_id": str(ids[market]),
            "price": str(trade.price), "qty": str(trade.qty), "side": "buy", "ts": format_timestamp(trade.ts_ns),
            "received_at_ns": trade.ts_ns, "origin": "live", "first_trade_id": "1", "last_trade_id": "2",
        }
    )  # fmt: skip


def _take(trades: Seen, windows_ns: Sequence[int]) -> float:
    """Microseconds a trade."""
    markets = Markets(windows_ns)
    began = time.process_time()
    for start in range(0, len(trades), BATCH):
        markets.take(trades[start : start + BATCH])
    return (time.process_time() - began) / len(trades) * 1e6


def _whole(batches: Sequence[Batch]) -> float:
    """Microseconds a trade with decoding and candles, which are drained once a second of events."""
    fold = MarketFold(WINDOWS, 0, {})
    began = time.process_time()
    for number, batch in enumerate(batches):
        fold.apply(batch, 0)
        if number % 5 == 0:
            fold.drain()
    return (time.process_time() - began) / TRADES * 1e6


def _decoding(batches: Sequence[Batch]) -> float:
    """Microseconds a trade for msgspec alone."""
    decode = msgspec.json.Decoder(list[MarketEvent]).decode
    began = time.process_time()
    for batch in batches:
        decode(b"[%b]" % batch.events)
    return (time.process_time() - began) / TRADES * 1e6


def _read(trades: Seen) -> float:
    """Microseconds for the windows of one market, read once a second of events."""
    markets = Markets(WINDOWS)
    reads, seconds = 0, 0.0
    for start in range(0, len(trades), 5 * BATCH):
        markets.take(trades[start : start + 5 * BATCH])
        began = time.process_time()
        for market in markets.known:
            markets.read(market, markets.newest_ns)
            reads += 1
        seconds += time.process_time() - began
    return seconds / reads * 1e6

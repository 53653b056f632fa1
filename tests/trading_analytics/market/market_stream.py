"""A stream of market data for tests: events in the words of docs/market-data.md, and their candles the long way."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from telemetry_stream.events import Batch
from trading_history.candles.candle import Candle

Event = dict[str, Any]
START = datetime(2026, 1, 5, 23, 59, 30, tzinfo=UTC)


def random_events(seed: int, count: int, start: datetime = START) -> list[Event]:
    """Trades of two markets in the order of their ids, some late after a gap, with quotes and candles between."""
    chance = random.Random(seed)
    made: list[Event] = []
    ids = {"BTC-USDT": 1_000, "ETH-USDT": 7}
    time, missing = start, list[Event]()
    while len(made) < count:
        time += timedelta(milliseconds=chance.randrange(900))
        symbol = chance.choice(list(ids))
        market = {"venue": "binance", "symbol": symbol}
        received = int(time.timestamp() * 1_000) * 1_000_000
        kind = chance.choices(("trade", "quote", "candle", "gap"), (80, 10, 5, 5))[0]
        price = f"{chance.randint(90_000, 110_000) / 100:.2f}"
        trade: Event = {"kind": "trade", **market, "trade_id": str(ids[symbol]), "price": price}
        trade |= {"qty": f"{chance.randint(1, 999) / 1000:.8f}", "ts": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        trade |= {"received_at_ns": received, "origin": "live", "first_trade_id": "1", "last_trade_id": "2"}
        if kind == "quote":
            made.append({"kind": "quote", **market, "bid": price, "ask": price + "1", "received_at_ns": received})
        elif kind == "candle":
            made.append({"kind": "candle", **market, "open": price, "received_at_ns": received})
        elif kind == "gap":
            made.append({"kind": "gap", **market, "count": 1, "received_at_ns": received})
            missing.append(trade | {"late": True})
            ids[symbol] += 1
        else:
            made.append(trade)
            ids[symbol] += 1
            if missing and chance.random() < 0.3:
                made.append(missing.pop(0))
    return made[:count]


def batch_of(events: Sequence[Event], first: int, stream: str = "a-stream") -> Batch:
    """Events that are numbered from `first` on."""
    numbered = [json.dumps({"seq": first + index, **event}).encode() for index, event in enumerate(events)]
    return Batch(stream, first, first + len(events) - 1, b",".join(numbered))


def candles_of(events: Sequence[Event], symbol: str, span: int) -> dict[int, Candle]:
    """The candles of a market, from all its trades, sorted."""
    found: dict[int, list[Event]] = defaultdict(list)
    trades = [event for event in events if event["kind"] == "trade" and event["symbol"] == symbol]
    for trade in sorted(trades, key=lambda trade: trade["ts"]):
        found[nanoseconds(trade) // 10**9 // span * span].append(trade)
    return {start: _candle(some) for start, some in found.items()}


def _candle(trades: Sequence[Event]) -> Candle:
    prices = [Decimal(trade["price"]) for trade in trades]
    volume = sum(Fraction(trade["qty"]) for trade in trades)
    notional = sum(Fraction(trade["qty"]) * Fraction(trade["price"]) for trade in trades)
    return Candle(
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        Decimal(int(volume * 10**8)).scaleb(-8),
        Decimal(int(notional * 10**10)).scaleb(-10),
        len(trades),
        nanoseconds(trades[0]),
        nanoseconds(trades[-1]),
        sum(trade.get("late", False) for trade in trades),
    )


def nanoseconds(trade: Event) -> int:
    time = datetime.fromisoformat(trade["ts"])
    return int(time.timestamp()) * 10**9 + time.microsecond * 1_000

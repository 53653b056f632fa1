"""A market's candles in the store that trading-analytics writes."""

from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from telemetry_stream.events import StreamPosition
from telemetry_stream.id_spaces import IdSpace
from trading_history.candles.candle import CandleFold, Market
from trading_history.candles.known_trades import KnownTrades
from trading_history.candles.store import CandleWriter, TradeIds
from trading_model.topics import MARKET_DATA


def store_candles(folder: Path, market: Market, trades: Iterable[tuple[int, str, str]]) -> None:
    """Store the candles of a market's trades, each its time in ns since 1970, its price and its quantity."""
    fold = CandleFold()
    for ts_ns, price, qty in trades:
        fold.add(market, ts_ns, Decimal(price), Decimal(qty), late=False)
    with closing(CandleWriter(folder)) as writer:
        known = {TradeIds(market, "single"): KnownTrades(IdSpace(1), 0)}
        writer.commit(MARKET_DATA, StreamPosition("a-stream", 1), fold.drain(), known)

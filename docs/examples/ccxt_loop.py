"""Records what a bot of your own trades through ccxt: call `record_trades` in its loop.

`trading-app follow ccxt` does the same without a line of code, and remembers how far it is; see docs/clients.md.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trading_client import TradingClient


class Exchange(Protocol):
    """What is used of ccxt's classes."""

    def fetch_my_trades(self, symbol: str, since: int | None, limit: int | None) -> Sequence[Mapping[str, Any]]:
        """The account's trades since a Unix time in milliseconds."""

    def market(self, symbol: str) -> Mapping[str, Any]:
        """What is known of a symbol."""


def record_trades(client: TradingClient, exchange: Exchange, symbol: str, since_ms: int) -> int:
    """Record the trades since a time, and return the time to go on from. Recording a trade twice adds nothing."""
    size = exchange.market(symbol).get("contractSize")
    for trade in exchange.fetch_my_trades(symbol, since_ms, None):
        fee = trade.get("fee") or {}
        client.record(
            trade["symbol"],
            trade["side"],
            trade["price"],
            trade["amount"],
            trade["timestamp"],
            trade["id"],
            order_id=trade.get("order"),
            fee=fee.get("cost"),
            fee_currency=fee.get("currency"),
            multiplier=size,  # amounts of contracts count contracts
        )
        since_ms = max(since_ms, trade["timestamp"])
    return since_ms


def main() -> None:
    """Follow one symbol of Binance. The keys may only read, and come from the environment."""
    import ccxt  # noqa: PLC0415 -- only this function needs it

    exchange = ccxt.binance({"apiKey": os.environ["BINANCE_API_KEY"], "secret": os.environ["BINANCE_SECRET"]})
    exchange.number = str  # the exchange's digits in place of floats
    exchange.load_markets()
    since_ms = int(time.time() * 1000)
    with TradingClient(account="binance", spool="spool") as client:
        while True:
            since_ms = record_trades(client, exchange, "BTC/USDT", since_ms)
            time.sleep(30)


if __name__ == "__main__":
    main()

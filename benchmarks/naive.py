"""The design that comes to mind first, as a baseline: pydantic, a commit a request (SQLite, synchronous=FULL), metrics
kept with prometheus_client at each event, and each trade published by itself: `python -m benchmarks.naive PORT FOLDER`.
"""

import sqlite3
import sys
from pathlib import Path

import zmq
from fastapi import FastAPI
from prometheus_client import Counter, Gauge, make_asgi_app

from benchmarks.bare import serve
from benchmarks.empty import Trade

KEY = ("account", "strategy", "symbol")
TRADES = Counter("trades", "Trades.", (*KEY, "side"))
VOLUME = Counter("volume", "Base units.", (*KEY, "side"))
NOTIONAL = Counter("notional", "Quote units.", (*KEY, "side"))
POSITION = Gauge("position", "Base units.", KEY)
CASH = Gauge("cash", "Quote units.", KEY)
LAST_PRICE = Gauge("last_price", "Quote units.", ("symbol",))


def make_app(folder: Path) -> FastAPI:
    """The app, with its database in that folder."""
    connection = sqlite3.connect(folder / "naive.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE trade (id INTEGER PRIMARY KEY, trade_id TEXT UNIQUE, body TEXT)")
    publisher: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
    publisher.bind_to_random_port("tcp://127.0.0.1")
    app = FastAPI()
    app.mount("/metrics", make_asgi_app())

    @app.post("/trade", status_code=201)
    async def trade(trade: Trade) -> dict[str, object]:
        body = trade.model_dump_json()
        inserted = connection.execute("INSERT INTO trade (trade_id, body) VALUES (?, ?)", (trade.trade_id, body))
        publisher.send_multipart([b"trades", body.encode()])
        observe(trade)
        return {"seq": inserted.lastrowid, "trade_id": trade.trade_id, "status": "accepted"}

    return app


def observe(trade: Trade) -> None:
    """Keep the metrics, with floats."""
    key = (trade.account, trade.strategy, trade.symbol)
    quantity, notional = float(trade.qty), float(trade.price * trade.qty)
    sign = 1 if trade.side == "buy" else -1
    TRADES.labels(*key, trade.side).inc()
    VOLUME.labels(*key, trade.side).inc(quantity)
    NOTIONAL.labels(*key, trade.side).inc(notional)
    POSITION.labels(*key).inc(sign * quantity)
    CASH.labels(*key).inc(-sign * notional)
    LAST_PRICE.labels(trade.symbol).set(float(trade.price))


if __name__ == "__main__":
    serve(make_app(Path(sys.argv[2])))

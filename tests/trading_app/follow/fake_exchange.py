"""Binance (spot), Kraken and Bybit as far as ccxt asks them for an account's trades: pages, limits, signatures.

Made from the documents of the exchanges. Binance answers the oldest 1,000 of at most a day, Kraken the newest 50, Bybit
the newest 100 of at most seven days.
"""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DAY_MS = 86_400_000
KEY = "a-key-that-may-read"
SIGNING = base64.b64encode(b"what requests are signed with").decode()

PATHS = {
    "binance": {"public": "/api/v3", "private": "/api/v3", "sapi": "/sapi/v1", "fapiPublic": "/fapi/v1"},
    "kraken": {"public": "", "private": "", "zendesk": ""},
    "bybit": {"spot": "", "futures": "", "v2": "", "public": "", "private": ""},
}
COUNTS = {"binance": 1_500, "kraken": 180, "bybit": 250}

Document = Mapping[str, Any]
Answer = tuple[int, Any]


@dataclass
class FakeExchange:
    """Its address, its trades as it stores them, and what to fail: every `fails_every`th request, none if 0."""

    now_ms: int
    url: str = ""
    fails_every: int = 0
    requests: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(5)
        times = {
            name: sorted(self.now_ms - chance.randrange(9 * DAY_MS) for _ in range(COUNTS[name])) for name in COUNTS
        }
        self.binance = [_binance(number, at) for number, at in enumerate(times["binance"])]
        self.kraken = [_kraken(number, at) for number, at in enumerate(times["kraken"])]
        self.bybit = [_bybit(number, at) for number, at in enumerate(times["bybit"])]

    def config(self, name: str) -> dict[str, Any]:
        """What ccxt's class needs to ask here."""
        options: dict[str, Any] = {"adjustForTimeDifference": False, "fetchCurrencies": False}
        if name != "kraken":
            options["fetchMarkets"] = {"types": ["spot" if name == "binance" else "linear"]}
        urls = {part: self.url + path for part, path in PATHS[name].items()}
        return {"urls": {"api": urls}, "rateLimit": 1, "options": options}

    def answer(self, path: str, query: str, body: str, headers: Mapping[str, str]) -> Answer:
        """The status and the document of an answer."""
        self.requests += 1
        if self.fails_every and self.requests % self.fails_every == 0:
            return 502, {}
        asked = dict(parse_qsl(query))
        if path.startswith("/0/"):
            return 200, self._kraken(path, body, headers)
        if path.startswith("/v5/"):
            return 200, self._bybit(path, query, asked, headers)
        if path == "/api/v3/time":
            return 200, {"serverTime": self.now_ms}
        if path == "/api/v3/exchangeInfo":
            return 200, {"symbols": [_market("BTCUSDT", "BTC", "USDT")], "rateLimits": []}
        return self._binance(query, asked, headers) if path == "/api/v3/myTrades" else (200, [])

    def _binance(self, query: str, asked: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        text, _, signature = query.rpartition("&signature=")
        if headers.get("X-MBX-APIKEY") != KEY or signature != _hex(text):
            return 401, {"code": -2014, "msg": "API-key format invalid."}
        since, until = int(asked["startTime"]), int(asked.get("endTime", 10**15))
        if "endTime" in asked and until - since > DAY_MS:
            return 400, {"code": -1127, "msg": "More than 24 hours between startTime and endTime."}
        return 200, [each for each in self.binance if since <= each["time"] <= until][: int(asked.get("limit", 500))]

    def _kraken(self, path: str, body: str, headers: Mapping[str, str]) -> Document:
        if path == "/0/public/Assets":
            return {"error": [], "result": {"XXBT": _asset("XBT"), "ZUSD": _asset("USD")}}
        if path == "/0/public/Time":
            return {"error": [], "result": {"unixtime": self.now_ms // 1_000}}
        if path == "/0/public/AssetPairs":
            return {"error": [], "result": {"XXBTZUSD": PAIR}}
        asked = dict(parse_qsl(body))
        signed = path.encode() + hashlib.sha256((asked.get("nonce", "") + body).encode()).digest()
        expected = base64.b64encode(hmac.new(base64.b64decode(SIGNING), signed, hashlib.sha512).digest()).decode()
        if headers.get("API-Key") != KEY or headers.get("API-Sign") != expected:
            return {"error": ["EAPI:Invalid key"]}
        since, until = float(asked.get("start", 0)), float(asked.get("end", 1e12))
        within = [(name, each) for name, each in self.kraken if since < each["time"] <= until]
        return {"error": [], "result": {"trades": dict(within[::-1][:50]), "count": len(within)}}

    def _bybit(self, path: str, query: str, asked: Mapping[str, str], headers: Mapping[str, str]) -> Document:
        found: Sequence[Document] = []
        if path == "/v5/market/instruments-info" and asked.get("category") == "linear":
            found = [CONTRACT]
        if path == "/v5/execution/list":
            stamp = headers.get("X-BAPI-TIMESTAMP", "") + KEY + headers.get("X-BAPI-RECV-WINDOW", "") + query
            if headers.get("X-BAPI-API-KEY") != KEY or headers.get("X-BAPI-SIGN") != _hex(stamp):
                return {"retCode": 10003, "retMsg": "API key is invalid."}
            since = int(asked["startTime"])
            until = int(asked.get("endTime", since + 7 * DAY_MS))
            if until - since > 7 * DAY_MS:
                return {"retCode": 10001, "retMsg": "The time range cannot exceed 7 days"}
            of_type = [each for each in self.bybit if each["execType"] == asked["execType"]]
            within = [each for each in of_type if since <= int(each["execTime"]) <= until]
            found = within[::-1][: int(asked.get("limit", 50))]
        result = {"category": "linear", "list": found, "nextPageCursor": ""}
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": self.now_ms}


@contextmanager
def fake_exchange(now_ms: int | None = None) -> Iterator[FakeExchange]:
    """The three exchanges at one address."""
    exchange = FakeExchange(now_ms or int(time.time() * 1_000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, document = exchange.answer(parts.path, parts.query, body, dict(self.headers))
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        exchange.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield exchange
        finally:
            server.shutdown()
            thread.join()


def _hex(text: str) -> str:
    return hmac.new(SIGNING.encode(), text.encode(), hashlib.sha256).hexdigest()


def _binance(number: int, at: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": 28_457 + number,
        "orderId": 100_234 + number,
        "orderListId": -1,
        "time": at,
        "price": f"{60_000 + number}.00000100",
        "qty": "0.01200000",
        "quoteQty": "720.12",
        "commission": "0.00010000",
        "commissionAsset": "BNB",
        "isBuyer": number % 2 == 0,
        "isMaker": False,
    }


def _kraken(number: int, at: int) -> tuple[str, dict[str, Any]]:
    return f"T{number:05d}-AAAAA-BBBBBB", {
        "ordertxid": f"O{number:05d}-AAAAA-BBBBBB",
        "pair": "XXBTZUSD",
        "time": at / 1_000,
        "maker": False,
        "type": ("buy", "sell")[number % 2],
        "ordertype": "limit",
        "price": "60000.10000",
        "vol": "0.01000000",
        "cost": "600.00100",
        "fee": "0.96000",
        "margin": "0.00000",
        "misc": "",
        "trade_id": number,
    }


def _bybit(number: int, at: int) -> dict[str, Any]:
    is_funding = number % 25 == 0
    return {
        "symbol": "BTCUSDT",
        "side": ("Buy", "Sell")[number % 2],
        "orderId": f"order-{number}",
        "execTime": str(at),
        "execId": f"{at}-{number}",
        "execType": "Funding" if is_funding else "Trade",
        "isMaker": False,
        "execPrice": "60001.10",
        "execQty": "0.100",
        "execValue": "6000.11",
        "orderType": "Market",
        "execFee": "-0.01489538" if is_funding else "0.071409",
        "feeRate": "0.0006",
        "createType": "CreateByUser",
    }


def _market(symbol: str, base: str, quote: str) -> Document:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ]
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": filters,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
    }


def _asset(name: str) -> Document:
    return {"aclass": "currency", "altname": name, "decimals": 10, "display_decimals": 5}


PAIR: Document = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "lot": "unit",
    "status": "online",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "tick_size": "0.1",
    "leverage_buy": [],
    "leverage_sell": [],
    "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]],
    "ordermin": "0.0001",
}
CONTRACT: Document = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "launchTime": "1585526400000",
    "deliveryTime": "0",
    "priceFilter": {"minPrice": "0.1", "maxPrice": "199999", "tickSize": "0.1"},
    "lotSizeFilter": {"maxOrderQty": "100", "minOrderQty": "0.001", "qtyStep": "0.001"},
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
}

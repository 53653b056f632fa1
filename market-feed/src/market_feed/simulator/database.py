"""What the REST side of a simulated Binance knows, and how it answers. No I/O."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from market_feed.decisions.budget import RollingBudget

WEIGHTS = {"aggTrades": 4, "historicalTrades": 25, "time": 1, "exchangeInfo": 20, "klines": 2}
MAX_LIMIT = 1_000
MAX_DIGITS_ID = 10**18
KEPT = 300_000
"""Min of the last trades of a symbol that are kept; the max is twice that, since a market has no end."""

Item = TypeVar("Item")

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, and the JSON document."""


class Database:
    """The trades that were published, by symbol. Publish them in order of their ids."""

    def __init__(self, weight_per_minute: int = 6_000) -> None:
        self.behind = 0
        """By how many trades the database is behind the streams."""

        self.oldest = 0
        """Trades with lower ids are not kept any more."""

        self.absent: set[int] = set()
        """Ids that do not exist here, though they were published."""

        self.statuses: dict[str, str] = {}
        """The venue's own words for what instruments are, by code; without one they trade."""

        self.unlisted: set[str] = set()
        """Codes that this venue does not know."""

        self.asked: list[tuple[str, dict[str, str]]] = []
        self._weights = RollingBudget(weight_per_minute, 60.0)
        self._banned_until = float("-inf")
        self._refused = 0
        self.max_refused = 0
        """Requests that came while this address was banned."""

        self._aggregates: dict[str, tuple[list[int], list[dict[str, Any]]]] = {}
        self._singles: dict[str, tuple[list[int], list[dict[str, Any]]]] = {}
        self._candles: dict[str, tuple[list[int], list[list[Any]]]] = {}
        self._matches: dict[str, tuple[list[int], list[dict[str, Any]]]] = {}

    def add(self, data: Mapping[str, Any]) -> None:
        """A trade, an aggregate or a candle is published."""
        if data.get("e") == "aggTrade":
            _add(self._aggregates, data["s"], data["a"], {key: data[key] for key in "apqflTmM"})
        elif data.get("e") == "kline" and data["k"]["x"]:
            kline = data["k"]
            candle = [kline["t"], *(kline[key] for key in "ohlcv"), kline["T"], "0", kline["n"], "0", "0", "0"]
            _add(self._candles, data["s"], kline["t"], candle)
        elif data.get("type") == "match":
            match = {key: data[key] for key in ("trade_id", "price", "size", "time", "side")}
            _add(self._matches, data["product_id"], data["trade_id"], match)
        elif data.get("e") == "trade":
            single = {
                "id": data["t"], "price": data["p"], "qty": data["q"], "quoteQty": "0", "time": data["T"],
                "isBuyerMaker": data["m"], "isBestMatch": True,
            }  # fmt: skip
            _add(self._singles, data["s"], data["t"], single)

    def last_single_id(self, code: str) -> int:
        """The id of the symbol's last single trade; 0 for none."""
        ids, _ = self._singles.get(code) or self._matches.get(code) or ([], [])
        _, aggregates = self._aggregates.get(code) or ([], [])
        return ids[-1] if ids else aggregates[-1]["l"] if aggregates else 0

    def answer(self, path: str, parameters: dict[str, str], microseconds: bool, now: float, now_ns: int) -> Answer:
        """The answer to a request; `now` is in seconds of a monotonic clock."""
        if path.startswith("/products/"):
            return self._product(path.split("/")[2:], parameters)
        if path == "/time":
            return 200, {}, {"epoch": now_ns / 1e9}
        name = path.rpartition("/")[2]
        self.asked.append((name, parameters))
        if now < self._banned_until:
            self.max_refused += 1
            return 418, {"Retry-After": str(int(self._banned_until - now) + 1)}, {"code": -1003, "msg": "banned"}
        weight = WEIGHTS.get(name)
        if weight is None:
            return 404, {}, {"code": -1121, "msg": "no such path"}
        if self._weights.wait(weight, now):
            self._banned_until = now + 2
            return 429, {"Retry-After": "2"}, {"code": -1003, "msg": "Too much request weight used"}
        self._weights.spend(weight, now)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._weights.used)}
        if name == "time":
            return 200, headers, {"serverTime": now_ns // (1_000 if microseconds else 1_000_000)}
        if name == "exchangeInfo":
            return self._info(headers, msgspec.json.decode(parameters.get("symbols", "[]")))
        if name == "klines":
            return 200, headers, self._klines(parameters, microseconds)
        return 200, headers, self._page(name, parameters, microseconds)

    def _info(self, headers: dict[str, str], codes: list[str]) -> Answer:
        if self.unlisted & set(codes):
            return 400, headers, {"code": -1121, "msg": "Invalid symbol."}
        symbols = [{"symbol": code, "status": self.statuses.get(code, "TRADING")} for code in codes]
        return 200, headers, {"timezone": "UTC", "symbols": symbols}

    def _klines(self, parameters: dict[str, str], microseconds: bool) -> list[list[Any]]:
        starts, candles = self._candles.get(parameters.get("symbol", ""), ([], []))
        begin = bisect_left(starts, int(parameters.get("startTime", "0")))
        page = candles[begin : begin + min(int(parameters.get("limit", "500")), MAX_LIMIT)]
        return [[one[0] * 1_000, *one[1:6], one[6] * 1_000, *one[7:]] for one in page] if microseconds else page

    def _product(self, parts: list[str], parameters: dict[str, str]) -> Answer:
        """What Coinbase says of a product: itself, or its trades."""
        code = parts[0]
        if code in self.unlisted:
            return 404, {}, {"message": "NotFound"}
        if parts[1:] == ["trades"]:
            return 200, {}, self._older(code, parameters)
        status = self.statuses.get(code, "online")
        return 200, {}, {"id": code, "status": status, "trading_disabled": status != "online"}

    def _older(self, code: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
        """Coinbase's trades before an id, the newest first."""
        self.asked.append(("trades", parameters))
        ids, items = self._matches.get(code, ([], []))
        end = bisect_left(ids, int(parameters.get("after", MAX_DIGITS_ID)))
        end = min(end, max(len(ids) - self.behind, 0))
        start = max(end - min(int(parameters.get("limit", "1000")), MAX_LIMIT), bisect_left(ids, self.oldest), 0)
        return [item for item in reversed(items[start:end]) if item["trade_id"] not in self.absent]

    def _page(self, name: str, parameters: dict[str, str], microseconds: bool) -> list[dict[str, Any]]:
        known = self._aggregates if name == "aggTrades" else self._singles
        ids, items = known.get(parameters.get("symbol", ""), ([], []))
        end = max(len(ids) - self.behind, 0)
        limit = min(int(parameters.get("limit", "500")), MAX_LIMIT)
        if "fromId" in parameters:
            start = bisect_left(ids, max(int(parameters["fromId"]), self.oldest))
        elif "startTime" in parameters:
            time = int(parameters["startTime"])
            time = time // 1_000 if time > 10**14 else time
            start = bisect_left(items, time, key=lambda item: item["T"])
        else:
            start = max(end - limit, 0)
        page = items[start : min(start + limit, end)]
        page = [item for item in page if item.get("a", item.get("id")) not in self.absent]
        key = "T" if name == "aggTrades" else "time"
        return [{**item, key: item[key] * 1_000} for item in page] if microseconds else page


def _add(kept: dict[str, tuple[list[int], list[Item]]], symbol: str, number: int, item: Item) -> None:
    """Keep a trade or a candle; drop the oldest, many at a time."""
    numbers, items = kept.setdefault(symbol, ([], []))
    numbers.append(number)
    items.append(item)
    if len(numbers) >= 2 * KEPT:
        del numbers[:KEPT], items[:KEPT]


def encode(document: Any) -> bytes:
    """JSON."""
    return msgspec.json.encode(document)

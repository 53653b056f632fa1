"""Binance Spot's names, subscriptions and limits. No I/O."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import msgspec

from market_feed.market import CANDLE_INTERVAL, CANDLE_US, KINDS, Candle, Instrument, InstrumentStatus, Trade
from market_feed.times import Unit
from market_feed.venues.binance import pages
from market_feed.venues.binance.frames import BinanceReader
from market_feed.venues.venue import Page, VenueLimits, Wanted

URL_STREAMS = 100
"""Maximum streams named in the URL, which the venue cuts off without a word beyond some 8,000 characters."""


class Binance:
    """A Venue."""

    name = "binance"
    kinds: tuple[str, ...] = KINDS
    limits = VenueLimits(
        names_per_message=200,
        streams_per_connection=400,
        message_pause_seconds=0.35,
        dials=250,
        dials_seconds=300,
        weight=6_000,
        weight_seconds=60,
        instruments_per_status=100,
        lifetime_seconds=86_400,
    )

    def __init__(self, stream_url: str, unit: Unit, wanted: Wanted) -> None:
        self._base = stream_url.rstrip("/")
        if not urlsplit(self._base).path:
            self._base += "/stream"
        self._unit = unit
        self.wanted = wanted

    def instrument(self, symbol: str) -> Instrument:
        """BTC-USDT is BTCUSDT."""
        return Instrument(self.name, symbol, symbol.replace("-", "").upper())

    def id_space(self, instrument: Instrument) -> str:
        """Aggregates have ids of their own."""
        return f"binance:{instrument.code}:{'t' if self.wanted.raw_trades else 'a'}"

    def streams(self, instrument: Instrument) -> list[str]:
        """The last trade id of the ticker shows whether a silent market is a quiet one."""
        names = ["ticker"]
        if self.wanted.trades:
            names.insert(0, "trade" if self.wanted.raw_trades else "aggTrade")
        if "quote" in self.wanted.kinds:
            names.append("bookTicker")
        if "candle" in self.wanted.kinds:
            names.append(f"kline_{CANDLE_INTERVAL}")
        return [f"{instrument.code.lower()}@{name}" for name in names]

    def url(self, streams: Sequence[str]) -> tuple[str, Sequence[str]]:
        """The first streams are named in the URL: data flows as soon as the connection is open."""
        named = [quote(name, safe="@!_") for name in streams[:URL_STREAMS]]
        unit = "&timeUnit=MICROSECOND" if self._unit is Unit.MICROSECOND else ""
        return f"{self._base}?streams={'/'.join(named)}{unit}", streams[URL_STREAMS:]

    def subscribe(self, streams: Sequence[str], number: int) -> list[bytes]:
        """One message for each 200 names."""
        parts = [
            streams[i : i + self.limits.names_per_message]
            for i in range(0, len(streams), self.limits.names_per_message)
        ]
        return [_message("SUBSCRIBE", number + index, list(part)) for index, part in enumerate(parts)]

    def list_subscriptions(self, number: int) -> bytes:
        """The message LIST_SUBSCRIPTIONS."""
        return _message("LIST_SUBSCRIPTIONS", number)

    def reader(self) -> BinanceReader:
        """A reader for a new connection."""
        return BinanceReader(self._unit, single=self.wanted.raw_trades)

    def page(self, instrument: Instrument, first: int) -> Page:
        """The request for trades by `fromId`, ascending."""
        if self.wanted.raw_trades:
            return self._page("historicalTrades", instrument, "fromId", first, pages.TRADES_WEIGHT)
        return self._page("aggTrades", instrument, "fromId", first, pages.AGGREGATES_WEIGHT)

    def first_since(self, instrument: Instrument, time_us: int) -> Page:
        """The request for a trade by `startTime`, which only aggregates have; the first of them names its first single
        trade too.
        """
        page = self._page("aggTrades", instrument, "startTime", time_us // 1_000, pages.AGGREGATES_WEIGHT)
        return Page(page.path, {**page.parameters, "limit": "1"}, page.headers, page.weight)

    def read_first(self, body: bytes) -> int | None:
        """The id of the first trade since a time; None if there is none yet. Raises ValueError."""
        return pages.read_first(body, single=self.wanted.raw_trades)

    def read_page(self, instrument: Instrument, body: bytes, now_us: int) -> list[Trade]:
        """The trades of a page. Raises ValueError."""
        read = pages.read_singles if self.wanted.raw_trades else pages.read_aggregates
        return read(instrument.code, body, self._unit, now_us)

    def candle_page(self, instrument: Instrument, first: int) -> Page:
        """The request for candles by `startTime`, ascending."""
        parameters = {
            "symbol": instrument.code,
            "interval": CANDLE_INTERVAL,
            "startTime": str(first * CANDLE_US // 1_000),
            "limit": str(pages.LIMIT),
        }
        return Page("/api/v3/klines", parameters, self._headers, pages.CANDLES_WEIGHT)

    def read_candles(self, instrument: Instrument, body: bytes, now_us: int) -> list[Candle]:
        """The candles of a page. Raises ValueError."""
        return pages.read_candles(instrument.code, body, self._unit, now_us)

    def status_page(self, instruments: Sequence[Instrument]) -> Page:
        """exchangeInfo, without what each account may do."""
        codes = msgspec.json.encode([one.code for one in instruments]).decode()
        parameters = {"symbols": codes, "showPermissionSets": "false"}
        return Page("/api/v3/exchangeInfo", parameters, {}, pages.STATUS_WEIGHT)

    def read_statuses(self, body: bytes, now_us: int) -> list[InstrumentStatus]:  # noqa: ARG002 -- of the interface
        """The status of each instrument. Raises ValueError."""
        return pages.read_statuses(body)

    def is_unlisted(self, status: int, body: bytes) -> bool:
        """400 with the code -1121."""
        return status == HTTPStatus.BAD_REQUEST and pages.error_code(body) == pages.UNKNOWN_SYMBOL

    def weight_used(self, headers: Mapping[str, str]) -> int | None:
        """X-MBX-USED-WEIGHT-1M."""
        used = headers.get("x-mbx-used-weight-1m", "")
        return int(used) if used.isascii() and used.isdigit() and len(used) < 10 else None

    def time_page(self) -> Page:
        """The request for the venue's time, /api/v3/time."""
        return Page("/api/v3/time", {}, {}, 1)

    def read_time(self, body: bytes) -> int:
        """The venue's time. Raises ValueError."""
        return pages.read_time(body)

    def _page(self, name: str, instrument: Instrument, key: str, value: int, weight: int) -> Page:
        parameters = {"symbol": instrument.code, key: str(value), "limit": str(pages.LIMIT)}
        return Page(f"/api/v3/{name}", parameters, self._headers, weight)

    @property
    def _headers(self) -> Mapping[str, str]:
        return pages.TIME_HEADER if self._unit is Unit.MICROSECOND else {}


def _message(method: str, number: int, names: list[str] | None = None) -> bytes:
    message: dict[str, object] = {"method": method, "id": number}
    if names is not None:
        message["params"] = names
    return msgspec.json.encode(message)

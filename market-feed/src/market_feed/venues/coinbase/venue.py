"""Coinbase Exchange's names, subscriptions and limits. No I/O."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec

from market_feed.market import Candle, Instrument, InstrumentStatus, Trade
from market_feed.venues.coinbase import pages
from market_feed.venues.coinbase.frames import CoinbaseReader
from market_feed.venues.venue import Page, VenueLimits, Wanted


class Coinbase:
    """A Venue."""

    name = "coinbase"
    kinds: tuple[str, ...] = ("trade", "quote")
    limits = VenueLimits(
        names_per_message=200,
        streams_per_connection=200,
        message_pause_seconds=0.2,
        dials=5,
        dials_seconds=1,
        weight=8,
        weight_seconds=1,
        instruments_per_status=1,
        lifetime_seconds=None,
    )

    def __init__(self, stream_url: str, wanted: Wanted) -> None:
        self._url = stream_url
        self.wanted = wanted

    def instrument(self, symbol: str) -> Instrument:
        """BTC-USD is BTC-USD."""
        return Instrument(self.name, symbol, symbol.upper())

    def id_space(self, instrument: Instrument) -> str:
        """Each product numbers its trades."""
        return f"coinbase:{instrument.code}:t"

    def streams(self, instrument: Instrument) -> list[str]:
        """The heartbeat names the last trade. There are no candles."""
        names = ["heartbeat"]
        if self.wanted.trades:
            names.insert(0, "matches")
        if "quote" in self.wanted.kinds:
            names.append("ticker")
        return [f"{instrument.code}@{name}" for name in names]

    def url(self, streams: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Everything is subscribed to by messages."""
        return self._url, streams

    def subscribe(self, streams: Sequence[str], number: int) -> list[bytes]:  # noqa: ARG002 -- of the interface
        """One message for each 200 names; the venue has no numbers of messages."""
        size = self.limits.names_per_message
        return [_subscribe(streams[start : start + size]) for start in range(0, len(streams), size)]

    def list_subscriptions(self, number: int) -> None:
        """Each message is answered by what is subscribed to."""

    def reader(self) -> CoinbaseReader:
        """A reader for a new connection."""
        return CoinbaseReader()

    def page(self, instrument: Instrument, first: int) -> Page:
        """`after` gives what is older than an id: the page that ends LIMIT ids further."""
        parameters = {"after": str(first + pages.LIMIT), "limit": str(pages.LIMIT)}
        return Page(f"/products/{instrument.code}/trades", parameters, {}, 1)

    def first_since(self, instrument: Instrument, time_us: int) -> None:
        """The venue has no trades by time."""

    def read_first(self, body: bytes) -> int | None:  # noqa: ARG002 -- of the interface
        """Never asked for."""
        raise ValueError("the venue has no trades by time")

    def read_page(self, instrument: Instrument, body: bytes, now_us: int) -> list[Trade]:
        """The trades of a page. Raises ValueError."""
        return pages.read_trades(instrument.code, body, now_us)

    def candle_page(self, instrument: Instrument, first: int) -> Page:  # noqa: ARG002 -- of the interface
        """Never asked for."""
        raise ValueError("the venue has no stream of candles")

    def read_candles(self, instrument: Instrument, body: bytes, now_us: int) -> list[Candle]:  # noqa: ARG002 -- of the interface
        """Never asked for."""
        raise ValueError("the venue has no stream of candles")

    def status_page(self, instruments: Sequence[Instrument]) -> Page:
        """The request for the product itself."""
        return Page(f"/products/{instruments[0].code}", {}, {}, 1)

    def read_statuses(self, body: bytes, now_us: int) -> list[InstrumentStatus]:  # noqa: ARG002 -- of the interface
        """The status of an instrument. Raises ValueError."""
        return [pages.read_status(body)]

    def is_unlisted(self, status: int, body: bytes) -> bool:  # noqa: ARG002 -- of the interface
        """Whether the answer is a 404."""
        return status == HTTPStatus.NOT_FOUND

    def weight_used(self, headers: Mapping[str, str]) -> None:
        """The venue does not say."""

    def time_page(self) -> Page:
        """The request for the venue's time, /time."""
        return Page("/time", {}, {}, 1)

    def read_time(self, body: bytes) -> int:
        """The venue's time. Raises ValueError."""
        return pages.read_time(body)


def _subscribe(streams: Sequence[str]) -> bytes:
    pairs = [name.rpartition("@") for name in streams]
    channels = {channel: [product for product, _, name in pairs if name == channel] for _, _, channel in pairs}
    wanted = [{"name": channel, "product_ids": products} for channel, products in channels.items()]
    return msgspec.json.encode({"type": "subscribe", "channels": wanted})

"""What a venue has to say about itself: its streams, how to read them, and how to fetch what was missed. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from market_feed.market import Candle, Instrument, InstrumentStatus, Item, Trade


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to subscribe to. `raw_trades` asks for single trades where a venue has aggregates too."""

    kinds: tuple[str, ...]
    raw_trades: bool = False

    @property
    def trades(self) -> bool:
        """Whether trades are followed."""
        return "trade" in self.kinds


@dataclass(frozen=True, slots=True)
class Page:
    """A request for trades in ascending or descending order of ids. `weight` counts against the venue's limit."""

    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    weight: int


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """A venue's published limits."""

    names_per_message: int
    streams_per_connection: int
    message_pause_seconds: float
    """Minimum time between two messages of ours on a connection; pongs count at the venue too."""

    dials: int
    dials_seconds: float
    """Maximum connection attempts within that time."""

    weight: int
    weight_seconds: float
    """Maximum weight of requests within that time."""

    instruments_per_status: int
    """Maximum instruments in one request for their status."""

    lifetime_seconds: float | None
    """After which the venue ends a connection; None if it does not."""


class Reader(Protocol):
    """Reads what one connection brings."""

    def read(self, frames: Sequence[bytes], now_us: int) -> list[Item]:
        """What the frames say, in order. A frame that can't be read gives Unreadable, and hides no other."""


class Venue(Protocol):
    """A venue's protocol."""

    name: str
    kinds: tuple[str, ...]
    """What it publishes."""

    wanted: Wanted
    limits: VenueLimits

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol BASE-QUOTE."""

    def id_space(self, instrument: Instrument) -> str:
        """The name of the ids of its trades."""

    def streams(self, instrument: Instrument) -> list[str]:
        """The names of the streams to subscribe to."""

    def url(self, streams: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Where to connect, and the streams that have to be subscribed to by messages."""

    def subscribe(self, streams: Sequence[str], number: int) -> list[bytes]:
        """The messages that subscribe to streams; `number` is the first free number of a message."""

    def list_subscriptions(self, number: int) -> bytes | None:
        """The message that asks what is subscribed to; None if the venue says so by itself."""

    def reader(self) -> Reader:
        """A reader for a new connection."""

    def page(self, instrument: Instrument, first: int) -> Page:
        """The request for the trades from the id `first` on."""

    def first_since(self, instrument: Instrument, time_us: int) -> Page | None:
        """The request for the first trade at or after a time; None if the venue has none."""

    def read_first(self, body: bytes) -> int | None:
        """The id of that trade; None if there is none yet. Raises ValueError."""

    def read_page(self, instrument: Instrument, body: bytes, now_us: int) -> list[Trade]:
        """The trades of a page that can be read, in any order. Raises ValueError, also if none can."""

    def candle_page(self, instrument: Instrument, first: int) -> Page:
        """The request for the closed candles from the number `first` on."""

    def read_candles(self, instrument: Instrument, body: bytes, now_us: int) -> list[Candle]:
        """The candles of a page that can be read; the last may be one that is not closed. Raises ValueError."""

    def status_page(self, instruments: Sequence[Instrument]) -> Page:
        """The request for the status of instruments."""

    def read_statuses(self, body: bytes, now_us: int) -> list[InstrumentStatus]:
        """What the venue says of them. Raises ValueError."""

    def is_unlisted(self, status: int, body: bytes) -> bool:
        """Whether an answer, by its HTTP status, says that the venue does not list one of the instruments."""

    def weight_used(self, headers: Mapping[str, str]) -> int | None:
        """What the venue says was used within the minute; None if it does not say."""

    def time_page(self) -> Page:
        """The request for the venue's clock."""

    def read_time(self, body: bytes) -> int:
        """The venue's clock, microseconds since 1970. Raises ValueError."""

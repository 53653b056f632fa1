"""The program's settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from market_feed.decisions.limits import FeedLimits, Limits
from market_feed.market import KINDS
from market_feed.times import Unit
from market_feed.venues.venue import Wanted
from service_kit.access.tokens import read_entries
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError, is_loopback, is_loopback_address
from telemetry_stream.backend import STORES, TRANSPORTS
from telemetry_stream.keys import KEY_CHARACTERS, is_key
from telemetry_stream.place import Place
from telemetry_stream.topics import Deduplication, Retention, Topic
from trading_model.topics import MARKET_DATA

FOLDER = "market-data"
"""The folder of the journal, in DATA_DIR."""

VENUES = ("binance", "coinbase")
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}-[A-Z0-9]{1,20}")
_HOUR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings. `.env.sample` explains each."""

    http_host: str
    http_port: int
    max_connections: int
    api_tokens: tuple[str, ...] = field(repr=False)
    venues: tuple[str, ...]
    symbols: tuple[str, ...]
    """BASE-QUOTE, each of all venues, or with a venue's name in front: `coinbase:BTC-USD`."""

    wanted: Wanted
    binance_stream_url: str
    binance_rest_url: str
    binance_unit: Unit
    coinbase_stream_url: str
    coinbase_rest_url: str
    limits: FeedLimits
    schedule_file: Path
    fill_weight: int
    max_pending_events: int
    market_data: Place
    logs: LogSettings
    unknown_names: Mapping[str, str]
    """Settings that no program reads, each with the closest known name or ""."""

    def symbols_of(self, venue: str) -> list[str]:
        """The symbols to follow at a venue."""
        pairs = [symbol.rpartition(":") for symbol in self.symbols]
        return [symbol for named, _, symbol in pairs if named in ("", venue)]


def read_settings(environment: Environment) -> Settings:
    """Read the settings. Raises SettingError, which names the key."""
    place = read_place(environment)
    settings = Settings(
        http_host=environment.text("FEED_HTTP_HOST", "127.0.0.1"),
        http_port=environment.port("FEED_HTTP_PORT", 8003),
        max_connections=environment.integer("FEED_MAX_CONNECTIONS", 200, minimum=1, maximum=100_000),
        api_tokens=read_entries(environment, "FEED_API_TOKENS"),
        venues=_choices(environment, "FEED_VENUES", VENUES, "binance"),
        symbols=_symbols(environment),
        wanted=Wanted(
            _choices(environment, "FEED_KINDS", KINDS, "trade"),
            environment.choice("FEED_TRADES", "aggregate", ("aggregate", "single")) == "single",
        ),
        binance_stream_url=_url(environment, "FEED_BINANCE_STREAM_URL", "wss://data-stream.binance.vision", "ws"),
        binance_rest_url=_url(environment, "FEED_BINANCE_REST_URL", "https://data-api.binance.vision", "http"),
        binance_unit=Unit[environment.choice("FEED_TIME_UNIT", "microsecond", ("microsecond", "millisecond")).upper()],
        coinbase_stream_url=_url(environment, "FEED_COINBASE_STREAM_URL", "wss://ws-feed.exchange.coinbase.com", "ws"),
        coinbase_rest_url=_url(environment, "FEED_COINBASE_REST_URL", "https://api.exchange.coinbase.com", "http"),
        limits=_limits(environment),
        schedule_file=environment.file("FEED_SCHEDULE_FILE") or environment.config_file("ingestion_schedule.yml"),
        fill_weight=environment.integer("FEED_FILL_WEIGHT", 3_000, minimum=1, maximum=6_000),
        max_pending_events=environment.integer("FEED_MAX_PENDING_EVENTS", 100_000, minimum=1, maximum=10_000_000),
        market_data=place,
        logs=read_log_settings(environment),
        unknown_names=environment.unknown_names(),
    )
    if not is_loopback(settings.http_host) and not settings.api_tokens:
        raise SettingError(
            f"FEED_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set FEED_API_TOKENS, or use 127.0.0.1"
        )
    return settings


def read_place(environment: Environment) -> Place:
    """Where the market journal is. Raises SettingError."""
    retention = Retention(
        environment.integer("FEED_KEEP_DAYS", 7, minimum=1, maximum=36_500) * 86_400,
        environment.integer("FEED_KEEP_BYTES", 5_000_000_000, minimum=1_000_000, maximum=10**15),
    )
    place = Place(
        Topic(MARKET_DATA, Deduplication.IDS, retention),
        environment.folder("DATA_DIR", "./data") / FOLDER,
        environment.address("FEED_ZMQ_ADDR", "tcp://127.0.0.1:5557"),
        environment.address("FEED_REPLAY_ADDR", "tcp://127.0.0.1:5558"),
        environment.file("FEED_ZMQ_SECRET_KEY_FILE"),
        client_keys=environment.words("FEED_ZMQ_CLIENT_KEYS"),
        store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
        transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
    )
    for key in place.client_keys:
        if not is_key(key):
            raise SettingError(f"FEED_ZMQ_CLIENT_KEYS: a key has {KEY_CHARACTERS} characters")
    if bool(place.client_keys) != (place.secret_key_file is not None):
        raise SettingError("FEED_ZMQ_CLIENT_KEYS and FEED_ZMQ_SECRET_KEY_FILE: set both or none")
    for name, address in (("FEED_ZMQ_ADDR", place.live_address), ("FEED_REPLAY_ADDR", place.replay_address)):
        if not place.client_keys and not is_loopback_address(address):
            raise SettingError(
                f"{name}={address!r} can be reached from other machines:"
                " set FEED_ZMQ_SECRET_KEY_FILE and FEED_ZMQ_CLIENT_KEYS, or use 127.0.0.1"
            )
    return place


def _limits(environment: Environment) -> FeedLimits:
    written = environment.text("FEED_ROTATE_AT", "")
    found = _HOUR.fullmatch(written)
    if written and found is None:
        raise SettingError(f"FEED_ROTATE_AT={written!r}: a time in UTC such as 03:30 is needed")
    return FeedLimits(
        Limits(
            environment.seconds("FEED_FILL_SECONDS", 60, minimum=0.1, maximum=3_600),
            max_fetched=environment.integer("FEED_FILL_MAX_TRADES", 1_000_000, minimum=1, maximum=10**9),
        ),
        stale_seconds=environment.seconds("FEED_STALE_SECONDS", 15, minimum=1, maximum=3_600),
        silent_seconds=environment.seconds("FEED_SILENT_SECONDS", 60, minimum=1, maximum=3_600),
        quote_seconds=environment.seconds("FEED_QUOTE_SECONDS", 0, minimum=0, maximum=3_600),
        rotate_at=(int(found[1]) * 60 + int(found[2])) * 60 if found else None,
    )


def _choices(environment: Environment, key: str, choices: tuple[str, ...], default: str) -> tuple[str, ...]:
    found = tuple(word.lower() for word in environment.words(key)) or (default,)
    for word in found:
        if word not in choices:
            raise SettingError(f"{key}: {word!r} is none of {', '.join(choices)}")
    return tuple(dict.fromkeys(found))


def _symbols(environment: Environment) -> tuple[str, ...]:
    found = []
    for word in environment.words("FEED_SYMBOLS"):
        venue, _, symbol = word.rpartition(":")
        symbol = symbol.upper()
        if not _SYMBOL.fullmatch(symbol) or (venue and venue.lower() not in VENUES):
            raise SettingError(f"FEED_SYMBOLS: {word!r} is not BASE-QUOTE such as BTC-USDT, or VENUE:BASE-QUOTE")
        found.append(f"{venue.lower()}:{symbol}" if venue else symbol)
    return tuple(dict.fromkeys(found))


def _url(environment: Environment, key: str, default: str, scheme: str) -> str:
    """A URL of the encrypted scheme; the plain one only to loopback."""
    written = environment.text(key, default)
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    is_fine = parts.scheme == f"{scheme}s" or (parts.scheme == scheme and is_loopback(host))
    if not (host and is_fine and not parts.query and not parts.fragment and parts.username is None):
        raise SettingError(f"{key}={written!r}: a URL such as {default} is needed; plain {scheme}: only to loopback")
    return written.rstrip("/")

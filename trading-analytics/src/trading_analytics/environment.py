"""The program's settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service_kit.access.tokens import read_entries
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError, is_loopback
from telemetry_stream.backend import STORES, TRANSPORTS
from telemetry_stream.keys import KEY_CHARACTERS, is_key
from telemetry_stream.place import Place
from telemetry_stream.topics import Deduplication, Topic
from trading_model.days import DayBoundary
from trading_model.topics import LEDGER, MARKET_DATA, MARKET_DATA_FOLDER

LEDGER_KEY = "ANALYTICS_ZMQ_SERVER_KEY"
FEED_KEY = "ANALYTICS_FEED_ZMQ_SERVER_KEY"

DEFAULT_WINDOWS = ("30s", "5m", "1h")
MIN_WINDOW, MAX_WINDOW, MAX_WINDOWS = 5, 7 * 86_400, 10
"""Lengths in seconds, and their number."""

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings. `.env.sample` explains each."""

    http_host: str
    http_port: int
    max_connections: int
    api_tokens: tuple[str, ...] = field(repr=False)
    ledger: Place
    """Where the stream of trades is; its folder has the history too."""

    feed: Place | None
    """Where the stream of market data is; None where FEED_SYMBOLS names no market."""

    windows_ns: tuple[int, ...]
    """Lengths of the windows of market metrics, in nanoseconds, ascending."""

    day_boundary: DayBoundary
    """When days begin, for the P&L by day."""

    logs: LogSettings
    unknown_names: Mapping[str, str]
    """Settings that no program reads, each with the closest known name or ""."""


def read_settings(environment: Environment) -> Settings:
    """Read the settings. Raises SettingError, which names the key."""
    own_key_file, server_key = environment.file("ANALYTICS_ZMQ_SECRET_KEY_FILE"), environment.text(LEDGER_KEY, "")
    settings = Settings(
        http_host=environment.text("ANALYTICS_HTTP_HOST", "127.0.0.1"),
        http_port=environment.port("ANALYTICS_HTTP_PORT", 8002),
        max_connections=environment.integer("ANALYTICS_MAX_CONNECTIONS", 200, minimum=1, maximum=100_000),
        api_tokens=read_entries(environment, "ANALYTICS_API_TOKENS"),
        ledger=Place(
            Topic(LEDGER),
            environment.folder("DATA_DIR", "./data"),
            environment.address("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1:5555"),
            environment.address("WEBAPP_REPLAY_ADDR", "tcp://127.0.0.1:5556"),
            own_key_file if server_key else None,
            server_key=server_key,
            store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
            transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
        ),
        feed=_feed(environment),
        windows_ns=_windows(environment),
        day_boundary=environment.parsed("DAY_BOUNDARY", "00:00 UTC", DayBoundary.parse),
        logs=read_log_settings(environment),
        unknown_names=environment.unknown_names(),
    )
    if not is_loopback(settings.http_host) and not settings.api_tokens:
        raise SettingError(
            f"ANALYTICS_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set ANALYTICS_API_TOKENS, or use 127.0.0.1"
        )
    feed_key = "" if settings.feed is None else settings.feed.server_key
    for name, key in ((LEDGER_KEY, server_key), (FEED_KEY, feed_key)):
        if key and not is_key(key):
            raise SettingError(f"{name}: a key has {KEY_CHARACTERS} characters")
    if bool(server_key or feed_key) != (own_key_file is not None):
        raise SettingError(f"{LEDGER_KEY} or {FEED_KEY}, and ANALYTICS_ZMQ_SECRET_KEY_FILE: set both or none")
    return settings


def _feed(environment: Environment) -> Place | None:
    if not environment.words("FEED_SYMBOLS"):
        return None
    server_key = environment.text(FEED_KEY, "")
    return Place(
        Topic(MARKET_DATA, Deduplication.IDS),
        environment.folder("DATA_DIR", "./data") / MARKET_DATA_FOLDER,
        environment.address("FEED_ZMQ_ADDR", "tcp://127.0.0.1:5557"),
        environment.address("FEED_REPLAY_ADDR", "tcp://127.0.0.1:5558"),
        environment.file("ANALYTICS_ZMQ_SECRET_KEY_FILE") if server_key else None,
        server_key=server_key,
        store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
        transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
    )


def _windows(environment: Environment) -> tuple[int, ...]:
    found = set()
    for word in environment.words("ANALYTICS_WINDOWS") or DEFAULT_WINDOWS:
        length = _DURATION.fullmatch(word)
        seconds = int(length[1]) * UNIT_SECONDS[length[2]] if length else 0
        if not MIN_WINDOW <= seconds <= MAX_WINDOW:
            raise SettingError(f"ANALYTICS_WINDOWS: {word!r} is not a length from 5s to 7d, such as 30s, 5m, 1h")
        found.add(seconds * 1_000_000_000)
    if len(found) > MAX_WINDOWS:
        raise SettingError(f"ANALYTICS_WINDOWS: at most {MAX_WINDOWS} windows")
    return tuple(sorted(found))

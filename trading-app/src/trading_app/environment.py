"""The web app's settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service_kit.access.tokens import read_entries, token_to_show
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError, is_loopback, is_loopback_address
from telemetry_stream.backend import STORES, TRANSPORTS
from telemetry_stream.keys import KEY_CHARACTERS, is_key
from trading_app.access.id_provider import IdProvider, read_provider
from trading_model.days import DayBoundary
from trading_model.rates import read_base_currency

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")


CONFIG_FILES = {
    "WEBAPP_INSTRUMENTS_FILE": "instruments.yml",
    "WEBAPP_HOOKS_FILE": "webhooks.yml",
    "WEBAPP_ACCOUNTS_FILE": "accounts.yml",
}
"""Settings that name a file, each with the one of the folder `config` that is read where it is not set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The web app's settings. `docs/operations.md` and `.env.sample` explain each."""

    http_host: str
    http_port: int
    publisher_address: str
    replay_address: str
    zmq_key_file: Path | None
    zmq_client_keys: tuple[str, ...]
    data_folder: Path
    instruments_file: Path
    hooks_file: Path
    accounts_file: Path
    named_files: Mapping[str, Path]
    """The files of these three that settings name, by key. They have to be there at a start; default ones need not."""

    cors_origins: tuple[str, ...]
    api_tokens: tuple[str, ...] = field(repr=False)
    id_provider: IdProvider | None
    public_url: str
    max_body_bytes: int
    max_import_bytes: int
    max_bodies_bytes: int
    max_outgoing_bytes: int
    max_batch_trades: int
    max_pending_trades: int
    max_live_streams: int
    max_connections: int
    header_seconds: float
    body_seconds: float
    unread_seconds: float
    rate_limit: str
    min_free_bytes: int
    logs: LogSettings
    stream_store: str
    stream_transport: str
    day_boundary: DayBoundary
    base_currency: str
    sidecar_url: str
    sidecar_token: str = field(repr=False)
    analytics_url: str
    analytics_token: str = field(repr=False)
    unknown_names: Mapping[str, str]
    """Unknown settings, each with the name that was probably meant."""


def read_settings(environment: Environment) -> Settings:
    """Read and check the settings. Raises SettingError, which names the key."""
    named = {key: file for key in CONFIG_FILES if (file := environment.file(key)) is not None}
    instruments_file, hooks_file, accounts_file = (
        named.get(key, environment.config_file(name)) for key, name in CONFIG_FILES.items()
    )
    settings = Settings(
        http_host=environment.text("WEBAPP_HTTP_HOST", "127.0.0.1"),
        http_port=environment.port("WEBAPP_HTTP_PORT", 8000),
        publisher_address=environment.address("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1:5555"),
        replay_address=environment.address("WEBAPP_REPLAY_ADDR", "tcp://127.0.0.1:5556"),
        zmq_key_file=environment.file("WEBAPP_ZMQ_SECRET_KEY_FILE"),
        zmq_client_keys=environment.words("WEBAPP_ZMQ_CLIENT_KEYS"),
        data_folder=environment.folder("DATA_DIR", "./data"),
        instruments_file=instruments_file,
        hooks_file=hooks_file,
        accounts_file=accounts_file,
        named_files=named,
        cors_origins=_origins(environment.words("WEBAPP_CORS_ORIGINS")),
        api_tokens=read_entries(environment, "WEBAPP_API_TOKENS"),
        id_provider=read_provider(environment),
        public_url=_origin(environment.text("WEBAPP_PUBLIC_URL", "")),
        max_body_bytes=environment.integer("WEBAPP_MAX_BODY_BYTES", 8_388_608, minimum=1_024, maximum=1_073_741_824),
        max_import_bytes=environment.integer("WEBAPP_MAX_IMPORT_BYTES", 134_217_728, minimum=1_024, maximum=2**40),
        max_bodies_bytes=environment.integer("WEBAPP_MAX_BODIES_BYTES", 268_435_456, minimum=1_024, maximum=2**40),
        max_outgoing_bytes=environment.integer("WEBAPP_MAX_OUTGOING_BYTES", 67_108_864, minimum=1_024, maximum=2**40),
        max_batch_trades=environment.integer("WEBAPP_MAX_BATCH_TRADES", 10_000, minimum=1, maximum=1_000_000),
        max_pending_trades=environment.integer("WEBAPP_MAX_PENDING_TRADES", 100_000, minimum=1, maximum=10_000_000),
        max_live_streams=environment.integer("WEBAPP_MAX_LIVE_STREAMS", 50, minimum=0, maximum=10_000),
        max_connections=environment.integer("WEBAPP_MAX_CONNECTIONS", 1_000, minimum=1, maximum=100_000),
        header_seconds=environment.seconds("WEBAPP_HEADER_SECONDS", 10, minimum=1, maximum=3_600),
        body_seconds=environment.seconds("WEBAPP_BODY_SECONDS", 30, minimum=1, maximum=3_600),
        unread_seconds=environment.seconds("WEBAPP_UNREAD_SECONDS", 20, minimum=1, maximum=3_600),
        rate_limit=_rate_limit(environment.text("WEBAPP_RATE_LIMIT", "")),
        min_free_bytes=environment.integer("WEBAPP_MIN_FREE_BYTES", 67_108_864, minimum=0, maximum=2**62),
        logs=read_log_settings(environment),
        stream_store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
        stream_transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
        day_boundary=environment.parsed("DAY_BOUNDARY", "00:00 UTC", DayBoundary.parse),
        base_currency=environment.parsed("BASE_CURRENCY", "", read_base_currency),
        sidecar_url=_sidecar_url(environment),
        sidecar_token=token_to_show(environment, "SIDECAR_API_TOKENS"),
        analytics_url=_analytics_url(environment),
        analytics_token=token_to_show(environment, "ANALYTICS_API_TOKENS"),
        unknown_names=environment.unknown_names(),
    )
    _refuse_open_listeners(settings)
    return settings


def _origins(written: tuple[str, ...]) -> tuple[str, ...]:
    """Origins exactly as browsers send them: any other spelling would never match. Raises SettingError."""
    for origin in written:
        if origin != "*" and _ORIGIN.fullmatch(origin) is None:
            raise SettingError(
                f"WEBAPP_CORS_ORIGINS: {origin!r} is not an origin; write it as https://example.com, without a path or"
                " a slash at the end"
            )
    return written


def _origin(written: str) -> str:
    """The origin that browsers know the app by. Raises SettingError."""
    if written and _ORIGIN.fullmatch(written) is None:
        raise SettingError(f"WEBAPP_PUBLIC_URL={written!r}: write it as https://desk.example, without a final slash")
    return written


def _rate_limit(written: str) -> str:
    """The limit as written. Raises SettingError if it is not valid."""
    if written:
        from trading_app.access.rates import parse_rates  # noqa: PLC0415 -- the import takes a quarter of a second

        try:
            parse_rates(written)
        except ValueError:
            raise SettingError(
                f"WEBAPP_RATE_LIMIT={written!r} is not a rate; write it as 5000/second, or 100/second;20000/hour"
            ) from None
    return written


def _sidecar_url(environment: Environment) -> str:
    host = environment.text("SIDECAR_HTTP_HOST", "127.0.0.1")
    return f"http://{host}:{environment.port('SIDECAR_HTTP_PORT', 8001)}"


def _analytics_url(environment: Environment) -> str:
    host = environment.text("ANALYTICS_HTTP_HOST", "127.0.0.1")
    return f"http://{host}:{environment.port('ANALYTICS_HTTP_PORT', 8002)}"


def _refuse_open_listeners(settings: Settings) -> None:
    """Other machines must not reach a listener without a credential. Raises SettingError."""
    if not is_loopback(settings.http_host) and not settings.api_tokens and settings.id_provider is None:
        raise SettingError(
            f"WEBAPP_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set WEBAPP_API_TOKENS, or use 127.0.0.1"
        )
    for key, address in (
        ("WEBAPP_ZMQ_ADDR", settings.publisher_address),
        ("WEBAPP_REPLAY_ADDR", settings.replay_address),
    ):
        if not is_loopback_address(address) and settings.zmq_key_file is None:
            raise SettingError(
                f"{key}={address!r} can be reached from other machines: set WEBAPP_ZMQ_SECRET_KEY_FILE and"
                " WEBAPP_ZMQ_CLIENT_KEYS (`trading-app zmq-keys FILE` makes keys), or use 127.0.0.1"
            )
    _check_keys(settings)


def _check_keys(settings: Settings) -> None:
    for place, key in enumerate(settings.zmq_client_keys, 1):
        if not is_key(key):  # not shown: it may be a mistyped secret key
            raise SettingError(f"WEBAPP_ZMQ_CLIENT_KEYS: number {place} is not a key of {KEY_CHARACTERS} characters")
    if bool(settings.zmq_client_keys) != (settings.zmq_key_file is not None):
        raise SettingError(
            "WEBAPP_ZMQ_CLIENT_KEYS and WEBAPP_ZMQ_SECRET_KEY_FILE: set both or none; only listed subscribers connect"
        )

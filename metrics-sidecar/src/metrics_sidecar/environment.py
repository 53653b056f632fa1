"""The sidecar's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service_kit.access.tokens import read_entries
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError, is_loopback
from telemetry_stream.backend import STORES, TRANSPORTS
from telemetry_stream.keys import KEY_CHARACTERS, is_key
from trading_model.rates import read_base_currency


@dataclass(frozen=True, slots=True)
class Settings:
    """The sidecar's settings. `.env.sample` explains each."""

    http_host: str
    http_port: int
    publisher_address: str
    replay_address: str
    zmq_server_key: str
    zmq_key_file: Path | None
    feed_address: str
    feed_replay_address: str
    feed_server_key: str
    mark_max_age_seconds: float
    data_folder: Path
    max_positions: int
    base_currency: str
    max_connections: int
    snapshot_seconds: float
    api_tokens: tuple[str, ...] = field(repr=False)
    logs: LogSettings
    stream_store: str
    stream_transport: str
    unknown_names: Mapping[str, str]
    """Settings that no program reads, each with the closest known name or ""."""


def read_settings(environment: Environment) -> Settings:
    """Read the settings. Raises SettingError, which names the key."""
    settings = Settings(
        http_host=environment.text("SIDECAR_HTTP_HOST", "127.0.0.1"),
        http_port=environment.port("SIDECAR_HTTP_PORT", 8001),
        publisher_address=environment.address("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1:5555"),
        replay_address=environment.address("WEBAPP_REPLAY_ADDR", "tcp://127.0.0.1:5556"),
        zmq_server_key=environment.text("SIDECAR_ZMQ_SERVER_KEY", ""),
        zmq_key_file=environment.file("SIDECAR_ZMQ_SECRET_KEY_FILE"),
        feed_address=environment.address("FEED_ZMQ_ADDR", "tcp://127.0.0.1:5557"),
        feed_replay_address=environment.address("FEED_REPLAY_ADDR", "tcp://127.0.0.1:5558"),
        feed_server_key=environment.text("SIDECAR_FEED_SERVER_KEY", ""),
        mark_max_age_seconds=environment.seconds("SIDECAR_MARK_SECONDS", 60.0, minimum=1, maximum=31_536_000),
        data_folder=environment.folder("DATA_DIR", "./data"),
        max_positions=environment.integer("SIDECAR_MAX_POSITIONS", 10_000, minimum=1, maximum=10_000_000),
        base_currency=environment.parsed("BASE_CURRENCY", "", read_base_currency),
        max_connections=environment.integer("SIDECAR_MAX_CONNECTIONS", 200, minimum=1, maximum=100_000),
        snapshot_seconds=environment.seconds("SIDECAR_SNAPSHOT_SECONDS", 5.0, minimum=0.1, maximum=86_400),
        api_tokens=read_entries(environment, "SIDECAR_API_TOKENS"),
        logs=read_log_settings(environment),
        unknown_names=environment.unknown_names(),
        stream_store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
        stream_transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
    )
    if not is_loopback(settings.http_host) and not settings.api_tokens:
        raise SettingError(
            f"SIDECAR_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set SIDECAR_API_TOKENS, or use 127.0.0.1"
        )
    _check_keys(settings)
    return settings


def _check_keys(settings: Settings) -> None:
    keys = {
        "SIDECAR_ZMQ_SERVER_KEY": settings.zmq_server_key,
        "SIDECAR_FEED_SERVER_KEY": settings.feed_server_key,
    }
    for name, key in keys.items():
        if key and not is_key(key):
            raise SettingError(f"{name}: a key has {KEY_CHARACTERS} characters")
        if key and settings.zmq_key_file is None:
            raise SettingError(f"{name} and SIDECAR_ZMQ_SECRET_KEY_FILE: set both or none")
    if settings.zmq_key_file is not None and not any(keys.values()):
        raise SettingError("SIDECAR_ZMQ_SERVER_KEY and SIDECAR_ZMQ_SECRET_KEY_FILE: set both or none")

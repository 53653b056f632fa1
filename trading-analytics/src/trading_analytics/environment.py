"""The program's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service_kit.access.tokens import read_entries
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError, is_loopback
from telemetry_stream.backend import STORES, TRANSPORTS
from telemetry_stream.keys import KEY_CHARACTERS, is_key
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from trading_model.topics import LEDGER


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings. `.env.sample` explains each."""

    http_host: str
    http_port: int
    max_connections: int
    api_tokens: tuple[str, ...] = field(repr=False)
    ledger: Place
    """Where the stream of trades is; its folder has the history too."""

    logs: LogSettings
    unknown_names: Mapping[str, str]
    """Settings that no program reads, each with the closest known name or ""."""


def read_settings(environment: Environment) -> Settings:
    """Read the settings. Raises SettingError, which names the key."""
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
            environment.file("ANALYTICS_ZMQ_SECRET_KEY_FILE"),
            server_key=environment.text("ANALYTICS_ZMQ_SERVER_KEY", ""),
            store=environment.choice("STREAM_STORE", "sqlite", tuple(STORES)),
            transport=environment.choice("STREAM_TRANSPORT", "zeromq", tuple(TRANSPORTS)),
        ),
        logs=read_log_settings(environment),
        unknown_names=environment.unknown_names(),
    )
    if not is_loopback(settings.http_host) and not settings.api_tokens:
        raise SettingError(
            f"ANALYTICS_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set ANALYTICS_API_TOKENS, or use 127.0.0.1"
        )
    if settings.ledger.server_key and not is_key(settings.ledger.server_key):
        raise SettingError(f"ANALYTICS_ZMQ_SERVER_KEY: a key has {KEY_CHARACTERS} characters")
    if bool(settings.ledger.server_key) != (settings.ledger.secret_key_file is not None):
        raise SettingError("ANALYTICS_ZMQ_SERVER_KEY and ANALYTICS_ZMQ_SECRET_KEY_FILE: set both or none")
    return settings

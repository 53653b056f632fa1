"""The web app's settings."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from telemetry_stream.environment import Environment, SettingError, is_loopback, is_loopback_address
from telemetry_stream.logs import FORMATS, LEVELS

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the web app runs with. `docs/operations.md` and `.env.sample` explain each."""

    http_host: str
    http_port: int
    publisher_address: str
    replay_address: str
    data_folder: Path
    cors_origins: tuple[str, ...]
    api_tokens: tuple[str, ...] = field(repr=False)
    most_body_bytes: int
    most_batch_trades: int
    most_pending_trades: int
    most_live_streams: int
    log_level: str
    log_format: str
    sidecar_url: str
    sidecar_token: str | None = field(repr=False)


def read_settings(environment: Environment) -> Settings:
    """The settings from an environment. Raises SettingError, which names the key."""
    settings = Settings(
        http_host=environment.text("WEBAPP_HTTP_HOST", "127.0.0.1"),
        http_port=environment.port("WEBAPP_HTTP_PORT", 8000),
        publisher_address=environment.address("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1:5555"),
        replay_address=environment.address("WEBAPP_REPLAY_ADDR", "tcp://127.0.0.1:5556"),
        data_folder=environment.folder("DATA_DIR", "./data"),
        cors_origins=_origins(environment.words("WEBAPP_CORS_ORIGINS")),
        api_tokens=environment.words("WEBAPP_API_TOKENS"),
        most_body_bytes=environment.integer("WEBAPP_MAX_BODY_BYTES", 8_388_608, least=1_024, most=1_073_741_824),
        most_batch_trades=environment.integer("WEBAPP_MAX_BATCH_TRADES", 10_000, least=1, most=1_000_000),
        most_pending_trades=environment.integer("WEBAPP_MAX_PENDING_TRADES", 100_000, least=1, most=10_000_000),
        most_live_streams=environment.integer("WEBAPP_MAX_LIVE_STREAMS", 50, least=0, most=10_000),
        log_level=environment.choice("LOG_LEVEL", "INFO", LEVELS),
        log_format=environment.choice("LOG_FORMAT", "auto", FORMATS),
        sidecar_url=_sidecar_url(environment),
        sidecar_token=next(iter(environment.words("SIDECAR_API_TOKENS")), None),
    )
    _refuse_what_is_open(settings)
    return settings


def _origins(written: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them; any other way of writing one would never match."""
    for origin in written:
        if origin != "*" and _ORIGIN.fullmatch(origin) is None:
            raise SettingError(
                f"WEBAPP_CORS_ORIGINS: {origin!r} is no origin; write it as https://example.com, with no path or"
                " slash after it"
            )
    return written


def _sidecar_url(environment: Environment) -> str:
    host = environment.text("SIDECAR_HTTP_HOST", "127.0.0.1")
    return f"http://{host}:{environment.port('SIDECAR_HTTP_PORT', 8001)}"


def _refuse_what_is_open(settings: Settings) -> None:
    """Nothing may be reached from other machines without a credential."""
    if not is_loopback(settings.http_host) and not settings.api_tokens:
        raise SettingError(
            f"WEBAPP_HTTP_HOST={settings.http_host!r} can be reached from other machines:"
            " set WEBAPP_API_TOKENS, or use 127.0.0.1"
        )
    for key, address in (
        ("WEBAPP_ZMQ_ADDR", settings.publisher_address),
        ("WEBAPP_REPLAY_ADDR", settings.replay_address),
    ):
        if not is_loopback_address(address):
            raise SettingError(
                f"{key}={address!r} can be reached from other machines, and has no access control: use 127.0.0.1"
            )

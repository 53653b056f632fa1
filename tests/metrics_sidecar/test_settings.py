"""The sidecar's settings: typed, checked, and named when they are wrong."""

from pathlib import Path

import pytest

from metrics_sidecar.environment import Settings, read_settings
from metrics_sidecar.run import market_place_of, place_of
from service_kit.settings import Environment, SettingError


def read(**values: str) -> Settings:
    return read_settings(Environment(values, Path("/srv")))


def test_without_any_setting_the_defaults_hold() -> None:
    settings = read()
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8001)
    assert (settings.max_positions, settings.snapshot_seconds) == (10_000, 5.0)
    assert settings.data_folder == Path("/srv/data")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SIDECAR_HTTP_PORT", "0"),
        ("SIDECAR_MAX_POSITIONS", "0"),
        ("SIDECAR_SNAPSHOT_SECONDS", "0"),
        ("WEBAPP_REPLAY_ADDR", "here"),
        ("LOG_LEVEL", "LOUD"),
        ("SIDECAR_HTTP_HOST", "0.0.0.0"),
        ("SIDECAR_HTTP_HOST", "192.168.1.10"),
        ("SIDECAR_HTTP_HOST", "::"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_key(key: str, value: str) -> None:
    with pytest.raises(SettingError, match=key):
        read(**{key: value})


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("SIDECAR_ZMQ_SERVER_KEY", {"SIDECAR_ZMQ_SERVER_KEY": "x" * 40}),
        ("SIDECAR_ZMQ_SECRET_KEY_FILE", {"SIDECAR_ZMQ_SECRET_KEY_FILE": "own.key"}),
        ("SIDECAR_FEED_SERVER_KEY", {"SIDECAR_FEED_SERVER_KEY": "x" * 40}),
        ("SIDECAR_FEED_SERVER_KEY", {"SIDECAR_FEED_SERVER_KEY": "short", "SIDECAR_ZMQ_SECRET_KEY_FILE": "own.key"}),
        ("SIDECAR_ZMQ_SERVER_KEY", {"SIDECAR_ZMQ_SERVER_KEY": "short", "SIDECAR_ZMQ_SECRET_KEY_FILE": "own.key"}),
    ],
)
def test_a_key_without_the_other_and_an_invalid_key_are_refused(key: str, values: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=key):
        read(**values)


def test_each_stream_is_encrypted_only_where_its_server_key_is_set() -> None:
    keys = {"SIDECAR_ZMQ_SECRET_KEY_FILE": "own.key", "SIDECAR_FEED_SERVER_KEY": "x" * 40}
    settings = read(FEED_ZMQ_ADDR="tcp://10.0.0.5:5557", **keys)
    assert place_of(settings).secret_key_file is None
    market = market_place_of(settings)
    assert (market.secret_key_file, market.server_key) == (Path("/srv/own.key"), "x" * 40)
    assert (market.topic.name, market.live_address) == ("market-data-raw", "tcp://10.0.0.5:5557")
    assert market_place_of(read()).replay_address == "tcp://127.0.0.1:5558"


def test_other_machines_may_reach_it_only_with_a_token_which_is_never_shown() -> None:
    settings = read(SIDECAR_HTTP_HOST="0.0.0.0", SIDECAR_API_TOKENS="secret-number-one, secret-number-two")
    assert settings.api_tokens == ("secret-number-one", "secret-number-two")
    assert "secret" not in repr(settings)

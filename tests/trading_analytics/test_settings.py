"""The settings of trading-analytics: typed, checked, and named when they are wrong."""

from pathlib import Path

import pytest

from service_kit.settings import Environment, SettingError
from trading_analytics.environment import Settings, read_settings


def read(**values: str) -> Settings:
    return read_settings(Environment(values, Path("/srv")))


def test_without_any_setting_the_defaults_hold() -> None:
    settings = read()
    assert (settings.http_host, settings.http_port, settings.max_connections) == ("127.0.0.1", 8002, 200)
    assert settings.ledger.folder == Path("/srv/data")
    assert (settings.feed, settings.windows_ns) == (None, (30 * 10**9, 300 * 10**9, 3_600 * 10**9))


def test_with_markets_the_feed_is_followed() -> None:
    settings = read(FEED_SYMBOLS="BTC-USDT", ANALYTICS_WINDOWS="1d,10s,60s,1m")
    assert settings.feed is not None
    assert settings.feed.folder == Path("/srv/data/market-data")
    assert settings.windows_ns == (10 * 10**9, 60 * 10**9, 86_400 * 10**9)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ANALYTICS_HTTP_PORT", {"ANALYTICS_HTTP_PORT": "0"}),
        ("ANALYTICS_HTTP_HOST", {"ANALYTICS_HTTP_HOST": "0.0.0.0"}),
        ("ANALYTICS_HTTP_HOST", {"ANALYTICS_HTTP_HOST": "::"}),
        ("ANALYTICS_MAX_CONNECTIONS", {"ANALYTICS_MAX_CONNECTIONS": "many"}),
        ("ANALYTICS_WINDOWS", {"ANALYTICS_WINDOWS": "30"}),
        ("ANALYTICS_WINDOWS", {"ANALYTICS_WINDOWS": "1s"}),
        ("ANALYTICS_WINDOWS", {"ANALYTICS_WINDOWS": "8d"}),
        ("ANALYTICS_WINDOWS", {"ANALYTICS_WINDOWS": ",".join(f"{number}m" for number in range(1, 12))}),
        ("FEED_ZMQ_ADDR", {"FEED_SYMBOLS": "BTC-USDT", "FEED_ZMQ_ADDR": "here"}),
        ("ANALYTICS_FEED_ZMQ_SERVER_KEY", {"FEED_SYMBOLS": "BTC-USDT", "ANALYTICS_FEED_ZMQ_SERVER_KEY": "x" * 40}),
        ("WEBAPP_REPLAY_ADDR", {"WEBAPP_REPLAY_ADDR": "here"}),
        ("ANALYTICS_ZMQ_SERVER_KEY", {"ANALYTICS_ZMQ_SERVER_KEY": "x" * 40}),
        ("ANALYTICS_ZMQ_SECRET_KEY_FILE", {"ANALYTICS_ZMQ_SECRET_KEY_FILE": "own.key"}),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_key(key: str, values: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=key):
        read(**values)


def test_other_machines_may_reach_it_only_with_a_token_which_is_never_shown() -> None:
    settings = read(ANALYTICS_HTTP_HOST="0.0.0.0", ANALYTICS_API_TOKENS="secret-number-one, secret-number-two")
    assert settings.api_tokens == ("secret-number-one", "secret-number-two")
    assert "secret-number" not in repr(settings)

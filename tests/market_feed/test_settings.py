"""The settings of market-feed: typed, checked, and named when they are wrong."""

from pathlib import Path

import pytest

from market_feed.environment import Settings, read_settings
from market_feed.known_venues import venues
from service_kit.settings import Environment, SettingError
from telemetry_stream.topics import Deduplication, Retention
from trading_model.topics import MARKET_DATA


def read(**values: str) -> Settings:
    return read_settings(Environment(values, Path("/srv")))


def test_without_any_setting_the_defaults_hold() -> None:
    settings = read()
    assert (settings.http_host, settings.http_port, settings.symbols) == ("127.0.0.1", 8003, ())
    place = settings.market_data
    assert place.folder == Path("/srv/data/market-data")
    assert (place.topic.name, place.topic.deduplication) == (MARKET_DATA, Deduplication.IDS)
    assert place.topic.retention == Retention(7 * 86_400, 5_000_000_000)


def test_a_symbol_may_name_its_venue() -> None:
    settings = read(FEED_SYMBOLS="btc-usdt, coinbase:BTC-USD,ETH-USDT,BTC-USDT")
    assert settings.symbols_of("binance") == ["BTC-USDT", "ETH-USDT"]
    assert settings.symbols_of("coinbase") == ["BTC-USDT", "BTC-USD", "ETH-USDT"]


def test_the_hour_of_rotation_is_read() -> None:
    assert read(FEED_ROTATE_AT="03:30").limits.rotate_at == 12_600


def test_plain_connections_lead_to_loopback_only() -> None:
    settings = read(FEED_BINANCE_STREAM_URL="ws://127.0.0.1:9443/", FEED_BINANCE_REST_URL="http://localhost:9443")
    assert (settings.binance_stream_url, settings.binance_rest_url) == ("ws://127.0.0.1:9443", "http://localhost:9443")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("FEED_HTTP_PORT", "0"),
        ("FEED_HTTP_HOST", "0.0.0.0"),
        ("FEED_SYMBOLS", "BTCUSDT"),
        ("FEED_SYMBOLS", "nowhere:BTC-USDT"),
        ("FEED_VENUES", "mtgox"),
        ("FEED_KINDS", "trade,book"),
        ("FEED_TRADES", "some"),
        ("FEED_BINANCE_STREAM_URL", "ws://stream.example.com"),
        ("FEED_BINANCE_STREAM_URL", "https://stream.example.com"),
        ("FEED_BINANCE_STREAM_URL", "wss://user@stream.example.com"),
        ("FEED_BINANCE_REST_URL", "http://api.example.com"),
        ("FEED_BINANCE_REST_URL", "api.example.com"),
        ("FEED_TIME_UNIT", "second"),
        ("FEED_ROTATE_AT", "24:00"),
        ("FEED_ROTATE_AT", "1020"),
        ("FEED_KEEP_DAYS", "0"),
        ("FEED_FILL_WEIGHT", "7000"),
        ("FEED_ZMQ_ADDR", "tcp://0.0.0.0:5557"),
        ("FEED_REPLAY_ADDR", "here"),
        ("FEED_ZMQ_CLIENT_KEYS", "short"),
        ("FEED_ZMQ_SECRET_KEY_FILE", "own.key"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_key(key: str, value: str) -> None:
    with pytest.raises(SettingError, match=key):
        read(**{key: value})


def test_other_machines_may_reach_it_only_with_a_token_which_is_never_shown() -> None:
    settings = read(FEED_HTTP_HOST="0.0.0.0", FEED_API_TOKENS="secret-number-one")
    assert "secret-number" not in repr(settings)


def test_a_venue_that_has_nothing_of_what_is_followed_is_refused() -> None:
    with pytest.raises(SettingError, match="FEED_KINDS: coinbase has none of candle"):
        venues(read(FEED_VENUES="binance,coinbase", FEED_KINDS="candle"))
    assert len(venues(read(FEED_VENUES="binance,coinbase", FEED_KINDS="candle,trade"))) == 2

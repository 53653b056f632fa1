"""The web app's settings: read once, checked, and shown without secrets."""

from pathlib import Path

import pytest

from service_kit.settings import Environment, SettingError
from trading_app.environment import Settings, read_settings

OTHER_KEY = "GNC$z4oczemCqVztUEJoM[=J#uKYBt0hmG!XO3ZM"
PUBLIC_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"


def settings(**values: str) -> Settings:
    return read_settings(Environment(values, Path("/project")))


def test_without_anything_set_the_defaults_hold() -> None:
    found = settings()
    assert (found.http_host, found.http_port) == ("127.0.0.1", 8000)
    assert (found.publisher_address, found.replay_address) == ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556")
    assert found.data_folder == Path("/project/data")
    assert (found.cors_origins, found.api_tokens) == ((), ())
    assert (found.max_body_bytes, found.max_batch_trades) == (8_388_608, 10_000)
    assert (found.max_pending_trades, found.max_live_streams) == (100_000, 50)
    assert found.min_free_bytes == 64 * 1024 * 1024
    assert found.sidecar_url == "http://127.0.0.1:8001"


@pytest.mark.parametrize("key", ["WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR"])
@pytest.mark.parametrize("host", ["0.0.0.0", "*", "192.168.1.5", "stream.example"])
def test_a_stream_that_other_machines_reach_needs_keys(key: str, host: str) -> None:
    with pytest.raises(SettingError, match=f"{key}=.* WEBAPP_ZMQ_SECRET_KEY_FILE and WEBAPP_ZMQ_CLIENT_KEYS"):
        settings(**{key: f"tcp://{host}:5555"})
    keys = {"WEBAPP_ZMQ_SECRET_KEY_FILE": "web.key", "WEBAPP_ZMQ_CLIENT_KEYS": f"{PUBLIC_KEY}, {OTHER_KEY}"}
    found = settings(**keys, **{key: f"tcp://{host}:5555"})
    assert found.zmq_key_file == Path("/project/web.key")
    assert found.zmq_client_keys == (PUBLIC_KEY, OTHER_KEY)


@pytest.mark.parametrize(
    "values",
    [
        {"WEBAPP_ZMQ_CLIENT_KEYS": PUBLIC_KEY},
        {"WEBAPP_ZMQ_CLIENT_KEYS": "", "WEBAPP_ZMQ_SECRET_KEY_FILE": "web.key"},
        {"WEBAPP_ZMQ_CLIENT_KEYS": f"{PUBLIC_KEY},{PUBLIC_KEY}x", "WEBAPP_ZMQ_SECRET_KEY_FILE": "web.key"},
        {"WEBAPP_ZMQ_CLIENT_KEYS": "~" * 40, "WEBAPP_ZMQ_SECRET_KEY_FILE": "web.key"},
    ],
)
def test_keys_that_let_in_nobody_are_refused_and_not_shown(values: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="WEBAPP_ZMQ_CLIENT_KEYS") as refused:
        settings(**values)
    assert PUBLIC_KEY not in str(refused.value)


def test_an_empty_value_is_the_default() -> None:
    assert settings(WEBAPP_HTTP_HOST="", WEBAPP_HTTP_PORT=" ", WEBAPP_API_TOKENS=" , ") == settings()


def test_tokens_are_not_shown() -> None:
    found = settings(WEBAPP_API_TOKENS="number-one-secret, number-two-secret")
    assert found.api_tokens == ("number-one-secret", "number-two-secret")
    assert "secret" not in repr(found)
    assert "secret" not in str(found)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert settings(WEBAPP_HTTP_HOST=host).http_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "127.0.0.1.example.com", ""])
def test_another_host_needs_one(host: str) -> None:
    if host:
        with pytest.raises(SettingError, match=r"WEBAPP_HTTP_HOST=.* set WEBAPP_API_TOKENS, or use 127\.0\.0\.1"):
            settings(WEBAPP_HTTP_HOST=host)
    assert settings(WEBAPP_HTTP_HOST=host, WEBAPP_API_TOKENS="a-token-of-the-test").api_tokens == (
        "a-token-of-the-test",
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WEBAPP_HTTP_PORT", "0"),
        ("WEBAPP_HTTP_PORT", "65536"),
        ("WEBAPP_HTTP_PORT", "-1"),
        ("WEBAPP_HTTP_PORT", "8000.0"),
        ("WEBAPP_HTTP_PORT", "http"),
        ("WEBAPP_HTTP_PORT", "٨٠٠٠"),
        ("SIDECAR_HTTP_PORT", "x"),
        ("WEBAPP_ZMQ_ADDR", "127.0.0.1:5555"),
        ("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1"),
        ("WEBAPP_ZMQ_ADDR", "tcp://127.0.0.1:0"),
        ("WEBAPP_ZMQ_ADDR", "udp://127.0.0.1:5555"),
        ("WEBAPP_ZMQ_ADDR", "tcp://*:5555"),
        ("WEBAPP_ZMQ_ADDR", "tcp://0.0.0.0:5555"),
        ("WEBAPP_REPLAY_ADDR", "ipc://"),
        ("WEBAPP_REPLAY_ADDR", "tcp://192.168.1.5:5556"),
        ("WEBAPP_CORS_ORIGINS", "desk.example"),
        ("WEBAPP_CORS_ORIGINS", "https://desk.example/"),
        ("WEBAPP_CORS_ORIGINS", "https://ok.example,https://desk.example/path"),
        ("WEBAPP_CORS_ORIGINS", "https://Desk.Example"),
        ("WEBAPP_MAX_BODY_BYTES", "1023"),
        ("WEBAPP_MAX_BODY_BYTES", "8MB"),
        ("WEBAPP_MAX_BATCH_TRADES", "0"),
        ("WEBAPP_MAX_PENDING_TRADES", "0"),
        ("WEBAPP_MAX_LIVE_STREAMS", "-1"),
        ("WEBAPP_MAX_CONNECTIONS", "0"),
        ("WEBAPP_HEADER_SECONDS", "0"),
        ("WEBAPP_BODY_SECONDS", "nan"),
        ("WEBAPP_UNREAD_SECONDS", "ever"),
        ("WEBAPP_RATE_LIMIT", "many"),
        ("WEBAPP_RATE_LIMIT", "0/second"),
        ("WEBAPP_RATE_LIMIT", "5/fortnight"),
        ("WEBAPP_RATE_LIMIT", "5/second, and more"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_names_its_key(key: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        settings(**{key: value})
    assert str(refused.value).startswith(key)


@pytest.mark.parametrize("origins", ["*", "https://desk.example", "http://localhost:3000, https://[::1]:8443"])
def test_origins_are_taken_as_browsers_send_them(origins: str) -> None:
    assert settings(WEBAPP_CORS_ORIGINS=origins).cors_origins == tuple(origins.split(", "))

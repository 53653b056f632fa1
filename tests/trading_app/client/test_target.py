import argparse

import pytest

from tests.trading_app.client.command import Settings
from trading_app.client import target
from trading_app.client.errors import UsageError


def chosen(arguments: list[str], environment: dict[str, str], host: str = "127.0.0.1") -> target.Target:
    parser = argparse.ArgumentParser()
    target.add_arguments(parser)
    return target.target(parser.parse_args(arguments), Settings(host, 9_000), environment)


def test_the_settings_tell_the_address_unless_a_url_does() -> None:
    assert chosen([], {}).url == "http://127.0.0.1:9000"
    assert chosen(["--url", "https://trades.example/app/"], {}).url == "https://trades.example/app"


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:9000"), ("::", "http://[::1]:9000"), ("localhost", "http://localhost:9000")],
)
def test_a_listener_on_all_addresses_is_reached_on_loopback(host: str, url: str) -> None:
    assert chosen([], {}, host).url == url


def test_the_token_comes_from_the_argument_or_the_environment_and_is_not_shown() -> None:
    assert chosen([], {}).headers == {}
    assert chosen([], {"TRADING_APP_TOKEN": "abc"}).headers == {"Authorization": "Bearer abc"}
    app = chosen(["--token", "xyz"], {"TRADING_APP_TOKEN": "abc"})
    assert app.headers == {"Authorization": "Bearer xyz"}
    assert "xyz" not in repr(app)


@pytest.mark.parametrize("token", ["a b", "ü", "a\nb"])
def test_a_token_no_header_can_carry_is_refused_unshown(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(["--token", token], {})
    assert token not in str(caught.value)

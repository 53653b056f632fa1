"""The command `follow`, as far as it comes without ccxt; and what it says of keys."""

import subprocess
from pathlib import Path

import pytest

from tests.support.programs import run_command
from tests.trading_app.running import settings_for
from trading_app.client.errors import UsageError
from trading_app.client.follow import read_since
from trading_app.follow.credentials import credentials, variable_of, without_secrets
from trading_app.follow.source import Unusable


def follow(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command("trading-app", "follow", "ccxt", *words, environment=settings_for(folder))


def test_a_config_may_hold_no_key(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"secret":"hush","options":{}}')
    done = follow(tmp_path, "--exchange", "kraken", "--config", str(config))
    assert done.returncode == 2
    assert "has secret: keys belong into the environment" in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("words", [(), ("--exchange", "../etc"), ("--exchange", "kraken", "--account", " x")])
def test_wrong_arguments_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert follow(tmp_path, *words).returncode == 2


def test_a_wrong_time_is_refused(tmp_path: Path) -> None:
    done = follow(tmp_path, "--exchange", "kraken", "--since", "yesterday")
    assert (done.returncode, "--since 'yesterday' is not a time" in done.stderr) == (2, True)


def test_a_time_without_zone_is_utc() -> None:
    assert read_since("2026-01-31") == 1_769_817_600_000
    assert read_since("2026-01-31T01:00:00+01:00") == 1_769_817_600_000
    with pytest.raises(UsageError):
        read_since("31.01.2026")


def test_keys_come_from_the_environment_and_missing_ones_are_named() -> None:
    assert variable_of("binance", "apiKey") == "BINANCE_API_KEY"
    environment = {"OKX_API_KEY": "k", "OKX_SECRET": " s\n"}
    assert credentials("okx", ["apiKey", "secret"], environment) == {"apiKey": "k", "secret": "s"}
    with pytest.raises(Unusable, match=r"set OKX_PASSWORD in the environment, with a key that may only read"):
        credentials("okx", ["apiKey", "secret", "password"], environment)


def test_no_text_for_people_has_a_key_or_a_signature() -> None:
    text = (
        "binance GET https://api.example/api/v3/myTrades?timestamp=1&signature=abcdef {'X-MBX-APIKEY': 'the-key'} 502"
    )
    shown = without_secrets(text, ["the-key", "the-secret"])
    assert "abcdef" not in shown
    assert "the-key" not in shown
    assert "502" in shown

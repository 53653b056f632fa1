"""The command with ccxt's own classes over HTTP. Skipped where ccxt is not installed; docs/clients.md says how."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.apps import Apps
from tests.trading_app.follow.fake_exchange import KEY, SIGNING, fake_exchange
from tests.trading_client.conftest import app
from tests.trading_client.reading import cash_of, ids_of, trades_of

__all__ = ["app"]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(find_spec("ccxt") is None, reason="ccxt is not installed")


class Following:
    """The command against fake exchanges, for one account of the app."""

    def __init__(self, app: Apps, folder: Path, account: str, config: dict[str, object]) -> None:
        self._app, self._folder, self._account = app, folder, account
        (folder / "config.json").write_text(json.dumps(config))

    def once(self, name: str, *words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
        """One round; all of it."""
        since = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
        environment = self._app.environment | {f"{name.upper()}_API_KEY": key, f"{name.upper()}_SECRET": SIGNING}
        command = ["--exchange", name, "--account", self._account, "--since", since, "--url", self._app.web_url]
        return subprocess.run(
            [BIN / "trading-app", "follow", "ccxt", "--once", *command, "--config", "config.json", *words],
            env={**environment, "DATA_DIR": str(self._folder)},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("fails_every", [0, 4], ids=["", "failing"])
def test_each_trade_of_each_exchange_arrives_once(app: Apps, tmp_path: Path, fails_every: int) -> None:
    with fake_exchange() as exchange:
        expected = {
            "binance": [str(each["id"]) for each in exchange.binance],
            "kraken": [name for name, _ in exchange.kraken],
            "bybit": [each["execId"] for each in exchange.bybit if each["execType"] == "Trade"],
        }
        symbols = {"binance": "BTC/USDT", "kraken": "", "bybit": "BTC/USDT:USDT"}
        for name, ids in expected.items():
            account = f"{name}-{fails_every}"
            following = Following(app, tmp_path, account, exchange.config(name))
            for _ in range(2):
                exchange.fails_every = fails_every
                done = following.once(name, "--symbols", symbols[name])
                assert done.returncode == 0, done.stderr
            assert sorted(ids_of(app, account)) == sorted(ids)
        funding = cash_of(app, f"bybit-{fails_every}")
    assert [event["cash"]["amount"] for event in funding] == ["0.01489538"] * 10
    assert trades_of(app, f"binance-{fails_every}")[0]["price"].endswith(".00000100")


def test_a_refused_key_ends_it_and_is_not_shown(app: Apps, tmp_path: Path) -> None:
    with fake_exchange() as exchange:
        for name in ("binance", "kraken", "bybit"):
            following = Following(app, tmp_path, "denied", exchange.config(name))
            symbols = "" if name == "kraken" else {"binance": "BTC/USDT", "bybit": "BTC/USDT:USDT"}[name]
            done = following.once(name, "--symbols", symbols, key="some-other-key")
            assert done.returncode == 1
            assert f"{name} refuses the key" in done.stderr
            assert "some-other-key" not in done.stderr + done.stdout
            assert SIGNING not in done.stderr + done.stdout


def test_what_is_missing_is_named(app: Apps, tmp_path: Path) -> None:
    with fake_exchange() as exchange:
        following = Following(app, tmp_path, "missing", exchange.config("binance"))
        assert "name them with --symbols" in following.once("binance").stderr
        assert "has no symbol 'XX/YY'" in following.once("binance", "--symbols", "XX/YY").stderr
        assert "set BINANCE_API_KEY in the environment" in following.once("binance", key="").stderr
    assert "is not an exchange of ccxt" in Following(app, tmp_path, "missing", {}).once("nonsense").stderr

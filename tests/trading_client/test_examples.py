"""The examples of docs/examples record what happened, with stand-ins of the same shape for what is not installed here.

freqtrade's and MetaTrader 5's objects are plain ones with the attributes that those programs document.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.support.apps import Apps
from tests.support.polling import PATIENCE_SECONDS
from tests.trading_client.reading import cash_of, trades_of
from trading_client import TradingClient

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Strategy:
    """What the hook uses of freqtrade's IStrategy."""

    def __init__(self, mode: str) -> None:
        self.dp = SimpleNamespace(runmode=SimpleNamespace(value=mode))
        self.called: list[str] = []

    def bot_start(self, **_kwargs: Any) -> None:
        self.called.append("bot_start")

    def order_filled(self, *_arguments: Any, **_kwargs: Any) -> None:
        self.called.append("order_filled")


def order(number: int, side: str, price: float, filled: float) -> SimpleNamespace:
    return SimpleNamespace(
        order_id=f"o-{number}", ft_order_side=side, safe_price=price, safe_filled=filled, order_filled_utc=None
    )


def test_a_freqtrade_strategy_records_filled_orders(app: Apps, tmp_path: Path) -> None:
    class Short(example("freqtrade_hook").TelemetryMixin, Strategy):  # type: ignore[misc]  # its base is loaded from a file
        telemetry_url, telemetry_account, telemetry_spool = app.web_url, "freqtrade", tmp_path

    trade = SimpleNamespace(
        id=7, entry_side="sell", exit_side="buy", fee_open=0.001, fee_close=0.0005, stake_currency="USDT"
    )
    strategy = Short("dry_run")
    strategy.bot_start()
    at = datetime(2025, 1, 31, 12, tzinfo=UTC)
    strategy.order_filled(pair="BTC/USDT", trade=trade, order=order(1, "sell", 60_000.1, 0.00166), current_time=at)
    strategy.order_filled(pair="BTC/USDT", trade=trade, order=order(2, "stoploss", 59_000.0, 0.00166), current_time=at)
    strategy.telemetry.close()
    assert strategy.called == ["bot_start", "order_filled", "order_filled"]
    entry, stop = trades_of(app, "freqtrade")
    assert (entry["side"], entry["price"], entry["qty"], entry["fee"]) == (
        "sell",
        "60000.1",
        "0.00166",
        "0.099600166000",
    )
    assert (stop["side"], stop["fee"], stop["strategy"]) == ("buy", "0.048970000000", "Short")
    assert [each["trade_id"] for each in (entry, stop)] == ["freqtrade-7-o-1", "freqtrade-7-o-2"]


def test_a_backtest_is_not_recorded(app: Apps, tmp_path: Path) -> None:
    class Long(example("freqtrade_hook").TelemetryMixin, Strategy):  # type: ignore[misc]  # its base is loaded from a file
        telemetry_url, telemetry_spool = app.web_url, tmp_path / "spool"

    strategy = Long("backtest")
    strategy.bot_start()
    strategy.order_filled("BTC/USDT", None, None, datetime.now(UTC))
    assert not (tmp_path / "spool").exists()


def test_the_ccxt_loop_goes_on_from_the_last_trade(app: Apps, tmp_path: Path) -> None:
    trades = [
        {
            "id": str(number),
            "symbol": "BTC/USDT:USDT",
            "side": "buy",
            "price": "60000.10",
            "amount": "3",
            "timestamp": 1_738_324_800_000 + number,
            "order": "o",
            "fee": {"cost": "0.1", "currency": "USDT"},
        }
        for number in range(5)
    ]
    exchange = SimpleNamespace(
        market=lambda _symbol: {"contractSize": "0.01"},
        fetch_my_trades=lambda _symbol, since, _limit: [each for each in trades if each["timestamp"] >= since],
    )
    with TradingClient(app.web_url, account="ccxt", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as client:
        record_trades = example("ccxt_loop").record_trades
        since = record_trades(client, exchange, "BTC/USDT:USDT", 0)
        assert since == trades[-1]["timestamp"]
        record_trades(client, exchange, "BTC/USDT:USDT", since)
    stored = trades_of(app, "ccxt")
    assert [each["trade_id"] for each in stored] == ["0", "1", "2", "3", "4"]
    assert stored[0]["multiplier"] == "0.01"


Deal = namedtuple("Deal", "ticket order time_msc type symbol price volume commission fee swap profit")


def test_mt5_deals_become_trades_and_cash(app: Apps, tmp_path: Path) -> None:
    ms = 1_738_335_600_250  # 15:00 at the server, three hours ahead of UTC
    deals = (
        Deal(1, 0, ms, 2, "", 0.0, 0.0, 0.0, 0.0, 0.0, 1000.0),
        Deal(2, 20, ms, 0, "XAUUSD", 2650.15, 0.01, -0.07, 0.0, 0.0, 0.0),
        Deal(3, 21, ms + 1, 1, "XAUUSD", 2651.25, 0.01, -0.07, -0.01, -0.35, 1.10),
    )
    terminal = SimpleNamespace(
        account_info=lambda: SimpleNamespace(currency="USD", login=5),
        symbol_info=lambda _symbol: SimpleNamespace(trade_contract_size=100.0),
        history_deals_get=lambda _since, _until: deals,
    )
    with TradingClient(app.web_url, account="mt5", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as client:
        for _ in range(2):
            example("mt5_deals").record_deals(client, terminal, datetime.now(UTC), datetime.now(UTC))
    bought, sold = trades_of(app, "mt5")
    assert (bought["side"], bought["qty"], bought["multiplier"], bought["fee"]) == ("buy", "0.01", "100.0", "0.07")
    assert (sold["side"], sold["fee"], sold["ts"]) == ("sell", "0.08", "2025-01-31T12:00:00.251Z")
    assert {event["id"]: (event["cash"]["reason"], event["cash"]["amount"]) for event in cash_of(app, "mt5")} == {
        "balance-1": ("deposit", "1000.0"),
        "swap-3": ("interest", "-0.35"),
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_shell_script_sends_a_trade(app: Apps) -> None:
    command = ["sh", str(EXAMPLES / "record.sh"), "curl & co", "buy", "64250.10", "0.25", "from curl+1"]
    for status in ("accepted", "duplicate"):
        done = subprocess.run(
            command, env={"PATH": "/usr/bin:/bin", "TRADING_APP_URL": app.web_url}, capture_output=True, check=True
        )
        assert f'"status":"{status}"'.encode() in done.stdout
    wrong = subprocess.run([*command[:3], "hold", *command[4:]], env={"TRADING_APP_URL": app.web_url}, check=False)
    assert wrong.returncode != 0


@pytest.mark.parametrize("name", ["docs/clients.md", "libs/trading-client/README.md"])
def test_the_python_of_a_document_runs(app: Apps, tmp_path: Path, name: str) -> None:
    text = (EXAMPLES.parents[1] / name).read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    account = f"document {Path(name).stem}"
    for old, new in {
        '"http://127.0.0.1:8000"': repr(app.web_url),
        '"main"': repr(account),
        'spool="spool"': f"spool={str(tmp_path)!r}",
    }.items():
        assert old in code
        code = code.replace(old, new)
    subprocess.run([sys.executable, "-c", code], check=True)
    (trade,) = trades_of(app, account)
    assert (trade["trade_id"], trade["price"], trade["fee_currency"]) == ("13519807", "64250.10", "BNB")

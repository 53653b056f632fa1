"""Messages of freqtrade become fills."""

import pytest

from tests.trading_app.hooks.conftest import Bot, Hooks, field_case
from tests.trading_app.running import RunningApp


@pytest.mark.parametrize("form", ["json", "form", "raw"])
def test_its_messages_become_fills_in_each_of_its_formats(hooked: RunningApp, hooks: Hooks, form: str) -> None:
    bot = Bot(hooked, hooks, f"freqtrade-{form}")
    for _ in range(2):
        for message in field_case():
            answer = bot.send(message, form)
            assert answer.status_code == 200, answer.text
    trades = bot.trades()
    assert [(one["symbol"], one["side"], one["price"], one["qty"]) for one in trades] == [
        ("BONK/USD", "buy", "0.00000402", "7441733.0"),
        ("BONK/USD", "sell", "0.000004053", "7441733.0"),
        ("UNFI/USDT:USDT", "sell", "9.220541006231645", "13.3"),
        ("UNFI/USDT:USDT", "buy", "8.297", "13.3"),
        ("BTC/USDT", "buy", "43950.0", "0.00045"),
        ("BTC/USDT", "buy", "43892.78", "0.00045"),
        ("BTC/USDT", "sell", "43900.7", "0.00045"),
    ]
    assert [one["ts"] for one in trades] == [
        "2026-07-08T08:00:18Z",
        "2026-07-09T15:07:59Z",
        "2023-09-09T12:00:00Z",
        "2023-09-09T15:39:41Z",
        "2024-01-05T10:25:44Z",
        "2024-01-05T10:25:44Z",
        "2024-01-05T10:28:28Z",
    ]
    assert {one["strategy"] for one in trades} == {"scalper"}

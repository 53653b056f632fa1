"""Symbols that differ only in case: taken, and said once in the log and in a metric."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from tests.trading_app.running import running
from trading_app.intake import symbol_cases
from trading_app.intake.symbol_cases import SymbolCases

Make = Callable[..., dict[str, Any]]
WORDS = "symbols differ only in case and share positions"


def noted(*sent: str) -> list[tuple[str, str]]:
    cases = SymbolCases(list[int]().append)
    with capture_logs() as lines:
        for text in sent:
            cases.check(text)
    return [(line["symbol"], line["other"]) for line in lines]


def test_a_symbol_that_differs_only_in_case_is_logged_once() -> None:
    assert noted("kPEPE", "KPEPE", "kPEPE", "kpepe", "KPEPE") == [("KPEPE", "kPEPE")]
    assert noted("KPEPE", "kPEPE", "kPepe", "Kpepe") == [("kPEPE", "KPEPE"), ("kPepe", "KPEPE"), ("Kpepe", "KPEPE")]
    assert noted("btc/usdt", "BTC/USDT", "ETH/USDT", "BTC/USD") == []


def test_what_is_remembered_and_logged_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(symbol_cases, "MAX_SYMBOLS", 10)
    monkeypatch.setattr(symbol_cases, "MAX_LOGGED", 3)
    counted = list[int]()
    cases = SymbolCases(counted.append)
    with capture_logs() as lines:
        for number in range(1_000):
            cases.check(f"Sym{number}")
            cases.check(f"SYM{number}")
    assert len(cases._checked) <= 10
    assert counted == list(range(1, 1_001))
    assert len(lines) == 3


def test_every_way_of_sending_takes_note(tmp_path: Path, trade: Make) -> None:
    with running(tmp_path) as app:
        assert app.metric("trading_app_symbols_differing_in_case") == 0
        app.client.post("/trade", json=trade(symbol="kPEPE/USDT"))
        for number, symbol in enumerate(["KPEPE/USDT", "Kpepe/Usdt", "kPepe/USDT"], 1):
            if number == 1:
                answer = app.client.post("/trade", json=trade(symbol=symbol))
            elif number == 2:
                answer = app.client.post("/trades", json=[trade(symbol=symbol)])
            else:
                answer = app.client.post("/trades", json=[trade(symbol=symbol, tags=None)])
            assert answer.status_code == 201
            assert app.metric("trading_app_symbols_differing_in_case") == number
        assert sum(WORDS in line["event"] for line in app.log_lines()) == 3

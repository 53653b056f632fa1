"""The file's instruments get into the ledger once, through kills; from then on the ledger decides."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import run_command
from tests.trading_app.running import RunningApp, running, settings_for

FILE = """
version: 1
instruments:
  - {symbol: XAUUSDm, currency: USD, multiplier: 100}
  - {pattern: "*USDm", currency: USD, multiplier: 100000}
  - {symbol: BTC/USDT, aliases: [BTCUSDT]}
"""

DIES = """
import os, signal
from trading_app.zmq_pub import TradeStream

commit = TradeStream.commit

async def dies(self, submission):
    if {committed}:
        await commit(self, submission)
    os.kill(os.getpid(), signal.SIGKILL)

TradeStream.commit = dies
from trading_app.main import main
main()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with three instruments."""
    path = tmp_path / "instruments.yml"
    path.write_text(FILE)
    return path


def instruments_of(app: RunningApp) -> list[dict[str, Any]]:
    """The `instrument` events of the ledger."""
    found: list[dict[str, Any]] = app.client.get("/events", params={"kind": "instrument"}).json()["events"]
    return found


def command(folder: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """The exit code of `trading-app instruments`, and what it wrote."""
    environment = settings_for(folder, **settings)
    done = run_command("trading-app", "instruments", *arguments, environment=environment, folder=folder)
    return done.returncode, done.stdout + done.stderr


def test_each_entry_is_in_the_ledger_once_whatever_is_killed(tmp_path: Path, file: Path) -> None:
    """Killed before its commit, killed after it, started twice more."""
    settings = {"WEBAPP_INSTRUMENTS_FILE": str(file)}
    for committed in (False, True):
        dying = RunningApp(tmp_path, DIES.format(committed=committed), **settings)
        try:
            assert dying.wait() == -signal.SIGKILL
        finally:
            dying.end()
    for _ in range(2):
        with running(tmp_path, **settings) as app:
            events = instruments_of(app)
            assert [event["id"] for event in events] == ["file:XAUUSDM", "file:*USDM", "file:BTC/USDT"]
            assert events[0]["instrument"] == {"symbol": "XAUUSDm", "currency": "USD", "multiplier": "100"}
            assert "instruments taken" not in app.log_text().splitlines()[-1]
            app.stop()


def test_the_ledger_decides(tmp_path: Path, file: Path) -> None:
    """What differs is reported at the start and by `check`, and not taken."""
    settings = {"WEBAPP_INSTRUMENTS_FILE": str(file)}
    code, said = command(tmp_path, "check", **settings)
    assert (code, said.count("\n")) == (0, 2), said
    with running(tmp_path, **settings) as app:
        body = {"kind": "instrument", "symbol": "XAUUSDm", "multiplier": "10"}
        assert app.client.post("/events", json=body).status_code == 201
        file.write_text(FILE.replace("multiplier: 100}", "multiplier: 1000}") + "  - {symbol: NEW, lot: 1}\n")
        code, said = command(tmp_path, "check", **settings)
        assert code == 1, said
        assert "XAUUSDM: multiplier is 1000 in the file, 10 in the ledger (event 4)" in said
        assert "NEW is not in the ledger yet" in said
        app.stop()
    with running(tmp_path, **settings) as app:
        assert [event["id"] for event in instruments_of(app)][-1] == "file:NEW"
        assert len(instruments_of(app)) == 5
        (line,) = [line for line in app.log_lines() if line["event"].startswith("instruments in the file differ")]
        assert (line["symbols"], line["level"]) == (["XAUUSDM"], "warning")


def test_list_says_what_applies_and_why(tmp_path: Path, file: Path) -> None:
    """For each symbol of the ledger, and for symbols that are not in it."""
    settings = {"WEBAPP_INSTRUMENTS_FILE": str(file)}
    with running(tmp_path, **settings) as app:
        for symbol, more in (("XAUUSDm", {}), ("BTCUSDT", {}), ("VOD", {"currency": "GBP", "multiplier": "0.01"})):
            trade = {"symbol": symbol, "price": "1", "qty": "1", "side": "buy", **more}
            assert app.client.post("/trade", json=trade).status_code == 201
        code, said = command(tmp_path, "list", **settings)
    assert code == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines == [
        "BTCUSDT = BTC/USDT",
        "currency USDT the symbol's form",
        "VOD",
        "currency unknown the symbol names no currency",
        "currency GBP its fills",
        "multiplier 0.01 its fills",
        "XAUUSDm",
        "currency USD event 1 for XAUUSDM",
        "multiplier 100 event 1 for XAUUSDM",
    ]
    code, said = command(tmp_path, "list", "ESZ26", "BTC-USDT-SWAP", **settings)
    assert code == 0
    assert "shipped: E-mini S&P 500 (CME)" in said
    assert "P&L is in points" in said


def test_an_error_in_the_file_ends_the_start_with_2(tmp_path: Path, file: Path) -> None:
    """The message names the line and what is meant; nothing is created."""
    file.write_text(FILE.replace("currency: USD, multiplier: 100}", "currency: USD, multiplyer: 100}"))
    app = RunningApp(tmp_path, WEBAPP_INSTRUMENTS_FILE=str(file))
    try:
        assert app.wait() == 2
    finally:
        app.end()
    assert app.log_text() == f"trading-app: {file}:4: multiplyer is not known; do you mean multiplier?\n"
    assert not app.data_folder.exists()
    code, said = command(tmp_path, "check", WEBAPP_INSTRUMENTS_FILE=str(file))
    assert code == 1
    assert f"{file}:4: multiplyer" in said


def test_a_negative_price_needs_an_instrument(tmp_path: Path, file: Path) -> None:
    """Taken as soon as an instrument says so, refused again after a void of it."""
    file.write_text(FILE + "  - {symbol: SPREAD, negative_prices: true}\n")
    with running(tmp_path, WEBAPP_INSTRUMENTS_FILE=str(file)) as app:
        trade = {"symbol": "SPREAD", "price": "-1.5", "qty": "1", "side": "buy"}
        assert app.client.post("/trade", json=trade).status_code == 201
        assert app.client.post("/trade", json={**trade, "symbol": "OTHER"}).status_code == 422
        assert app.client.post("/events", json={"kind": "void", "target": 4}).status_code == 201
        assert app.client.post("/trade", json=trade).status_code == 422

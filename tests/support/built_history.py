"""Builds the history of a running app from its journal, as trading-analytics does, without starting that program."""

from contextlib import closing
from pathlib import Path

from telemetry_stream.backend import store_of
from tests.trading_app.running import RunningApp
from trading_history.rebuild import rebuild

FIRST_TRADE = {"symbol": "BTC/USDT", "side": "buy", "price": "64250.10", "qty": "0.25"}


def build_first_history(app: RunningApp, token: str) -> None:
    """Send an app its first trade, without which it has no history, and build that."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    app.client.post("/trade", json=FIRST_TRADE, headers=headers).raise_for_status()
    build_history(app.data_folder)


def build_history(folder: Path) -> int:
    """Build it, as far as the journal in `folder` goes; the last sequence."""
    with closing(store_of("sqlite").open_reader(folder)) as journal:
        return rebuild(folder, journal).sequence

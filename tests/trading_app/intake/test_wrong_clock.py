"""The machine's clock is behind the journal: it was right when that was written."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.trading_app.problem_documents import problem
from tests.trading_app.running import running

DAY_NS = 86_400 * 10**9
TRADE: dict[str, Any] = {"symbol": "XRP/ETH", "price": "1", "qty": "1", "side": "buy"}


def in_milliseconds(days: float) -> int:
    """So many days from now by this machine's clock."""
    return (time.time_ns() + round(days * DAY_NS)) // 10**6


def test_a_clock_that_is_behind_the_journal_refuses_no_good_trade(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        app.client.post("/trade", json=TRADE).raise_for_status()
        refused = problem(app.client.post("/trade", json={**TRADE, "ts": in_milliseconds(2)}), "invalid_trade")
        assert time.strftime("clock (%Y-%m-%dT", time.gmtime()) in refused["errors"][0]["detail"]
    with closing(sqlite3.connect(tmp_path / "data" / "journal.sqlite3")) as journal, journal:
        journal.execute("UPDATE batch SET committed_at_ns = committed_at_ns + ?", (2 * DAY_NS,))
    with running(tmp_path) as app:
        now = {**TRADE, "ts": in_milliseconds(2)}
        assert app.client.post("/trade", json=now).status_code == 201
        assert app.client.post("/trades", json=[now, TRADE]).status_code == 201
        assert app.client.post("/trade", data={name: str(value) for name, value in now.items()}).status_code == 201
        later = problem(app.client.post("/trade", json={**TRADE, "ts": in_milliseconds(3.1)}), "invalid_trade")
        assert "ahead" in later["detail"]

"""A currency in a question, by whichever code it is known."""

from pathlib import Path

from tests.support.built_history import build_history
from tests.trading_app.running import running

TRADE = {"symbol": "ETH/XBT", "side": "buy", "price": "0.05", "qty": "3", "ts": "2026-01-02T10:00:00Z"}


def test_bitcoin_may_be_asked_for_by_both_of_its_codes(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        app.client.post("/trade", json=TRADE).raise_for_status()
        build_history(app.data_folder)
        for call in ("positions", "equity", "performance"):
            one, other = (
                app.client.get(f"/api/{call}", params={"currency": code}).json()[call] for code in ("btc", "XBT")
            )
            assert [row["currency"] for row in one] == ["BTC"]
            assert other == one

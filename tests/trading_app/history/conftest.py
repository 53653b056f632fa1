from collections.abc import Iterator

import httpx
import pytest

from tests.support.built_history import build_history
from tests.trading_app.running import RunningApp, running

TRADES: list[tuple[str, str, str, str, dict[str, object]]] = [
    ("2026-01-02T10:00:00Z", "buy", "100", "2", {"fee": "0.5", "tags": ["breakout"]}),
    ("2026-01-02T11:00:00.250Z", "sell", "110", "1", {"fee": "0.5"}),
    ("2026-01-03T23:30:00Z", "sell", "90", "1", {}),
    ("2026-02-01T00:00:00Z", "buy", "95.50", "1", {"strategy": "=maker", "fee": "0.18", "fee_currency": "BNB"}),
]


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with a few trades, an import and corrections, and their history."""
    folder = tmp_path_factory.mktemp("history")
    accounts = folder / "accounts.yml"
    accounts.write_text("accounts:\n  main: {capital: 1000 USDT, floor: 900 USDT}\n")
    settings = {"DAY_BOUNDARY": "17:00 America/New_York", "WEBAPP_ACCOUNTS_FILE": str(accounts)}
    with running(folder, **settings) as app:
        trades = [
            {
                "symbol": "BTC/USDT",
                "account": "main",
                "ts": ts,
                "side": side,
                "price": price,
                "qty": qty,
                "trade_id": f"h-{number}",
                **more,
            }
            for number, (ts, side, price, qty, more) in enumerate(TRADES, 1)
        ]
        app.client.post("/trades", json=trades).raise_for_status()
        app.client.post(
            "/events", json={"kind": "replace", "target": 3, "price": "90.10", "id": "r-1"}
        ).raise_for_status()
        app.client.post("/events", json={"kind": "import", "id": "i-1", "name": "f.csv", "digest": "0f"})
        imported = {"symbol": "ETH/USDT", "side": "buy", "price": 5, "qty": 1, "ts": "2026-01-05T00:00:00Z"}
        app.client.post("/trades?import_id=i-1", json=[imported]).raise_for_status()
        app.client.post("/events", json={"kind": "void", "target": 6, "reason": "wrong file"}).raise_for_status()
        assert build_history(app.data_folder) == 8
        yield app


@pytest.fixture(scope="package")
def api(app: RunningApp) -> httpx.Client:
    return app.client

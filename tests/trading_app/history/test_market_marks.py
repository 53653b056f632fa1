"""GET /api/equity, /api/drawdown and /api/pnl with positions marked by a followed market."""

from pathlib import Path

from tests.support.built_history import build_history
from tests.support.market_candles import store_candles
from tests.trading_app.running import running
from trading_history.candles.candle import Market
from trading_history.candles.store import CANDLES

BUY = {"symbol": "BTC/USDT", "side": "buy", "price": "100", "qty": "2", "fee": "0.5", "ts": "2026-01-02T10:00:00Z"}
SELL = {"symbol": "BTC/USDT", "side": "sell", "price": "110", "qty": "1", "ts": "2026-01-02T11:00:00Z"}
MARKED = {"kind": "instrument", "symbol": "BTC/USDT", "mark": "market"}
ONE_MINUTE_LATER = 1_767_348_060
AT = "2026-01-02T10:01:00Z"


def test_equity_and_drawdown_at_prices_of_the_market(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        api = app.client
        api.post("/trades", json=[BUY, SELL]).raise_for_status()
        build_history(app.data_folder)
        store_candles(app.data_folder, Market("binance", "BTC-USDT"), [(ONE_MINUTE_LATER * 10**9, "80", "1")])
        own = api.get("/api/equity?to=2026-01-03").raise_for_status()
        assert (own.json()["market_marks"], "etag" in own.headers) == (None, True)
        unmarked = api.get("/api/equity?to=2026-01-03&marks=market").json()
        assert (unmarked["market_marks"], unmarked["equity"]) == ([], own.json()["equity"])

        api.post("/events", json=MARKED).raise_for_status()
        build_history(app.data_folder)
        answer = api.get("/api/equity?to=2026-01-03&marks=market").raise_for_status()
        assert "etag" not in answer.headers
        marked = answer.json()
        assert [(row["ts"], row["close"]) for row in marked["equity"]] == [
            ("2026-01-02T10:00:00Z", "-0.5"), (AT, "-40.5"), ("2026-01-02T11:00:00Z", "19.5"),
        ]  # fmt: skip
        assert [one["exact_inside"] for one in marked["curves"]] == [False]
        assert marked["market_marks"] == [
            {"symbol": "BTC/USDT", "venue": "binance", "market": "BTC-USDT", "bars": 1, "first_at": AT, "last_at": AT}
        ]
        falls = api.get("/api/drawdown?to=2026-01-03&marks=market").json()
        assert [(one["max"], one["trough_at"]) for one in falls["drawdown"]] == [("40.5", AT)]
        assert falls["market_marks"] == marked["market_marks"]
        days = api.get("/api/pnl?to=2026-01-03&marks=market&zone=Asia/Kolkata").raise_for_status()
        assert "etag" not in days.headers
        assert [(row["period"], row["marked"], row["settled"]) for row in days.json()["pnl"]] == [
            ("2026-01-02", "19.5", "9.5")
        ]
        hours = api.get("/api/pnl?to=2026-01-02T11:00:00Z&marks=market&by=hour").json()
        assert [(row["period"], row["marked"]) for row in hours["pnl"]] == [("10", "-40.5")]
        assert [one["bars"] for one in hours["market_marks"]] == [1]
        assert api.get("/api/pnl").json()["market_marks"] is None
        before = api.get("/api/equity?to=2026-01-03&marks=market&as_of=2").json()
        assert before["equity"] == own.json()["equity"], "the instrument was said by a later event"

        for call in ("equity", "pnl"):
            refused = api.get(f"/api/{call}?marks=market&rates=dated&into=USDT")
            assert (refused.status_code, refused.json()["detail"][:16]) == (422, "marks must be ow")
        (app.data_folder / CANDLES.file_name).write_bytes(b"no database" * 1_000)
        assert api.get("/api/equity?marks=market").status_code == 503


ONE_FILL_IS_TOO_MANY_FOR_LOTS = """
import sys
from functools import partial
from trading_app.main import main
from trading_history.queries import pnl

pnl.realized = partial(pnl.realized, max_fills=0)
sys.exit(main())
"""


def test_too_many_trades_for_a_method_are_not_said_of_the_marks(tmp_path: Path) -> None:
    with running(tmp_path, program=ONE_FILL_IS_TOO_MANY_FOR_LOTS) as app:
        app.client.post("/trades", json=[BUY, SELL]).raise_for_status()
        build_history(app.data_folder)
        for marks in ("own", "market"):
            refused = app.client.get(f"/api/pnl?method=fifo&marks={marks}")
            assert (refused.status_code, refused.json()["detail"][:23]) == (422, "method must be average:")

"""TradingClient with a real app."""

import asyncio
import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.apps import Apps
from tests.support.polling import PATIENCE_SECONDS
from tests.trading_client.reading import cash_of, ids_of, trades_of
from trading_client import Closed, FieldError, TradingClient, sender


def test_a_recorded_trade_is_in_the_app_with_its_digits(app: Apps, tmp_path: Path) -> None:
    with TradingClient(
        app.web_url, account="digits", strategy="grid", spool=tmp_path, exit_timeout=PATIENCE_SECONDS
    ) as client:
        client.record(
            "xrp/eth",
            "SELL",
            Decimal("0.00141340"),
            "23.0",
            "2025-01-31T12:00:00.250Z",
            "b-1",
            fee=-0.5,
            fee_currency="bnb",
            venue="binance",
            order_id="o-1",
            currency="ETH",
            position_side="long",
            multiplier=100,
            tags=["breakout", "news"],
        )
    (trade,) = trades_of(app, "digits")
    assert trade.pop("seq") > 0
    assert trade == {
        "symbol": "XRP/ETH",
        "side": "sell",
        "price": "0.00141340",
        "qty": "23.0",
        "ts": "2025-01-31T12:00:00.250Z",
        "trade_id": "b-1",
        "account": "digits",
        "strategy": "grid",
        "fee": "-0.5",
        "fee_currency": "BNB",
        "venue": "binance",
        "order_id": "o-1",
        "currency": "ETH",
        "position_side": "long",
        "multiplier": "100",
        "tags": ["breakout", "news"],
    }


def test_nothing_is_left_in_the_spool_once_all_is_sent(app: Apps, tmp_path: Path) -> None:
    with TradingClient(app.web_url, account="left", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as client:
        client.record("BTC/USDT", "buy", 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_end_comes_once_all_is_sent(app: Apps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "ADOPT_SECONDS", 3_600.0)  # the thread then wakes for nothing but the end
    made = []
    for _ in range(20):  # the end can come at any moment of the thread's work
        client = TradingClient(app.web_url, account="end", spool=tmp_path)
        made.append(client.record("BTC/USDT", "buy", 1, 1))
        end = threading.Thread(target=client.close, args=(3_600.0,), daemon=True)
        end.start()
        end.join(PATIENCE_SECONDS)
        assert not end.is_alive()
    assert ids_of(app, "end") == made


def test_ids_are_made_unique_and_ascend(app: Apps, tmp_path: Path) -> None:
    with TradingClient(app.web_url, account="ids", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as client:
        made = [client.record("BTC/USDT", "buy", 1, 1) for _ in range(3_000)]
    assert made == sorted(set(made))
    assert ids_of(app, "ids") == made


def test_threads_may_record_at_once(app: Apps, tmp_path: Path) -> None:
    made: list[str] = []
    with TradingClient(app.web_url, account="threads", spool=tmp_path) as client:
        threads = [
            threading.Thread(target=lambda: made.extend(client.record("A/B", "buy", 1, 1) for _ in range(300)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush()
        assert client.status().recorded == client.status().accepted == 1_200
    assert sorted(ids_of(app, "threads")) == sorted(made)


def test_a_coroutine_records_and_closes_without_blocking(app: Apps, tmp_path: Path) -> None:
    async def bot() -> str:
        async with TradingClient(app.web_url, account="async", spool=tmp_path) as client:
            made = client.record("BTC/USDT", "buy", 1, 1)
            assert await client.aflush()
            return made

    made = asyncio.run(bot())
    assert ids_of(app, "async") == [made]


def test_cash_goes_to_the_events_between_trades(app: Apps, tmp_path: Path) -> None:
    with TradingClient(
        app.web_url, account="cash", strategy="grid", spool=tmp_path, exit_timeout=PATIENCE_SECONDS
    ) as client:
        client.record("BTC/USDT", "buy", 1, 1)
        made = client.cash("usdt", "-0.0150", "funding", symbol="BTC/USDT", text='said "so"\nand more')
        client.record("BTC/USDT", "sell", 1, 1)
    assert len(ids_of(app, "cash")) == 2
    (event,) = cash_of(app, "cash")
    assert event["id"] == made
    assert {name: event["cash"][name] for name in ("currency", "amount", "reason", "symbol", "text")} == {
        "currency": "USDT",
        "amount": "-0.0150",
        "reason": "funding",
        "symbol": "BTC/USDT",
        "text": 'said "so"\nand more',
    }
    assert "strategy" not in event["cash"]


def test_a_refused_trade_does_not_block_others(app: Apps, tmp_path: Path) -> None:
    with TradingClient(app.web_url, account="refused", spool=tmp_path) as client:
        client.record("BTC/USDT", "buy", 1, 1, 1738324800, "one")
        assert client.flush()
        client.record("BTC/USDT", "buy", 1, 2, 1738324800, "two")
        client.record("BTC/USDT", "buy", 2, 1, 1738324800, "one")
        client.record("BTC/USDT", "buy", -3, 1, 1738324800, "negative")
        client.record("BTC/USDT", "buy", 1, 2, 1738324800, "three")
        assert client.flush()
        status = client.status()
    assert ids_of(app, "refused") == ["one", "two", "three"]
    assert (status.accepted, status.refused) == (3, 2)
    refused = [json.loads(line) for line in (tmp_path / "refused.ndjson").read_text().splitlines()]
    assert {entry["line"]["trade_id"]: entry["code"] for entry in refused} == {
        "negative": "invalid_batch",
        "one": "trade_id_conflict",
    }
    assert "price is 2 here and 1" in next(entry for entry in refused if entry["line"]["trade_id"] == "one")["reason"]


def test_refused_trades_can_be_sent_again(app: Apps, tmp_path: Path) -> None:
    with TradingClient(app.web_url, account="again", spool=tmp_path) as client:
        client.record("CL", "buy", -37, 1, 1738324800, "negative")
        assert client.flush()
        assert ids_of(app, "again") == []
        with TradingClient(app.web_url, spool=tmp_path / "other") as other:
            assert other.status().refused == 0
        assert client.retry_refused() == 1
        assert client.flush()
        assert client.status().refused == 2
    assert len((tmp_path / "refused.ndjson").read_text().splitlines()) == 1


def test_an_invalid_value_is_refused_at_once_and_named(app: Apps, tmp_path: Path) -> None:
    with TradingClient(app.web_url, account="invalid", spool=tmp_path) as client:
        with pytest.raises(FieldError, match=r"^qty must be more than 0; it is 0\.00$"):
            client.record("BTC/USDT", "buy", 1, "0.00")
        with pytest.raises(ValueError, match=r"^side must be buy or sell; it is 'hold'"):
            client.record("BTC/USDT", "hold", 1, 1)
        assert client.status().recorded == 0


def test_a_closed_client_records_nothing(app: Apps, tmp_path: Path) -> None:
    client = TradingClient(app.web_url, spool=tmp_path)
    assert client.close()
    with pytest.raises(Closed):
        client.record("BTC/USDT", "buy", 1, 1)
    assert client.close()

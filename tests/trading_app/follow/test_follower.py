"""A followed account is in the app, once, with the exchange's digits, whatever fails in between."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Apps
from tests.trading_app.follow.recorded import DAY_MS, NOW_MS, Recorded, trade
from tests.trading_app.running import RunningApp, running
from tests.trading_client.conftest import app
from tests.trading_client.reading import cash_of, ids_of, trades_of
from trading_app.client.follow import has
from trading_app.client.target import Target
from trading_app.follow.follower import Follower
from trading_app.follow.position import Position
from trading_app.follow.reader import UnifiedReader
from trading_app.follow.source import Unavailable, Unusable
from trading_client import SpoolFull, TradingClient
from trading_files.readings import Choices, EventRow

__all__ = ["app"]
SINCE = NOW_MS - 30 * DAY_MS


class Following:
    """One start of a follower; a context manager."""

    def __init__(
        self,
        app: Apps | RunningApp,
        folder: Path,
        source: Recorded,
        account: str,
        now_ms: int = NOW_MS,
        repeats: int = 0,
    ) -> None:
        url = app.web_url if isinstance(app, Apps) else app.url
        self.client = TradingClient(url, spool=folder / "spool")
        self.said: list[EventRow] = []
        self.does_not_hear = 0
        reader = UnifiedReader(source.name, Choices(account=account), source.contract_size)
        self.now_ms = now_ms
        self.follower = Follower(
            source,
            self.client,
            Position(folder / "position.json", source.name),
            reader,
            ["BTC/USDT"] if source.payments else [],
            self.say,
            lambda event: has(event, Target(url)),
            lambda: self.now_ms / 1_000,
            [0] * repeats,
        )

    def say(self, row: EventRow) -> None:
        self.does_not_hear -= 1
        if self.does_not_hear >= 0:
            raise Unavailable("the app is down")
        self.said.append(row)

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_raised: object) -> None:
        self.client.close()

    def round(self, since_ms: int = SINCE) -> None:
        self.follower.round(since_ms)


def test_trades_arrive_with_their_digits_and_ids(app: Apps, tmp_path: Path) -> None:
    made = trade(1, NOW_MS - 5, price="0.00001185", amount="100.00000000")
    with Following(app, tmp_path, Recorded([made]), "digits") as following:
        following.round()
    (stored,) = trades_of(app, "digits")
    assert {name: stored[name] for name in ("price", "qty", "trade_id", "order_id", "fee", "fee_currency")} == {
        "price": "0.00001185",
        "qty": "100.00000000",
        "trade_id": "t1",
        "order_id": "o1",
        "fee": "0.001",
        "fee_currency": "BNB",
    }
    assert stored["ts"] == "2025-11-22T08:26:39.995Z"


def test_a_round_takes_only_what_is_new(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(number, NOW_MS - 1_000 + number) for number in range(250)])
    with Following(app, tmp_path, source, "new") as following:
        following.round()
        source.items.append(trade(999, NOW_MS + 5))
        following.now_ms += 10_000
        following.round()
        following.round()
        assert following.client.status().recorded == 251
    assert len(ids_of(app, "new")) == 251


def test_a_restart_goes_on_and_adds_nothing_twice(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(number, SINCE + number * 3_600_000) for number in range(500)], newest_first=True)
    for _ in range(3):
        with Following(app, tmp_path, source, "restart") as following:
            following.round()
    assert sorted(ids_of(app, "restart")) == sorted(f"t{number}" for number in range(500))
    asked = source.asked
    with Following(app, tmp_path, source, "restart") as following:
        following.round()
    assert source.asked == asked + 1, "only the last minutes, which have no trade, are asked for again"


def test_what_a_restored_ledger_has_lost_is_taken_again(tmp_path: Path) -> None:
    source = Recorded([trade(number, SINCE + number * 3_600_000) for number in range(5)])
    copy, ledger = tmp_path / "copy", tmp_path / "ledger"
    ledger.mkdir()
    with running(ledger) as web, Following(web, tmp_path, source, "restored") as following:
        following.round()
    shutil.copytree(ledger, copy)
    source.items += [trade(number, NOW_MS + number) for number in range(5, 9)]
    later_ms = NOW_MS + DAY_MS
    with running(ledger) as web, Following(web, tmp_path, source, "restored", NOW_MS + 10) as following:
        following.round()
    with running(copy) as web, Following(web, tmp_path, source, "restored", later_ms) as following:
        following.round()
        assert following.follower.counts.problems == [
            "the ledger has t8 no more, so all is taken again from the beginning"
        ]
        stored = web.client.get("/trades", params={"account": "restored"}).json()["trades"]
    assert sorted(one["trade_id"] for one in stored) == [f"t{number}" for number in range(9)]


@pytest.mark.parametrize("says_its_time", [True, False])
def test_a_clock_that_was_ahead_for_a_while_costs_no_trade(app: Apps, tmp_path: Path, says_its_time: bool) -> None:
    """A round reaches until the exchange's now; a later one begins there, whatever the clock here said."""
    account = f"ahead-{says_its_time}"
    source = Recorded([trade(1, NOW_MS - 5)])
    with Following(app, tmp_path, source, account, NOW_MS + DAY_MS) as following:
        source.clock_ms = NOW_MS if says_its_time else None
        following.round()
    source.items.append(trade(2, NOW_MS + DAY_MS // 4))
    later_ms = NOW_MS + (2 * DAY_MS if says_its_time else DAY_MS // 2)
    with Following(app, tmp_path, source, account, later_ms) as following:
        source.clock_ms = later_ms if says_its_time else None
        following.round()
    assert sorted(ids_of(app, account)) == ["t1", "t2"]


def test_following_from_now_on_begins_at_the_exchanges_now(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(1, NOW_MS - 5)], clock_ms=NOW_MS)
    with Following(app, tmp_path, source, "from-now", NOW_MS + DAY_MS) as following:
        following.follower.round(None)
        source.items.append(trade(2, NOW_MS + 5))
        source.clock_ms = NOW_MS + 30_000
        following.follower.round(None)
    assert ids_of(app, "from-now") == ["t2"]


@pytest.mark.parametrize("at", range(1, 9))
def test_a_failure_in_the_middle_loses_nothing(app: Apps, tmp_path: Path, at: int) -> None:
    items: list[Any] = [trade(number, SINCE + number * 100_000) for number in range(150)]
    source = Recorded(items, page=50, window_days=1, failures={at: Unavailable("busy")})
    account = f"failure-{at}"
    with Following(app, tmp_path, source, account) as following:
        with pytest.raises(Unavailable):
            following.round()
        if at % 2:
            following.round()
    if not at % 2:
        with Following(app, tmp_path, source, account) as following:
            following.round()
    assert sorted(ids_of(app, account)) == sorted(f"t{number}" for number in range(150))


def test_a_request_without_an_answer_is_repeated(app: Apps, tmp_path: Path) -> None:
    failures: dict[int, Exception] = {at: Unavailable("busy") for at in (1, 2, 5, 9)}
    source = Recorded([trade(number, NOW_MS - 1_000 + number) for number in range(95)], page=20, failures=failures)
    with Following(app, tmp_path, source, "repeated", repeats=2) as following:
        following.round()
        source.failures |= {source.asked + more: Unavailable("still busy") for more in (1, 2, 3)}
        with pytest.raises(Unavailable, match="still busy"):
            following.round()
    assert sorted(ids_of(app, "repeated")) == sorted(f"t{number}" for number in range(95))


def test_a_full_spool_loses_nothing(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(number, NOW_MS - 1_000 + number) for number in range(10)])
    with Following(app, tmp_path, source, "full") as following:
        record, left = following.client.record, [3]

        def fail_once(*arguments: Any, **members: Any) -> str:
            left[0] -= 1
            if left[0] == 0:
                raise SpoolFull("full")
            return record(*arguments, **members)

        following.client.record = fail_once  # type: ignore[method-assign]
        with pytest.raises(SpoolFull):
            following.round()
        following.round()
    assert sorted(ids_of(app, "full")) == sorted(f"t{number}" for number in range(10))


def test_a_late_trade_within_the_overlap_is_taken(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(1, NOW_MS - 1_000)])
    with Following(app, tmp_path, source, "late") as following:
        following.round()
        source.items.append(trade(2, NOW_MS - 300_000))
        following.now_ms += 30_000
        following.round()
    assert ids_of(app, "late") == ["t1", "t2"]


def test_an_earlier_since_takes_what_came_before(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(1, NOW_MS - 10 * DAY_MS), trade(2, NOW_MS - 1_000)])
    with Following(app, tmp_path, source, "since") as following:
        following.round(NOW_MS - DAY_MS)
    assert ids_of(app, "since") == ["t2"]
    with Following(app, tmp_path, source, "since") as following:
        following.round(NOW_MS - 20 * DAY_MS)
    assert ids_of(app, "since") == ["t2", "t1"]


def test_amounts_that_count_contracts_get_their_size(app: Apps, tmp_path: Path) -> None:
    swap = trade(1, NOW_MS - 5, symbol="BTC/USDT:USDT", amount="3", price="60000", cost="1800")
    bare = trade(2, NOW_MS - 4, symbol="ETH/USDT:USDT", amount="3", price="3000")
    source = Recorded([swap, bare], sizes={"BTC/USDT:USDT": "0.01", "ETH/USDT:USDT": "0.1"})
    with Following(app, tmp_path, source, "contracts") as following:
        following.round()
    assert [(stored["qty"], stored["multiplier"]) for stored in trades_of(app, "contracts")] == [
        ("3", "0.01"),
        ("3", "0.1"),
    ]


def test_an_inverse_contract_is_said_once(app: Apps, tmp_path: Path) -> None:
    items: list[Any] = [
        trade(number, NOW_MS - 50 + number, symbol="BTC/USD:BTC", amount="2", price="60000", cost="0.00333")
        for number in range(5)
    ]
    with Following(app, tmp_path, Recorded(items, sizes={"BTC/USD:BTC": "100"}), "inverse") as following:
        following.round()
        (said,) = following.said
    assert said.members["settlement"] == "inverse"
    assert said.members["multiplier"] == "100"


def test_what_a_contract_is_is_said_again_until_the_app_hears_it(app: Apps, tmp_path: Path) -> None:
    item: Any = trade(1, NOW_MS - 50, symbol="BTC/USD:BTC", amount="2", price="60000", cost="0.00333")
    with Following(app, tmp_path, Recorded([item], sizes={"BTC/USD:BTC": "100"}), "again") as following:
        following.does_not_hear = 1
        with pytest.raises(Unavailable):
            following.round()
        following.round()
        assert len(following.said) == 1
        assert following.client.status().recorded == 1


def test_funding_becomes_cash_once(app: Apps, tmp_path: Path) -> None:
    payment = {
        "info": {},
        "id": "7",
        "timestamp": NOW_MS - 5,
        "datetime": "2025-11-22T08:26:39.995Z",
        "symbol": "BTC/USDT",
        "code": "USDT",
        "amount": "-0.00134317",
    }
    source = Recorded([], [payment])
    for _ in range(2):
        with Following(app, tmp_path, source, "funding", NOW_MS) as following:
            following.round()
    (event,) = cash_of(app, "funding")
    assert event["id"] == "recorded-funding-7-BTC/USDT"
    assert (event["cash"]["amount"], event["cash"]["currency"], event["cash"]["reason"]) == (
        "-0.00134317",
        "USDT",
        "funding",
    )


def test_bybits_funding_rows_become_cash_with_the_right_sign(app: Apps, tmp_path: Path) -> None:
    row = trade(
        1,
        NOW_MS - 5,
        id="t-funding",
        symbol="LTC/USDT:USDT",
        price="62.89",
        amount="1.6",
        fee={"cost": "-0.01489538", "currency": "USDT"},
        info={"execType": "Funding"},
    )
    with Following(app, tmp_path, Recorded([row]), "bybit") as following:
        following.round()
    (event,) = cash_of(app, "bybit")
    assert event["cash"]["amount"] == "0.01489538"
    assert ids_of(app, "bybit") == []


def test_trades_without_ids_are_in_the_app_once_each(app: Apps, tmp_path: Path) -> None:
    """Two of them are equal, and both happened."""
    items: list[Any] = [trade(number, NOW_MS - 9_000, id=None, order=None, price="5") for number in (1, 3, 2)]
    source = Recorded(items)
    for _ in range(2):
        with Following(app, tmp_path, source, "no-ids") as following:
            following.round()
            following.now_ms += 1_000
            following.round()
    stored = trades_of(app, "no-ids")
    assert sorted(each["side"] for each in stored) == ["buy", "sell", "sell"]
    assert all(each["trade_id"].startswith("row-") for each in stored)


def test_what_can_not_be_read_is_counted_and_stops_nothing(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(1, NOW_MS - 9, side=None), trade(2, NOW_MS - 8, amount="0"), trade(3, NOW_MS - 7)])
    with Following(app, tmp_path, source, "bad") as following:
        following.round()
        assert following.follower.counts.bad == 2
        assert len(following.follower.counts.problems) == 2
    assert ids_of(app, "bad") == ["t3"]


def test_only_days_that_the_exchange_shows_are_asked_for(app: Apps, tmp_path: Path) -> None:
    source = Recorded([trade(1, NOW_MS - 5)], window_days=1, days_back=3)
    with Following(app, tmp_path, source, "days") as following:
        following.round(NOW_MS - 300 * DAY_MS)
    assert source.asked < 12


def test_a_position_of_another_exchange_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "position.json"
    path.write_text('{"version":1,"exchange":"kraken"}')
    with pytest.raises(Unusable, match=r"is of kraken"):
        Position(path, "binance")
    path.write_text("{")
    with pytest.raises(Unusable, match=r"can't be read"):
        Position(path, "binance")

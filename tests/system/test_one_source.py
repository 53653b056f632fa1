"""One source: at one sequence the sidecar's metrics and state, the API, the live page and the history say the same.

To the digit, after trades of two days, late ones, corrections, cash, a split and several currencies.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.apps import Apps, samples_of
from tests.support.http import HTTP
from tests.support.polling import eventually

NOW = datetime.now(UTC)
TODAY, YESTERDAY = NOW.date(), NOW.date() - timedelta(days=1)
Key = tuple[str, str, str, str]
"""Account, strategy, symbol, currency of the P&L."""

FIGURES = ("quantity", "average", "realized", "unrealized", "fees", "cash", "net")
STATE = ("position", "average_entry_price", "realized_pnl", "unrealized_pnl", "fees_in_net", "cash", "net_pnl")
METRICS = {"quantity": "trading_position", "realized": "trading_realized_pnl", "net": "trading_net_pnl"}


def trade(symbol: str, side: str, price: str, qty: str, day: Any = YESTERDAY, **more: str) -> dict[str, str]:
    # The first second of today has been, whenever the test runs.
    ts = f"{day}T00:00:00Z" if day == TODAY else f"{day}T10:00:00Z"
    return {"symbol": symbol, "side": side, "price": price, "qty": qty, "ts": ts, "account": "main", **more}


FUNDING = "-0.15"
LEDGER: list[tuple[str, Any]] = [
    ("/trades", [
        trade("BTC/USDT", "buy", "64250.10", "0.3", fee="1.9275"),
        trade("BTC/USDT", "sell", "64300.33", "0.1", fee="0.00001", fee_currency="BTC"),
        trade("BTC/USDT", "buy", "64100", "0.7", strategy="trend", account="alt"),
        trade("ETH/EUR", "sell", "3120.505", "1.25", strategy="maker"),
        trade("SOL/USDT", "buy", "151.333", "3"),
        trade("SOL/USDT", "sell", "149", "3", fee="0.1", fee_currency="BNB"),
        trade("BTC/USDT", "buy", "64400", "0.05", TODAY),
        trade("ETH/EUR", "buy", "3090.1", "2", TODAY, strategy="maker"),
    ]),
    ("/events", {"kind": "replace", "target": 3, "price": "64111.1"}),
    ("/events", {"kind": "void", "target": 5}),
    ("/events", {"kind": "cash", "amount": FUNDING, "currency": "USDT", "reason": "funding", "symbol": "BTC/USDT",
                 "account": "main", "ts": f"{YESTERDAY}T16:00:00Z"}),
    ("/trades", [trade("BTC/USDT", "sell", "64000", "0.3", YESTERDAY - timedelta(days=1), trade_id="late")]),
]  # fmt: skip


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """All three programs, at the same sequence."""
    apps = Apps(tmp_path_factory.mktemp("one-source"), DAY_BOUNDARY="00:00 UTC")
    try:
        for name in ("trading-app", "metrics-sidecar", "trading-analytics"):
            apps.start(name)
        for name in ("trading-app", "metrics-sidecar", "trading-analytics"):
            apps.wait_for(name)
        for path, body in LEDGER:
            assert HTTP.post(f"{apps.web_url}{path}", json=body, timeout=60).status_code == 201
        (last,) = get(apps, "/trades?order=desc&limit=1")["trades"]
        apps.wait_until_applied(last["seq"])
        eventually(lambda: not apps.state()["totals"]["recomputing"], what="late trades in the sidecar's figures")
        eventually(lambda: get(apps, "/api/health")["status"] == "ok", what="the history at the head")
        yield apps
    finally:
        apps.end()


def get(apps: Apps, path: str) -> Any:
    return HTTP.get(f"{apps.web_url}{path}", timeout=60).raise_for_status().json()


def key_of(row: dict[str, Any]) -> Key:
    return row["account"], row["strategy"], row["symbol"], row["currency"]


def of_api(apps: Apps) -> dict[Key, dict[str, str]]:
    rows = get(apps, "/api/positions")["positions"]
    return {key_of(row): {name: row[name] for name in FIGURES} for row in rows}


def test_positions_of_the_api_are_those_of_the_state(apps: Apps) -> None:
    state = {}
    for row in apps.state()["positions"]:
        figures = dict(zip(FIGURES, (row[name] for name in STATE), strict=True))
        if figures["quantity"] == "0":
            figures["average"] = None  # the state has 0 while flat
        state[key_of(row)] = figures
    assert len(state) > 3
    assert of_api(apps) == state
    assert get(apps, "/api/positions")["as_of"] == apps.state()["applied"]


def test_positions_of_the_api_are_those_of_the_metrics(apps: Apps) -> None:
    samples = apps.samples()
    for (account, strategy, symbol, _), figures in of_api(apps).items():
        labels = f'{{account="{account}",strategy="{strategy}",symbol="{symbol}"}}'
        found = {name: samples[f"{metric}{labels}"] for name, metric in METRICS.items()}
        assert found == {name: figures[name] for name in METRICS}


def test_totals_are_the_same_on_the_page_in_the_state_and_at_the_end_of_the_curve(apps: Apps) -> None:
    nets = {"USDT": Decimal(FUNDING)}  # the account's own: it named no strategy
    for (*_, currency), figures in of_api(apps).items():
        nets[currency] = nets.get(currency, Decimal()) + Decimal(figures["net"])
    of_state = {currency: Decimal(sums["net_pnl"]) for currency, sums in apps.state()["by_currency"].items()}
    assert {currency: of_state[currency] for currency in nets} == nets
    curve: dict[str, Decimal] = {bar["currency"]: Decimal(bar["close"]) for bar in get(apps, "/api/equity")["equity"]}
    assert curve == nets
    assert page_totals(apps) == nets


def test_todays_pnl_is_what_the_net_grew_by_since_yesterday(apps: Apps) -> None:
    days = get(apps, "/api/pnl")["pnl"]
    ends = get(apps, f"/api/equity?to={TODAY}")
    before = {bar["currency"]: Decimal(bar["close"]) for bar in ends["equity"]}
    now = page_totals(apps)
    today = {day["currency"]: Decimal(day["marked"]) for day in days if day["period"] == str(TODAY)}
    assert today == {currency: now[currency] - before[currency] for currency in today}
    assert set(today) == {"USDT", "EUR"}
    sums: dict[str, Decimal] = {}
    for day in days:
        sums[day["currency"]] = sums.get(day["currency"], Decimal()) + Decimal(day["marked"])
    assert sums == now


def test_the_metrics_of_performance_are_those_of_the_api(apps: Apps) -> None:
    today = {day["currency"]: day["marked"] for day in get(apps, "/api/pnl")["pnl"] if day["period"] == str(TODAY)}
    expected = {
        f'{name}{{by="total",currency="{currency}"}}': Decimal(amount)
        for name, amounts in (
            ("trading_performance_net_pnl", page_totals(apps)),
            ("trading_performance_pnl_today", today),
            ("trading_performance_max_drawdown", {row["currency"]: row["max"] for row in falls(apps)}),
        )
        for currency, amount in amounts.items()
    }
    assert len(expected) == 6

    def samples() -> dict[str, Decimal]:
        found = samples_of(f"{apps.analytics_url}/metrics")
        return {name: Decimal(found[name]) for name in expected if name in found}

    eventually(lambda: samples() == expected, what="the metrics, which are read every 2 seconds")


def falls(apps: Apps) -> list[dict[str, str]]:
    found: list[dict[str, str]] = get(apps, "/api/drawdown")["drawdown"]
    return found


def test_a_page_that_is_opened_while_the_sidecar_is_down_has_its_last_figures(apps: Apps) -> None:
    before = page_totals(apps)
    apps.kill("metrics-sidecar")
    eventually(lambda: page_health(apps)["status"] == "down", what="the app's notice of it")
    assert page_totals(apps) == before
    apps.start("metrics-sidecar")
    apps.wait_for("metrics-sidecar")


def page_health(apps: Apps) -> dict[str, Any]:
    health: dict[str, Any] = page_event(apps, "health")["sidecar"]
    return health


def page_event(apps: Apps, name: str) -> dict[str, Any]:
    """The first event of that name of a page that is opened."""
    with HTTP.stream("GET", f"{apps.web_url}/page/stream", timeout=60) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if line == f"event: {name}")
        document: dict[str, Any] = json.loads(next(lines).removeprefix("data: "))
    return document


def page_totals(apps: Apps) -> dict[str, Decimal]:
    """The net P&L of the live page's cards, by currency."""
    document = page_event(apps, "books")
    return {total["currency"]: Decimal(total["net"]) for total in document["totals"]}

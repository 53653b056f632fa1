"""The page with the history: trades of any range, figures by currency, nothing that sticks out on a phone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.desk import tab
from tests.support.built_history import build_history
from tests.support.market_candles import store_candles
from tests.trading_app.running import RunningApp, running
from trading_history.candles.candle import Market
from trading_history.schema import HISTORY_FILE

pytestmark = pytest.mark.long

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 1000}}

TRADES = [
    ("2026-01-05T10:00:00Z", "BTC/USDT", "buy", "100", "trend", "main"),
    ("2026-01-05T12:00:00Z", "BTC/USDT", "sell", "110.50", "trend", "main"),
    ("2026-01-06T10:00:00Z", "BTC/USDT", "buy", "100", "maker", "main"),
    ("2026-02-02T10:00:00Z", "BTC/USDT", "sell", "95", "maker", "main"),
    ("2026-02-03T10:00:00Z", "ETH/EUR", "buy", "5", "maker", "alt"),
]


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    assert browser.is_connected()
    with running(tmp_path_factory.mktemp("history"), BASE_CURRENCY="EUR") as app:
        names = ("ts", "symbol", "side", "price", "strategy", "account")
        trades = [{"qty": "1", **dict(zip(names, trade, strict=True))} for trade in TRADES]
        trades[-1] |= {"fee": "0.01", "fee_currency": "BNB"}
        app.client.post("/trades", json=trades).raise_for_status()
        build_history(app.data_folder)
        yield app


@pytest.fixture(scope="module")
def page(browser: Browser, app: RunningApp) -> Iterator[Page]:
    """The page as it is opened, on a desk."""
    yield from opened(browser, app.url, **DESK)


def opened(browser: Browser, url: str, **screen: Any) -> Iterator[Page]:
    with tab(browser, **screen) as page:
        page.goto(f"{url}/history")
        page.locator("#fills tbody tr").first.wait_for()
        yield page


def fills(page: Page) -> list[str]:
    found: list[str] = page.locator("#fills tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.seq)")
    return found


def test_a_range_of_days_includes_its_last_one(page: Page) -> None:
    assert fills(page) == ["5", "4", "3", "2", "1"]
    page.locator("#from").fill("2026-01-06")
    page.locator("#to").fill("2026-02-02")
    expect(page.locator("#fills tbody tr")).to_have_count(2)
    assert fills(page) == ["4", "3"]
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#fills tbody tr")).to_have_count(len(TRADES))


def test_a_filter_is_in_the_address_and_in_every_part(page: Page) -> None:
    page.locator("#filter-strategy").select_option("trend")
    expect(page.locator("#fills tbody tr")).to_have_count(2)
    assert page.url.endswith("?strategy=trend")
    page.locator("#clear-filters").click()
    expect(page.locator("#fills tbody tr")).to_have_count(len(TRADES))


def test_the_figures_are_those_of_the_api(page: Page) -> None:
    day = page.locator("#calendar [data-day='2026-01-05']")
    expect(day.locator("strong")).to_have_text("+10.5")
    expect(day).to_have_attribute("title", "10.5 USDT, 2 trades")
    page.locator("#view").select_option("round_trips")
    expect(page.locator("#calendar [data-month='2026-02'] h3")).to_contain_text("−5.00")
    in_euro = page.locator("#performance [data-group='maker'] td").nth(1)
    expect(in_euro).to_have_text("0.00")  # its only trip is open
    page.locator("#performance [data-by='symbol']").click()
    net = page.locator("#performance [data-group='BTC/USDT'] td").nth(1)
    expect(net).to_have_text("+5.50")
    expect(page.locator("#facts dd").nth(1)).to_have_text("+5.50")
    page.locator("#currency").select_option("EUR")
    expect(page.locator("#facts dd").nth(1)).to_have_text("0.00")
    for part in ("#facts", "#calendar"):
        expect(page.locator(f"{part} .beside")).to_have_text("not in net: 0.01 BNB")
    slippage = page.locator("#fills tbody tr").first.locator("td").nth(5)
    expect(slippage).to_have_attribute("title", "no market of this symbol is followed")


def test_the_curve_goes_on_to_now_where_nothing_changes(page: Page) -> None:
    """In a range that has ended, to its last bar."""
    at_the_last_trade = re.compile(r" · 2026-02-0[23] 10:00$")
    for legend in map(page.locator, ("#equity-legend", "#drawdown-legend")):
        expect(legend).not_to_have_text(at_the_last_trade)
        page.locator("#to").fill("2026-02-28")
        expect(legend).to_have_text(at_the_last_trade)
        page.get_by_role("button", name="All", exact=True).click()
        expect(legend).not_to_have_text(at_the_last_trade)


def test_times_are_local_and_the_page_says_in_which_zone(browser: Browser, app: RunningApp) -> None:
    for page in opened(browser, app.url, timezone_id="America/New_York", **DESK):
        time = page.locator("#fills .time").first
        expect(time).to_have_text("2026-02-03 05:00:00")
        expect(time).to_have_attribute("title", "2026-02-03T10:00:00Z")
        expect(page.locator("#time-zone")).to_have_text("Times are local (America/New_York).")


def test_the_csv_has_every_trade_of_the_range_however_many_parts_it_takes(page: Page) -> None:
    page.route(re.compile("format=csv"), lambda route: route.continue_(url=route.request.url.replace("=10000", "=2")))
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    _head, *lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["5", "4", "3", "2", "1"]
    page.unroute_all()


KEEP_CHARTS = """
let library;
window.charts = [];
Object.defineProperty(window, "LightweightCharts", { get: () => library, set: (given) => {
  const createChart = (...options) => window.charts[window.charts.push(given.createChart(...options)) - 1];
  library = { ...given, createChart };
} });
"""
"""Keeps the page's charts where a test finds them."""

FIRST_BARS = """async () => {
  for (let frame = 0; frame < 30; frame += 1) await new Promise(requestAnimationFrame);
  return window.charts.slice(0, 2).map((chart) => chart.timeScale().getVisibleLogicalRange().from);
}"""
"""The first bar that net P&L and drawdown show, once they have settled."""


def test_both_charts_show_the_whole_range(browser: Browser, app: RunningApp) -> None:
    def answer_with_many(route: Route) -> None:
        answer = route.fetch().json()
        bar = next(bar for bar in answer["equity"] if bar["currency"] == "USDT")
        days = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(400)]
        wide = dict.fromkeys(("open", "high", "low", "close"), "-123456789.12")  # the axis becomes wider for it
        answer["equity"] = [{**bar, **wide, "ts": day.isoformat()} for day in days]
        route.fulfill(json=answer)

    with tab(browser, **DESK) as page:
        page.add_init_script(KEEP_CHARTS)
        page.route("**/api/equity*", answer_with_many)
        page.goto(f"{app.url}/history")
        expect(page.locator("#resolution")).to_contain_text("Bars of")
        assert page.evaluate(FIRST_BARS) == [0, 0]


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_no_amount_in_the_calendar_is_cut(browser: Browser, app: RunningApp, screen: dict[str, Any]) -> None:
    def answer_with_thousands(route: Route) -> None:
        answer = route.fetch().json()
        for row in answer["pnl"]:
            row["marked"] = "-88888.88"
        route.fulfill(json=answer)

    with tab(browser, **screen) as page:
        page.route("**/api/pnl*", answer_with_thousands)
        page.goto(f"{app.url}/history")
        amounts = page.locator("#calendar strong")
        expect(amounts.first).to_have_text("−88.9k")
        widths = amounts.evaluate_all("(amounts) => amounts.map((one) => [one.scrollWidth, one.clientWidth])")
        assert all(needed <= given for needed, given in widths)


def test_figures_by_lots_and_in_one_currency(browser: Browser, app: RunningApp) -> None:
    for page in opened(browser, app.url, **DESK):
        with page.expect_response(lambda answer: "method=fifo" in answer.url):
            page.locator("#view").select_option("settled:fifo")
        expect(page.locator("#calendar [data-month='2026-02'] h3")).to_contain_text("−5.00")
        page.locator("#rates").select_option("dated")
        expect(page.locator("#resolution")).to_contain_text("Without a rate, so left out: realised 5.50 USDT.")
        expect(page.locator("#view")).to_have_value("settled")
        expect(page.locator("#problem")).to_be_hidden()


def test_all_parts_show_the_same_currency_whichever_answer_comes_first(browser: Browser, app: RunningApp) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with tab(browser, **DESK) as page:
        page.route("**/api/equity*", hold)  # until the answer by day, which begins with EUR, is there
        with page.expect_response("**/api/pnl*"):
            page.goto(f"{app.url}/history", wait_until="commit")
        held[0].continue_()
        expect(page.locator("#currency")).to_have_value("USDT")
        expect(page.locator("#calendar [data-day='2026-01-05']")).to_have_attribute("title", "10.5 USDT, 2 trades")


def test_days_are_those_of_the_filters_whichever_view_is_chosen_meanwhile(browser: Browser, app: RunningApp) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    for page in opened(browser, app.url, **DESK):
        with page.expect_response(lambda answer: "method=fifo" in answer.url):
            page.locator("#view").select_option("settled:fifo")
        february = page.locator("#calendar [data-month='2026-02']")
        expect(february).to_be_visible()
        page.route("**/api/pnl*", hold)
        with page.expect_response("**/api/equity*"):
            page.locator("#filter-strategy").select_option("trend")
        page.locator("#view").select_option("marked")
        held[0].continue_()
        expect(february).to_have_count(0)
        expect(page.locator("#calendar [data-day='2026-01-05']")).to_have_attribute("title", "10.5 USDT, 2 trades")


def test_prices_have_the_own_trades_marked_and_are_those_of_a_market_that_is_followed(
    browser: Browser, app: RunningApp
) -> None:
    for page in opened(browser, app.url, **DESK):
        expect(page.locator("#prices-title")).to_have_text("Prices of ETH/EUR")  # the one traded last
        page.locator("#filter-symbol").select_option("BTC/USDT")
        expect(page.locator("#prices-title")).to_have_text("Prices of BTC/USDT")
        legend = page.locator("#prices-legend")
        expect(legend).to_have_text(re.compile(r"^95\.00 · 95\.00 to 95\.00 · 2026-02-02 .* · ▼ 1$"))
        expect(page.locator("#prices-source")).to_have_text("Candles of 1h made of your own trades, all accounts.")
        at_ns = int(datetime(2026, 2, 2, 10, tzinfo=UTC).timestamp()) * 10**9
        store_candles(app.data_folder, Market("binance", "BTC-USDT"), [(at_ns, "96.5", "1")])
        page.get_by_role("button", name="All", exact=True).click()
        expect(page.locator("#prices-source")).to_have_text("Candles of 1h of the market at binance.")
        expect(legend).to_have_text(re.compile(r"^96\.50 · 96\.50 to 96\.50 · .* · ▼ 1$"))


def test_on_a_phone_nothing_sticks_out_and_axe_finds_nothing_serious(browser: Browser, app: RunningApp) -> None:
    for page in opened(browser, app.url, **PHONE):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


def test_without_a_history_the_page_says_who_builds_it(app: RunningApp, page: Page) -> None:
    file = app.data_folder / HISTORY_FILE
    aside = file.rename(file.with_suffix(".aside"))
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#problem")).to_contain_text("trading-analytics")
    aside.rename(file)
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#problem")).to_be_hidden()


def test_open_positions_at_prices_of_the_market(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, BASE_CURRENCY="EUR") as app:
        app.client.post("/events", json={"kind": "instrument", "symbol": "BTC/USDT", "mark": "market"})
        names = ("ts", "symbol", "side", "price", "strategy", "account")
        trades = [{"qty": "1", **dict(zip(names, trade, strict=True))} for trade in TRADES[2:]]
        app.client.post("/trades", json=trades).raise_for_status()
        build_history(app.data_folder)
        first = int(datetime(2026, 1, 7, tzinfo=UTC).timestamp())
        prices = [(first + 3_600 * hour, str(100 - abs(300 - hour) // 5)) for hour in range(480)]
        store_candles(
            app.data_folder, Market("binance", "BTC-USDT"), [(at * 10**9, price, "1") for at, price in prices]
        )
        for page in opened(browser, app.url, **DESK):
            fall = page.locator("#facts div").filter(has_text="Max drawdown").locator("dd")
            expect(fall).to_have_text("5.00")
            page.locator("#marks").select_option("market")
            expect(fall).to_have_text("60.00")
            expect(page.locator("#resolution")).to_contain_text("Prices of the market: BTC/USDT.")
            day = page.locator("#calendar [data-day='2026-01-08']")
            expect(day).to_have_attribute("title", "5 USDT, 0 trades")
            page.locator("#marks").select_option("own")
            expect(day).to_have_count(0)
            page.locator("#marks").select_option("market")
            page.locator("#rates").select_option("dated")
            expect(page.locator("#marks")).to_be_disabled()
            expect(page.locator("#problem")).to_be_hidden()

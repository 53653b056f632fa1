"""The page's figures in a real browser: feed, filters, positions, charts."""

import re
from decimal import Decimal
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Open, post, shown, trade, wait_for_top
from tests.support.apps import Apps
from tests.support.polling import eventually

pytestmark = pytest.mark.long

_accounts = (f"account-{number}" for number in count(1))

DRAWN = """(id) => [...document.querySelectorAll(`#${id} canvas`)].reduce((sum, canvas) => {
  if (!canvas.width || !canvas.height) return sum; // not laid out yet
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 60) colours.add(data.slice(at, at + 3).join());
  return sum + colours.size;
}, 0)"""
"""How many colours a chart shows; an empty one has those of its grid and its axes at most."""


NOTE_MARKED = """() => {
  window.marked = [];
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("#feed tbody tr.new")) window.marked.push(Number(row.dataset.seq));
  }).observe(document.querySelector("#feed tbody"), { childList: true });
}"""
"""Notes which rows are marked as new when they come: the mark lasts for a moment only."""


def test_the_feed_begins_with_the_last_200_and_goes_on_live(apps: Apps, open_page: Open) -> None:
    page = open_page()
    wait_for_top(page, post(apps, [trade()]))
    page.evaluate(NOTE_MARKED)
    last = post(apps, [trade(1, price="64250.1000", qty="1234567.5", account="desk-a")])
    wait_for_top(page, last)
    assert shown(page) == list(range(last, last - 200, -1))
    assert last in page.evaluate("window.marked")
    top = page.locator("#feed tbody tr").first
    expect(top).to_contain_text("ETH/USDT▼ Sell1,234,567.564,250.1000desk-amaker")
    expect(top).not_to_have_class(re.compile("new"))


def test_a_burst_leaves_the_last_200(apps: Apps, open_page: Open) -> None:
    page = open_page()
    wait_for_top(page, post(apps, [trade()]))
    last = post(apps, [trade(number) for number in range(1_000)])
    wait_for_top(page, last)
    assert shown(page) == list(range(last, last - 200, -1))


def test_a_pause_holds_the_feed_and_nothing_is_lost(apps: Apps, open_page: Open) -> None:
    page = open_page()
    before = post(apps, [trade()])
    wait_for_top(page, before)
    page.get_by_role("button", name="Pause").click()
    last = post(apps, [trade(), trade(1), trade(2)])
    expect(page.locator("#feed-state")).to_have_text("Paused; 3 new")
    assert shown(page)[0] == before
    page.get_by_role("button", name="Resume").click()
    wait_for_top(page, last)
    assert shown(page)[:5] == list(range(last, last - 5, -1))


def test_filters_hold_for_feed_positions_and_the_address(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    last = post(apps, [trade(0, account=account), trade(1, account=account), trade(2)])
    page = open_page()
    page.get_by_role("group", name="Filters").get_by_label("Account").select_option(account)
    expect(page.locator("#feed tbody tr")).to_have_count(2)
    expect(page.locator("#positions tbody tr")).to_have_count(2)
    assert page.url.endswith(f"?account={account}")
    page.get_by_label("Strategy").first.select_option("maker")
    expect(page.locator("#feed tbody tr")).to_have_count(1)
    assert shown(page) == [last - 1]
    post(apps, [trade(0, account=account)])
    wait_for_top(page, post(apps, [trade(3, account=account)]))
    expect(page.locator("#feed tbody tr")).to_have_count(2)
    page.reload()
    expect(page.locator("#feed tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#feed tbody tr")).to_have_count(200)
    assert page.url.endswith("/")


def test_positions_and_totals_are_the_sidecar_s_to_the_last_digit(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    bought = trade(symbol="SOL/EUR", price="148.10", qty="3", fee="0.30", fee_currency="BNB", account=account)
    last = post(apps, [bought, {**bought, "price": "149.1234", "qty": "0.7", "side": "sell", "fee": "0.123"}])
    apps.wait_until_applied(last)
    page = open_page(f"?account={account}")
    line = page.locator("#positions tbody tr")
    expect(line).to_have_count(1)
    state = next(row for row in apps.state()["positions"] if row["account"] == account)
    titles = line.locator("td").evaluate_all("(cells) => cells.map((cell) => cell.title)")
    names = (
        "position",
        "average_entry_price",
        "last_price",
        "net_pnl",
        "realized_pnl",
        "unrealized_pnl",
        "fees_in_net",
        "cash",
    )
    assert titles[2:10] == [state[name] for name in names]
    expect(line).to_contain_text("+2.3")
    card = page.locator("[data-currency=EUR]")
    assert Decimal(card.locator("dd > span").first.get_attribute("title") or "NaN") == Decimal(state["net_pnl"])
    expect(card).to_contain_text("0.423 BNB")
    shown_net = card.locator("dd > span").first.inner_text().replace("−", "-")
    assert Decimal(shown_net) == round(Decimal(state["net_pnl"]), 4)


def test_positions_follow_live(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    page = open_page(f"?account={account}")
    expect(page.locator("#books-empty")).to_have_text("No position matches the filter.")
    post(apps, [trade(account=account, qty="2")])
    expect(page.locator("#positions tbody tr")).to_contain_text("+2")
    post(apps, [trade(account=account, qty="2", side="sell")])
    expect(page.locator("#positions tbody tr")).to_contain_text("flat")


def wait_until_drawn(page: Page, chart: str) -> None:
    """Wait for more colours than an empty chart has. Playwright's own wait evaluates text, which the page forbids."""
    eventually(lambda: page.evaluate(DRAWN, chart) > 12, what=f"{chart} drawn")


def test_charts_are_drawn_from_history_and_follow(apps: Apps, open_page: Open) -> None:
    page = open_page("?symbol=BTC/USDT")
    page.locator("#chart-figures").wait_for()
    for name in ("price-chart", "pnl-chart", "notional-chart"):
        wait_until_drawn(page, name)
    expect(page.locator("#price-legend")).to_contain_text("64,250.10")
    expect(page.locator("#pnl-legend")).to_contain_text("total USDT")
    post(apps, [trade(price="64999.99", qty="0.001")])
    expect(page.locator("#price-legend")).to_contain_text("64,999.99")
    chart = page.get_by_role("img", name="Price of BTC/USDT")
    expect(chart).to_have_attribute("aria-label", re.compile("64,999.99"))


def test_a_chart_shows_the_values_under_the_pointer_and_zooms_with_the_keyboard(apps: Apps, open_page: Open) -> None:
    moments = [f"2026-01-31T12:00:{second:02}Z" for second in range(50)]
    rows = [trade(symbol="DOT/USDT", price=f"{100 + index}", ts=ts) for index, ts in enumerate(moments)]
    post(apps, rows)
    page = open_page("?symbol=DOT/USDT")
    legend, chart = page.locator("#price-legend"), page.locator("#price-chart")
    expect(legend).to_contain_text("149 ·")
    box = chart.bounding_box()
    assert box
    wait_until_drawn(page, "price-chart")
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    expect(legend).not_to_contain_text("149 ·")
    page.mouse.move(0, 0)
    expect(legend).to_contain_text("149 ·")
    chart.focus()
    before = chart.screenshot()
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_timeout(0)
    assert chart.screenshot() != before

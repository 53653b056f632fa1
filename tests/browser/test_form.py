"""The form in a real browser, with mouse and keyboard."""

import json
import re
import shlex

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.desk import Open, post, shown, trade, wait_for_top
from tests.support.apps import Apps
from tests.support.http import HTTP

pytestmark = pytest.mark.long

NAME_OF_FOCUSED = """() => {
  const focused = document.activeElement;
  return (focused.getAttribute("aria-labelledby") ?? focused.id).replace("-title", "");
}"""


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"form [name={name}]").fill(value)


def test_a_trade_is_sent_and_appears_with_its_curl_command(apps: Apps, open_page: Open) -> None:
    page = open_page()
    fill(page, symbol="btc/usdt", price=" 64250.10 ", qty="0.50", strategy="it's mine")
    page.locator("form [name=side]").select_option("sell")
    page.get_by_role("button", name="Send").click()
    state = page.locator("#form-state")
    expect(state).to_have_text(re.compile(r"Trade \d+ is in the journal\."))
    wait_for_top(page, int(re.findall(r"\d+", state.inner_text())[0]))
    command = shlex.split(page.locator("#curl").inner_text().replace("\\\n", ""))
    assert command[:4] == ["curl", "-X", "POST", f"{apps.web_url}/trade"]
    sent = {"symbol": "btc/usdt", "side": "sell", "price": "64250.10", "qty": "0.50", "strategy": "it's mine"}
    assert json.loads(command[command.index("-d") + 1]) == sent


def test_errors_stand_at_their_fields_and_go_when_corrected(open_page: Open) -> None:
    page = open_page()
    fill(page, symbol="BTC  USDT", price="64.250,10", qty="1")
    page.get_by_role("button", name="Send").click()
    symbol, price = page.locator("form [name=symbol]"), page.locator("form [name=price]")
    expect(page.locator("#form-state")).to_have_text("Not sent: see the marked fields.")
    expect(symbol).to_have_attribute("aria-invalid", "true")
    expect(symbol).to_be_focused()
    expect(price).to_have_accessible_description(
        "Must be a number such as 1234.5, with a point for decimals and no separators"
    )
    expect(page.locator("form [name=qty]")).not_to_have_attribute("aria-invalid", "true")
    fill(page, symbol="BTC/USDT", price="1.5")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#form-state")).to_contain_text("is in the journal")
    expect(page.locator("[aria-invalid]")).to_have_count(0)


def test_a_form_whose_answer_was_lost_is_one_trade_when_it_is_sent_again(apps: Apps, open_page: Open) -> None:
    page = open_page()
    lost = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().json()["seq"])
        route.abort()

    page.route("**/trade", lose)
    fill(page, symbol="BTC/USDT", price="1.5", qty="1", account="lost-answer")
    page.get_by_role("button", name="Send").click()
    state = page.locator("#form-state")
    expect(state).to_contain_text("No answer")
    page.unroute("**/trade")
    page.get_by_role("button", name="Send").click()
    expect(state).to_have_text(f"Trade {lost[0]} is in the journal.")
    fill(page, price="1.5", qty="1")
    page.get_by_role("button", name="Send").click()
    expect(state).not_to_have_text(f"Trade {lost[0]} is in the journal.")
    expect(state).to_contain_text("is in the journal")
    found = HTTP.get(f"{apps.web_url}/trades", params={"account": "lost-answer"}).json()["trades"]
    assert len(found) == 2, "one that was sent twice, and another one"


def test_enter_twice_sends_one_trade(apps: Apps, open_page: Open) -> None:
    page = open_page()
    fill(page, symbol="BTC/USDT", price="64250.10", qty="0.5", account="twice")
    page.locator("form [name=qty]").press("Enter")
    expect(page.locator("#form-state")).to_contain_text("is in the journal")
    page.locator("form [name=qty]").press("Enter")
    expect(page.locator("#form-state")).to_have_text("Not sent: see the marked fields.")
    expect(page.locator("form [name=price]")).to_have_accessible_description("Is missing")
    expect(page.locator("form [name=account]")).to_have_value("twice")
    assert len(HTTP.get(f"{apps.web_url}/trades?account=twice").json()["trades"]) == 1


def test_everything_is_reached_and_done_with_the_keyboard(apps: Apps, open_page: Open) -> None:
    page = open_page()
    wait_for_top(page, post(apps, [trade()]))
    page.locator("#chart-figures").wait_for()
    page.locator("#positions").wait_for()  # it is there, and can be reached, once the sidecar was heard
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()
    reached: list[str] = []
    while "curl" not in reached[-1:]:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(NAME_OF_FOCUSED))
        assert len(reached) < 60, reached
    order = [name for name in reached if name]
    stations = [
        "filter-symbol", "filter-account", "filter-strategy", "positions", "chart-symbol", "price-chart", "pnl-chart",
        "notional-chart", "pause", "symbol", "side", "price", "qty", "account", "strategy",
    ]  # fmt: skip
    assert [name for name in order if name in stations] == stations

    before = shown(page)[0]
    page.locator("form [name=symbol]").focus()
    for keys in ("SOL/USDT", "Tab", "s", "Tab", "148.5", "Tab", "2"):
        (page.keyboard.press if keys in ("Tab", "s") else page.keyboard.type)(keys)
    page.keyboard.press("Enter")
    wait_for_top(page, before + 1)
    expect(page.locator("#feed tbody tr").first).to_contain_text("SOL/USDT▼ Sell2148.5")


def test_more_fields_are_sent_and_errors_open_them(apps: Apps, open_page: Open) -> None:
    page = open_page()
    fill(page, symbol="SOL/USDT", price="148.5", qty="2")
    more = page.locator("form details")
    page.get_by_text("More fields").click()
    sent = {
        "ts": "2026-01-31T12:00:00Z", "fee": "0.02", "fee_currency": "BNB", "venue": "kraken", "order_id": "o-1",
        "trade_id": "form-1", "currency": "USDT", "multiplier": "ten", "tags": "breakout, news",
    }  # fmt: skip
    fill(page, **sent)
    page.locator("form [name=position_side]").select_option("long")
    page.get_by_text("More fields").click()
    expect(more).not_to_have_attribute("open", "")
    page.get_by_role("button", name="Send").click()
    expect(more).to_have_attribute("open", "")
    expect(page.locator("form [name=multiplier]")).to_be_focused()
    fill(page, multiplier="10")
    page.get_by_role("button", name="Send").click()
    state = page.locator("#form-state")
    expect(state).to_have_text(re.compile(r"Trade \d+ is in the journal\."))
    (sequence,) = re.findall(r"\d+", state.inner_text())
    stored = HTTP.get(f"{apps.web_url}/trades/{sequence}").json()["trade"]
    expected = sent | {"multiplier": "10", "position_side": "long", "tags": ["breakout", "news"]}
    assert {name: stored[name] for name in expected} == expected

"""What the page says of figures that are not simply prices times quantities, in a real browser."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.desk import Open, post, running, trade
from tests.support.apps import Apps
from tests.support.http import HTTP

pytestmark = pytest.mark.long

TS = "2026-01-31T12:00:00Z"
_accounts = (f"ledger-{number}" for number in count(1))


@pytest.fixture(scope="module")
def apps(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Apps of their own: other tests count on sequences that are all trades."""
    assert browser.is_connected()
    with running(tmp_path_factory.mktemp("ledger"), BASE_CURRENCY="EUR") as apps:
        yield apps


def say(apps: Apps, *events: dict[str, object]) -> None:
    """Send events that are not trades, and wait until they are in the figures."""
    answer = HTTP.post(f"{apps.web_url}/events", json=list(events), timeout=60)
    assert answer.is_success, answer.text
    apps.wait_until_applied(int(answer.json()["last_seq"]))


def rows(page: Page) -> list[str]:
    """The first cells of the table, in its order."""
    expect(page.locator("#positions tbody tr").first).to_be_visible()
    return page.locator("#positions tbody th").all_inner_texts()


def has_amounts(card: Locator, exact: list[str]) -> None:
    """Wait until the first amounts of a card are these: the page shows a state that it asked for up to a second ago."""
    for index, amount in enumerate(exact):
        expect(card.locator("dd > span").nth(index)).to_have_attribute("title", amount)


def test_fees_that_no_rate_values_stand_beside_the_net(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    fee: dict[str, object] = {"fee": "0.09", "fee_currency": "BNB", "account": account}
    bought = [{**trade(price=price, qty="1"), **fee} for price in ("100", "101")]
    apps.wait_until_applied(post(apps, bought))
    page = open_page(f"?account={account}")
    for place in ("#positions tbody tr", ".card[data-currency=USDT]"):
        expect(page.locator(place)).to_contain_text("not in net: 0.18 BNB")
    expect(page.locator("#positions td[data-label=Fees]")).to_have_text("0.00")


def test_cash_stands_apart_from_the_realised_pnl(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    apps.wait_until_applied(post(apps, [trade(price="100", qty="1", account=account)]))
    page = open_page(f"?account={account}")
    cash = page.locator("#positions td[data-label=Cash]")
    expect(cash).to_be_hidden()
    owner = {"kind": "cash", "account": account, "currency": "USDT"}
    say(
        apps,
        {**owner, "amount": "-0.25", "reason": "funding", "symbol": "BTC/USDT", "strategy": "trend"},
        {**owner, "amount": "-0.50", "reason": "interest"},
        {**owner, "amount": "1000", "reason": "deposit"},
    )
    expect(cash).to_be_visible()
    expect(cash).to_have_text("−0.25")
    expect(page.locator("#positions td[data-label='Net P&L']")).to_have_text("−0.25")
    card = page.locator(".card[data-currency=USDT]")
    expect(card).to_contain_text("funding −0.25, interest −0.5, deposit +1,000 (not P&L)")
    expect(card.locator("dd").first).to_have_text("−0.75")


def test_the_sides_of_a_hedge_are_rows_of_their_own(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    hedge = [
        trade(price="50", qty="2", account=account, position_side="long"),
        trade(price="60", qty="1", account=account, position_side="short", side="sell"),
    ]
    apps.wait_until_applied(post(apps, hedge))
    page = open_page(f"?account={account}")
    assert [text.split() for text in rows(page)] == [["BTC/USDT", "long"], ["BTC/USDT", "short"]]
    expect(page.locator("#positions td[data-label=Position]")).to_have_text(["+2", "−1"])


def test_a_derivative_that_nobody_describes_is_shown_in_points(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    apps.wait_until_applied(post(apps, [trade(symbol="QQX-PERP", price="100", qty="2", account=account)]))
    page = open_page(f"?account={account}")
    expect(page.locator("#positions tbody th")).to_contain_text("in points")
    expect(page.locator(".card dt").first).to_have_text("Net P&L in points, multiplier unknown")
    note = page.get_by_role("list", name="What to know about these figures")
    expect(note.locator("code")).to_have_text("trading-app event instrument symbol=QQX-PERP currency=… multiplier=…")
    say(apps, {"kind": "instrument", "symbol": "QQX-PERP", "currency": "USD", "multiplier": "50"})
    expect(page.locator(".card dt").first).to_have_text("Net P&L, USD")
    expect(note).to_be_hidden()


def test_what_was_sold_without_being_known_needs_an_opening(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    sale = trade(symbol="QQS/EUR", price="10", qty="3", side="sell", account=account, ts=TS)
    apps.wait_until_applied(post(apps, [sale]))
    page = open_page(f"?account={account}")
    expect(page.locator("#positions tbody th")).to_contain_text("sold more than known")
    note = page.get_by_role("list", name="What to know about these figures")
    expect(note).to_contain_text("Give an opening balance")
    command = note.locator("code").inner_text()
    assert command.startswith(f"trading-app event opening symbol=QQS/EUR account={account} strategy=trend quantity=")
    opening = {"kind": "opening", "symbol": "QQS/EUR", "account": account, "strategy": "trend", "quantity": "3"}
    say(apps, {**opening, "average": "8", "ts": "2026-01-01T00:00:00Z"})
    expect(note).to_be_hidden()
    expect(page.locator("#positions td[data-label=Realised]")).to_have_text("+6.00")


def test_a_position_without_a_price_has_no_net(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    say(apps, {"kind": "opening", "symbol": "QQN/CHF", "account": account, "quantity": "3", "average": "8", "ts": TS})
    page = open_page(f"?account={account}")
    line = page.locator("#positions tbody tr")
    expect(line.locator("[data-label='Last price']")).to_have_text("no price")
    expect(line.locator("[data-label=Unrealised]")).to_have_text("–")
    expect(line.locator("[data-label='Net P&L']")).to_have_text("–")
    card = page.locator(".card[data-currency=CHF]")
    expect(card).to_contain_text("no price: 1 position")
    expect(card.locator("dd").first).to_have_text("–")
    say(apps, {"kind": "price", "symbol": "QQN/CHF", "price": "9"})
    expect(line.locator("[data-label='Net P&L']")).to_have_text("+3.00")


def test_a_correction_is_shown_without_a_reload(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    last = post(apps, [trade(price="100", qty="1", account=account), trade(price="110", qty="1", account=account)])
    apps.wait_until_applied(last)
    page = open_page(f"?account={account}")
    position = page.locator("#positions td[data-label=Position]")
    expect(position).to_have_text("+2")
    say(apps, {"kind": "void", "target": last, "reason": "entered twice"})
    expect(position).to_have_text("+1")
    expect(page.locator("#positions tbody th")).not_to_have_text(re.compile("recomputing"))


def test_without_a_filter_the_totals_are_the_sidecar_s(apps: Apps, open_page: Open) -> None:
    page = open_page()
    expect(page.locator("#positions tbody tr").first).to_be_visible()
    sums = {currency: known for currency, known in apps.state()["by_currency"].items() if currency != "unknown"}
    assert sums
    for currency, known in sums.items():
        card = page.locator(f".card[data-currency={currency}]")
        names = ("net_pnl", "realized_pnl", "unrealized_pnl", "fees", "cash")
        has_amounts(card, [known[name] or "" for name in names])


def test_the_total_in_the_base_currency_says_what_is_not_in_it(apps: Apps, open_page: Open) -> None:
    account = next(_accounts)
    bought: dict[str, Any] = {"price": "100", "qty": "1", "account": account, "fee": "0.09", "fee_currency": "BNB"}
    apps.wait_until_applied(post(apps, [trade(**bought), trade(**bought | {"side": "sell", "price": "150"})]))
    say(apps, {"kind": "rate", "base": "USDT", "quote": "EUR", "rate": "0.9", "ts": TS})
    page = open_page()
    card = page.locator(".card").first
    expect(card).to_contain_text("Net P&L, all in EUR")
    expect(card).to_contain_text(re.compile(r"fees \+0\.\d+ BNB"))
    base = apps.state()["base_currency"]
    has_amounts(card, [base["dated"]["net_pnl"], base["at_current_rates"]["net_pnl"]])
    filtered = open_page(f"?account={account}")
    expect(filtered.locator(".card").first).to_be_visible()
    expect(filtered.get_by_text("all in EUR")).to_have_count(0)

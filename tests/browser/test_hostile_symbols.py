"""Symbols that could break out of the page: shown as text, filtered by, and nothing of them runs."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Open, post, trade, wait_for_top
from tests.support.apps import Apps
from tests.support.symbols import HOSTILE

pytestmark = pytest.mark.long


def test_the_page_shows_each_symbol_as_text(apps: Apps, open_page: Open) -> None:
    last = post(apps, [trade(symbol=symbol, account="hostile") for symbol in HOSTILE])
    page = open_page()
    title = page.title()
    wait_for_top(page, last)
    texts = page.locator("#feed tbody tr td:nth-child(2)").all_text_contents()[: len(HOSTILE)]
    assert texts == list(reversed(HOSTILE))
    apps.wait_until_applied(last)
    page.get_by_role("group", name="Filters").get_by_label("Account").select_option("hostile")
    expect(page.locator("#positions tbody tr")).to_have_count(len(HOSTILE))
    assert page.title() == title, "no script of a symbol ran"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "long symbols leave the page its width"
    assert page.locator("#feed img, #positions img, #feed script, #positions script").count() == 0


@pytest.mark.parametrize("symbol", [HOSTILE[1], "A&B;C#D?E=F", "A%20B+C%2F", "茅台", "BRK B"])
def test_a_filter_and_the_address_keep_a_symbol(apps: Apps, open_page: Open, symbol: str) -> None:
    last = post(apps, [trade(symbol=symbol, account="kept"), trade()])
    page = open_page()
    wait_for_top(page, last)
    page.get_by_role("group", name="Filters").get_by_label("Symbol").select_option(symbol)
    wait_for_top(page, last - 1)
    page.reload()
    wait_for_top(page, last - 1)
    assert set(page.locator("#feed tbody tr td:nth-child(2)").all_text_contents()) == {symbol}
    page.locator("#chart-symbol").select_option(symbol)
    expect(page.locator("#charts-empty")).to_be_hidden()

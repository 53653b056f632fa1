"""How the page looks and whom it lets in: colours, sizes, motion, and what axe-core says."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import Open, opening, post, trade, wait_for_top
from tests.support.apps import Apps

pytestmark = pytest.mark.long

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
WIDE = {"viewport": {"width": 2560, "height": 1300}}

GREY = """(element) => {
  const [red, green, blue] = getComputedStyle(element).backgroundColor.match(/\\d+/g).map(Number);
  return (red + green + blue) / 3;
}"""


def complete(page: Page) -> Page:
    """The page, once all of it is there."""
    for part in ("#feed tbody tr", "#positions tbody tr", "#cards .card", "#price-chart canvas"):
        page.locator(part).first.wait_for()
    return page


@pytest.fixture(scope="module")
def see(browser: Browser, apps: Apps) -> Iterator[Open]:
    """The complete page, opened once for each kind of screen: for tests that only look at it."""
    with opening(browser, apps) as open_page:
        seen: dict[str, Page] = {}

        def see(**context: Any) -> Page:
            if str(context) not in seen:
                seen[str(context)] = complete(open_page(**context))
            return seen[str(context)]

        yield see


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_serious(apps: Apps, open_page: Open, context: dict[str, Any]) -> None:
    # Ten rows, with an account and without: axe looks at each, and two hundred differ in nothing more.
    post(apps, [trade(number, strategy="axe", **more) for more in ({}, {"account": "axe"}) for number in range(5)])
    page = complete(open_page("?strategy=axe", **context))
    page.get_by_role("button", name="Send").click()
    page.locator("[aria-invalid=true]").first.wait_for()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


def test_dark_and_light_follow_the_system_even_while_it_is_open(open_page: Open) -> None:
    page = complete(open_page())
    assert page.locator("body").evaluate(GREY) > 200
    light = page.locator("#price-chart").screenshot()
    page.emulate_media(color_scheme="dark")
    assert page.locator("body").evaluate(GREY) < 40
    assert page.locator("#price-chart").screenshot() != light
    page.emulate_media(color_scheme="null")


@pytest.mark.parametrize(
    "context", [PHONE, {"viewport": {"width": 768, "height": 1024}}, WIDE], ids=["phone", "tablet", "wide"]
)
def test_nothing_sticks_out_at_any_width(see: Open, context: dict[str, Any]) -> None:
    page = see(**context)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for section in page.locator("section").all():
        assert section.evaluate("(element) => element.scrollWidth <= element.clientWidth + 1"), section


@pytest.mark.parametrize("context", [{"viewport": {"width": 1024, "height": 768}}, PHONE], ids=["small", "phone"])
def test_no_figure_is_broken_and_long_names_leave_room_for_figures(
    apps: Apps, open_page: Open, context: dict[str, Any]
) -> None:
    account = f"huge-{context['viewport']['width']}"
    long = {"symbol": f"{'LONG-' * 20}27DEC26/USDT", "account": account, "strategy": "long-" * 12}
    apps.wait_until_applied(post(apps, [trade(0, price="121932592494.34", qty="1000000", **long)]))
    page = open_page(f"?account={account}", **context)
    figure = page.locator("#cards .card dd span").nth(5)
    expect(figure).to_have_text("121,932,592,494,340,000.00")
    assert figure.evaluate("(figure) => figure.getClientRects().length") == 1
    assert page.locator("#cards").evaluate("(cards) => cards.scrollWidth <= cards.clientWidth")
    last_price = page.locator("#positions tbody td").nth(4)
    assert last_price.evaluate("(price) => price.getBoundingClientRect().right <= innerWidth")
    assert page.locator("#positions tbody .name").first.get_attribute("title") == long["symbol"]


def test_on_a_phone_each_figure_of_a_position_has_its_name(see: Open) -> None:
    page = see(**PHONE)
    cell = page.locator("#positions tbody tr").first.locator("td").nth(2)
    assert cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"Position"'
    assert page.locator("#positions thead").evaluate("(head) => head.getBoundingClientRect().height") <= 1


def test_sides_differ_by_sign_and_not_by_red_and_green(apps: Apps, open_page: Open) -> None:
    page = open_page()
    last = post(apps, [trade(0), trade(1)])
    wait_for_top(page, last)
    sell, buy = page.locator("#feed .side").nth(0), page.locator("#feed .side").nth(1)
    expect(sell).to_have_text("▼ Sell")
    expect(buy).to_have_text("▲ Buy")
    colour = "(element) => getComputedStyle(element).color.match(/\\d+/g).map(Number)"
    red, _, blue = sell.evaluate(colour)
    assert red > blue
    red, _, blue = buy.evaluate(colour)
    assert blue > red


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", "0s"), ("no-preference", "0.6s")])
def test_less_motion_where_that_is_wished(see: Open, motion: Any, seconds: str) -> None:
    page = see(reduced_motion=motion)
    row = page.locator("#feed tbody tr").last
    assert row.evaluate("(row) => getComputedStyle(row).transitionDuration") == seconds


def test_the_charts_makers_are_named_with_their_licence(see: Open) -> None:
    footer = see(reduced_motion="no-preference").locator("footer")
    expect(footer).to_contain_text("TradingView Lightweight Charts")
    expect(footer).to_contain_text("Apache License 2.0")

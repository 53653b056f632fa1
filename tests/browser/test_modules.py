"""The page's JavaScript modules by themselves, in a real browser: exact numbers, words for every state."""

import shlex
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import opening
from tests.support.apps import Apps
from trading_model.days import DayBoundary

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def page(browser: Browser, apps: Apps) -> Iterator[Page]:
    """One page for all that leave it as it was."""
    with opening(browser, apps) as open_page:
        yield open_page()


@pytest.fixture(scope="module")
def health_page(browser: Browser, apps: Apps) -> Iterator[Page]:
    """A page that hears of the pipeline only what a test tells its `health`, one state after another."""
    with opening(browser, apps) as open_page:
        page = open_page()
        page.route("**/page/stream*", lambda route: route.abort())
        page.reload(wait_until="domcontentloaded")
        call(page, "health", "(() => { window.health = new module.Health(); health.setConnected(true); })()")
        yield page


def call(page: Page, module: str, code: str, *arguments: Any) -> Any:
    """The value of an expression over a module's exports, which are in `module`, and `given`."""
    program = f"async (given) => {{ const module = await import('/static/{module}.js'); return {code}; }}"
    return page.evaluate(program, list(arguments))


def amounts(count: int) -> list[str]:
    """Decimals of every length and sign; the same at each run."""
    random = Random(7)
    made = ["0", "-0.5", "0.00", "-0.004", "99.995", "-99.995", "1" * 38, "0." + "0" * 37 + "1"]
    for _ in range(count):
        whole, fraction = random.randrange(10 ** random.randrange(1, 30)), random.randrange(0, 30)
        digits = "".join(random.choices("0123456789", k=fraction))
        made.append(random.choice(("", "-")) + str(whole) + (f".{digits}" if digits else ""))
    return made


def test_a_time_in_the_feed_gets_its_date_once_it_is_half_a_day_old(browser: Browser, apps: Apps) -> None:
    context = browser.new_context(timezone_id="UTC")
    page = context.new_page()
    page.clock.install(time="2026-01-31T15:10:30Z")
    page.route("**/page/stream*", lambda route: route.abort())
    page.goto(apps.web_url, wait_until="domcontentloaded")
    trade = {"ts": "2026-01-31T15:10:00Z", "symbol": "A", "side": "buy", "qty": "1", "price": "1", "seq": 1}
    call(page, "feed", "new module.Feed(() => '').add(given)", trade)
    time = page.locator("#feed tbody td").first
    page.clock.run_for(1_000)
    expect(time).to_have_text("15:10:00")
    page.clock.fast_forward("13:00:00")
    expect(time).to_have_text("2026-01-31 15:10:00")
    context.close()


def test_sums_products_and_rounding_are_exact(page: Page) -> None:
    left, right = amounts(200), amounts(200)[::-1]
    code = """given[0].map((a, index) => {
      const b = given[1][index];
      return [module.add(a, b), module.multiply(a, b), module.round(a, 2), module.sign(a)];
    })"""
    with localcontext() as context:
        context.prec = 200
        for (total, product, rounded, sign), a, b in zip(
            call(page, "numbers", code, left, right), left, right, strict=True
        ):
            exact = Decimal(a)
            assert Decimal(total) == exact + Decimal(b)
            assert Decimal(product) == exact * Decimal(b)
            assert Decimal(rounded) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
            assert sign == (exact > 0) - (exact < 0)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("1234567.50", "1,234,567.50"),
        ("-1000", "−1,000"),
        ("999", "999"),
        ("-0.00", "0.00"),
        ("0.00018500", "0.00018500"),
        ("12345678901234567890.123456789012345678", "12,345,678,901,234,567,890.123456789012345678"),
    ],
)
def test_figures_are_grouped_and_keep_their_digits(page: Page, given: str, shown: str) -> None:
    assert call(page, "numbers", "module.group(given[0])", given) == shown


def test_figures_get_the_decimals_they_are_shown_with(page: Page) -> None:
    fixed = "[module.fixed('5', 2), module.fixed('5.005', 2), module.fixed('-0.1', 3)]"
    assert call(page, "numbers", fixed) == ["5.00", "5.01", "-0.100"]
    others = "[module.trim('1.500'), module.groupSigned('0.10'), module.groupSigned('-3')]"
    assert call(page, "numbers", others) == ["1.5", "+0.10", "−3"]


def health(**sidecar: Any) -> dict[str, Any]:
    known = {"url": "http://sidecar", "status": "up", "since": 1_800_000_000, "reason": "", "read_at": 1_800_000_099}
    applied = {"applied": 45_000, "caught_up": True, "gaps": 0, "delay": 0.0012}
    return {"now": 1_800_000_100, "head": 100_000, "rate": 50.2, "sidecar": {**known, **applied, **sidecar}}


@pytest.mark.parametrize(
    ("sidecar", "word", "notice"),
    [
        ({"status": "starting"}, "connecting", ""),
        ({}, "caught up", ""),
        ({"caught_up": False}, "catching up, 45 %: 45,000 of 100,000", ""),
        (
            {"status": "down", "reason": "it did not answer"},
            "down since",
            "it did not answer. Positions and P&L do not change",
        ),
        ({"status": "foreign"}, "other journal", "follows another journal"),
    ],
)
def test_the_page_names_every_state_of_the_sidecar(
    health_page: Page, sidecar: dict[str, Any], word: str, notice: str
) -> None:
    health_page.evaluate("(given) => health.take(given)", health(**sidecar))
    expect(health_page.locator("#sidecar")).to_contain_text(word)
    expect(health_page.locator("#sidecar-notice")).to_contain_text(notice)
    expect(health_page.locator("#rate")).to_have_text("50")
    if sidecar.get("caught_up") is False:
        assert health_page.get_by_role("progressbar").get_attribute("value") == "0.45"
    if not sidecar:
        expect(health_page.locator("#delay")).to_have_text("1.2 ms")


def test_a_position_being_recomputed_has_a_mark_and_no_note(page: Page) -> None:
    code = """(() => {
      const row = { symbol: "BTC/USDT", account: "a", strategy: "s", side: "long", flags: ["recomputing"] };
      const element = document.createElement("span"), list = document.createElement("ul");
      module.drawMarks(element, row);
      module.drawNotes(list, [row]);
      const marks = [...element.children].map((mark) => mark.textContent);
      module.drawMarks(element, { ...row, side: "", flags: [] });
      return [marks, list.hidden, element.children.length];
    })()"""
    assert call(page, "flags", code) == [["long", "recomputing"], True, 0]


def test_a_note_names_the_symbols_and_a_command_that_a_shell_takes(page: Page) -> None:
    code = """(() => {
      const rows = given[0].map((symbol) => ({ symbol, account: "a b", strategy: "$(s)", side: "", flags: given[1] }));
      const list = document.createElement("ul");
      module.drawNotes(list, rows);
      const text = (item, name) => item.querySelector(name).textContent;
      return [...list.children].map((item) => [text(item, "strong"), text(item, "code")]);
    })()"""
    symbols = ["<b>'X", "B/USDT", "C/USDT", "D/USDT"]
    ((title, command),) = call(page, "flags", code, symbols, ["sold_more_than_known"])
    assert title == "<b>'X, B/USDT, C/USDT and 1 more: sold more than known."
    said = ["symbol=<b>'X", "account=a b", "strategy=$(s)", "quantity=…", "average=…", "ts=…"]
    assert shlex.split(command) == ["trading-app", "event", "opening", *said]


def test_a_symbol_in_points_has_one_mark(page: Page) -> None:
    code = """(() => {
      const element = document.createElement("span");
      module.drawMarks(element, { side: "", flags: ["in_points", "currency_unknown", "of_a_later_version"] });
      return element.textContent;
    })()"""
    assert call(page, "flags", code) == "in points"


@pytest.mark.parametrize(
    "boundary", ["00:00 UTC", "17:00 America/New_York", "05:30 Asia/Kolkata", "00:00 Asia/Tokyo", "12:00 Europe/Berlin"]
)
def test_the_trading_day_is_the_apps(page: Page, boundary: str) -> None:
    known, random = DayBoundary.parse(boundary), Random(3)
    times = [1_767_225_600_000 + random.randrange(365 * 86_400) * 1_000 for _ in range(200)]
    at, zone = boundary.split()
    found = call(
        page, "trading_day", "given[0].map((time) => module.tradingDay(time, given[1], given[2]))", times, zone, at
    )
    assert found == [known.day_of(time * 10**6).isoformat() for time in times]

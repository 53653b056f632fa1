"""The page while the pipeline is cut, killed, replaced, and under load."""

import re
import signal
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import Open, opening, post, running, shown, trade, wait_for_top
from tests.support.apps import Apps
from tests.support.http import open_client

pytestmark = pytest.mark.long

COUNT_DRAWINGS = """() => {
  window.drawings = 0;
  window.rows = 0;
  new MutationObserver((changes) => {
    window.drawings += 1;
    for (const change of changes) window.rows += change.addedNodes.length;
  }).observe(document.querySelector("#feed tbody"), { childList: true });
}"""


def test_an_empty_page_says_what_to_do_and_fills_and_another_journal_is_shown_from_its_beginning(
    browser: Browser, tmp_path: Path
) -> None:
    with running(tmp_path) as apps, opening(browser, apps) as open_page:
        page = open_page()
        expect(page.locator("#feed-empty")).to_contain_text("No trades yet. Send one with the form")
        expect(page.locator("#books-empty")).to_contain_text("the first trade opens one")
        expect(page.locator("#charts-empty")).to_have_text("Charts begin with the first trade.")
        post(apps, [trade(number) for number in range(5)])
        wait_for_top(page, 5)
        expect(page.locator("#positions tbody tr")).to_have_count(5)
        page.locator("#price-chart canvas").first.wait_for()
        expect(page.locator("#pnl-legend")).to_contain_text("total USDT")
        for empty in ("feed", "books", "charts"):
            expect(page.locator(f"#{empty}-empty")).to_be_hidden()

        apps.kill("trading-app")
        for file in (apps.folder / "data").glob("journal*"):
            file.unlink()
        apps.start("trading-app")
        apps.wait_until_ready()
        post(apps, [trade(0, account="another") for _ in range(9)])
        wait_for_top(page, 9)
        assert shown(page) == list(range(9, 0, -1))
        expect(page.locator("#positions tbody tr")).to_have_count(1)
        expect(page.locator("#sidecar")).to_have_text("caught up")


def test_the_page_reports_a_sidecar_that_is_down_and_the_feed_continues(apps: Apps, open_page: Open) -> None:
    apps.wait_until_applied(post(apps, [trade(account="down")]))
    page = open_page("?account=down")
    expect(page.locator("#sidecar")).to_have_text("caught up")
    expect(page.locator("#positions tbody tr")).to_have_count(1)
    apps.kill("metrics-sidecar")
    notice = page.locator("#sidecar-notice")
    expect(notice).to_contain_text(f"The sidecar at {apps.sidecar_url} is down since")
    expect(notice).to_contain_text("nothing listens there")
    expect(page.locator("#as-of")).to_contain_text("Stale: as of")
    expect(page.locator("#positions tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#as-of")).to_contain_text("Stale: as of")
    expect(page.locator("#positions tbody tr")).to_have_count(1)
    last = post(apps, [trade(1, account="down"), trade(2, account="down")])
    wait_for_top(page, last)
    apps.start("metrics-sidecar")
    expect(notice).to_be_hidden()
    expect(page.locator("#positions tbody tr")).to_have_count(3)
    expect(page.locator("#as-of")).to_have_text("")


def test_figures_of_a_sidecar_that_stands_still_are_said_to_be_old(apps: Apps, open_page: Open) -> None:
    apps.wait_until_applied(post(apps, [trade(account="still")]))
    page = open_page("?account=still")
    expect(page.locator("#sidecar")).to_have_text("caught up")
    apps.processes["metrics-sidecar"].send_signal(signal.SIGSTOP)
    try:
        expect(page.locator("#connection")).to_have_text(re.compile(r"^Live; figures are \d+ s old$"))
        expect(page.locator("#as-of")).to_contain_text("Stale: as of")
    finally:
        apps.processes["metrics-sidecar"].send_signal(signal.SIGCONT)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#as-of")).to_have_text("")


def test_the_app_is_killed_and_comes_back_and_the_feed_has_no_hole(apps: Apps, open_page: Open) -> None:
    page = open_page("?account=killed")
    before = post(apps, [trade(number, account="killed") for number in range(20)])
    wait_for_top(page, before)
    keep_in_mind(page)
    apps.kill("trading-app")
    expect(page.locator("#connection")).to_contain_text("No connection since")
    expect(page.locator("#as-of")).to_contain_text("Stale")
    apps.start("trading-app")
    apps.wait_until_ready()
    last = post(apps, [trade(number, account="killed") for number in range(60)])
    wait_for_top(page, last)
    expect(page.locator("#connection")).to_have_text("Live")
    assert shown(page) == list(range(last, last - 80, -1))
    assert remembered(page) == 20, "it went on and did not start over"


def test_a_connection_that_is_only_cut_is_taken_up_where_it_was(apps: Apps, open_page: Open) -> None:
    page = open_page("?account=cut")
    wait_for_top(page, post(apps, [trade(account="cut")]))
    keep_in_mind(page)
    page.route("**/page/stream*", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('online'))")  # makes it connect again, in vain
    expect(page.locator("#connection")).to_contain_text("No connection")
    last = post(apps, [trade(number, account="cut") for number in range(10)])
    page.unroute("**/page/stream*")
    wait_for_top(page, last)
    assert shown(page) == list(range(last, last - 11, -1))
    assert remembered(page) == 1, "it went on and did not start over"


def test_ten_thousand_trades_are_drawn_together_while_the_page_obeys(apps: Apps, open_page: Open) -> None:
    page = open_page()
    before = post(apps, [trade()])
    wait_for_top(page, before)
    page.evaluate(COUNT_DRAWINGS)
    sender = threading.Thread(target=send_steadily, args=(apps.web_url, 10_000, 1_000))
    sender.start()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()  # the page obeys meanwhile
    page.locator("form [name=symbol]").fill("BTC/USDT")
    expect(page.locator("form [name=symbol]")).to_have_value("BTC/USDT")
    wait_for_top(page, before + 10_000)
    sender.join()
    assert shown(page) == list(range(before + 10_000, before + 9_800, -1))
    drawings, rows = page.evaluate("[window.drawings, window.rows]")
    assert 0 < drawings < 1_000, "what comes together is drawn together"
    assert rows <= 10_000, "no row is drawn twice"


def keep_in_mind(page: Page) -> None:
    """Mark the rows that are there."""
    page.evaluate(
        "document.querySelectorAll('#feed tbody tr').forEach((row) => { row.id = `kept-${row.dataset.seq}`; })"
    )


def remembered(page: Page) -> int:
    """How many of them are still there, as they were."""
    return page.locator("#feed tbody tr[id^=kept-]").count()


def send_steadily(url: str, total: int, per_second: int) -> None:
    """Ten requests a second."""
    size, began = per_second // 10, time.monotonic()
    with open_client() as client:
        for number in range(total // size):
            rows = [trade(number * size + index) for index in range(size)]
            client.post(f"{url}/trades", json=rows, timeout=60).raise_for_status()
            time.sleep(max(0.0, began + (number + 1) / 10 - time.monotonic()))

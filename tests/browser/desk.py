"""Both apps with some trades in them, and a real Chromium that looks at their page."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.apps import Apps
from tests.support.http import HTTP
from tests.support.polling import PATIENCE_MS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--headless=new",
    # Chromium draws the address bar's suggestions by a page of their own beside each page: half of the CPU time of
    # opening one. The last such option counts, so what matters of Playwright's own list is here as well.
    ("--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AimEnabled,HttpsUpgrades,LensOverlay,MediaRouter,"
    "OptimizationHints,PaintHolding,PreconnectToSearch,Translate"),
]  # fmt: skip

SYMBOLS = (("BTC/USDT", "64250.10", "0.25"), ("ETH/USDT", "3120.50", "1.5"), ("XRP/ETH", "0.00018500", "1200.5"))

expect.set_options(timeout=PATIENCE_MS)

Open = Callable[..., Page]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of this machine; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Apps]:
    """Both apps, ready, with nothing in them yet."""
    apps = Apps(folder, **settings)
    try:
        apps.start_both()
        yield apps
    finally:
        for process in apps.processes.values():
            process.kill()
            process.wait()


_contexts: WeakKeyDictionary[Browser, dict[str, BrowserContext]] = WeakKeyDictionary()
_idle: WeakKeyDictionary[BrowserContext, list[tuple[Page, list[str]]]] = WeakKeyDictionary()


def context_with(browser: Browser, **options: Any) -> BrowserContext:
    """The browser's context with these options, for all tests.

    In a new one every script is downloaded and compiled again: two thirds of what it takes to open the page. The pages
    keep nothing there, which tests/browser/test_sign_in.py holds.
    """
    contexts = _contexts.setdefault(browser, {})
    name = repr(sorted(options.items()))
    if name not in contexts:
        contexts[name] = browser.new_context(**options)
    return contexts[name]


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Page]:
    """A blank tab of a context with these options. AssertionError in the end if a script failed, or if something broke
    a page's policy.

    The next test goes on with the tab: a new one has a process of its own, that compiles every script again. A test
    puts back what it emulates.
    """
    idle = _idle.setdefault(context_with(browser, **options), [])
    page, complaints = idle.pop() if idle else new_page(context_with(browser, **options))
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.unroute_all()
    page.mouse.move(0, 0)
    page.goto("about:blank")
    assert_none(complaints)
    idle.append((page, complaints))


def new_page(context: BrowserContext) -> tuple[Page, list[str]]:
    """A new tab, and what its pages' scripts complain of."""
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    return page, complaints


def assert_none(complaints: list[str]) -> None:
    """AssertionError with the complaints, but for requests that failed: those are not the page's fault."""
    assert [complaint for complaint in complaints if not complaint.startswith("Failed to load resource")] == []


@contextmanager
def opening(browser: Browser, apps: Apps) -> Iterator[Open]:
    """Opens the page, as often as asked."""
    with ExitStack() as tabs:

        def open_page(query: str = "", **context: Any) -> Page:
            viewport = context.pop("viewport", {"width": 1440, "height": 1000})
            page = tabs.enter_context(tab(browser, viewport=viewport, **context))
            page.goto(f"{apps.web_url}/{query}")
            page.locator("#connection[data-state=good]").wait_for()
            return page

        yield open_page


def trade(number: int = 0, **fields: object) -> dict[str, object]:
    """A trade that is unlike its neighbours."""
    symbol, price, qty = SYMBOLS[number % 3]
    side = "sell" if number % 4 == 1 else "buy"
    strategy = "maker" if number % 2 else "trend"
    return {"symbol": symbol, "price": price, "qty": qty, "side": side, "strategy": strategy, **fields}


def post(apps: Apps, trades: Sequence[dict[str, object]]) -> int:
    """Post them in one request; the last sequence."""
    answer = HTTP.post(f"{apps.web_url}/trades", json=trades, timeout=60).raise_for_status()
    return int(answer.json()["last_seq"])


def shown(page: Page) -> list[int]:
    """The sequences in the feed, from the top."""
    sequences: list[int] = page.evaluate(
        "[...document.querySelectorAll('#feed tbody tr')].map((row) => +row.dataset.seq)"
    )
    return sequences


def wait_for_top(page: Page, sequence: int) -> None:
    """Until that trade is at the top of the feed."""
    page.locator(f"#feed tbody tr:first-child[data-seq='{sequence}']").wait_for()

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.desk import Open, chromium, opening, post, running, trade
from tests.support.apps import Apps

# Of this package, not of the session: while Playwright runs, no other test can run an event loop of its own.


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def apps(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Both apps, with 300 trades; `browser` comes first, so that nothing is started where there is none."""
    assert browser.is_connected()
    with running(tmp_path_factory.mktemp("desk")) as apps:
        apps.wait_until_applied(post(apps, [trade(number) for number in range(300)]))
        yield apps


@pytest.fixture
def open_page(browser: Browser, apps: Apps) -> Iterator[Open]:
    with opening(browser, apps) as open_page:
        yield open_page

"""Signing in with a real browser: the page is live with the cookie alone, and leads back when the session ends."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, expect

from service_kit.access.tokens import entry_text, mint
from tests.browser.desk import assert_none, new_page, trade
from tests.browser.test_appearance import PHONE
from tests.support.apps import Apps, running_apps
from tests.support.http import HTTP
from tests.support.polling import PATIENCE_MS

pytestmark = pytest.mark.long

TOKEN, READER = mint(), mint()
SETTINGS = {
    "WEBAPP_API_TOKENS": entry_text(TOKEN, frozenset({"ingest", "read"})),
    "SIDECAR_API_TOKENS": entry_text(READER, frozenset({"read"})),
    "MONITORING_TOKEN": READER,
}


@pytest.fixture(scope="module")
def guarded(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Both apps, with tokens that are stored hashed."""
    assert browser.is_connected()
    with running_apps(tmp_path_factory.mktemp("guarded"), **SETTINGS) as apps:
        yield apps


@pytest.fixture
def page(browser: Browser, guarded: Apps, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page as a browser gets it that has never been here; nothing may break the page's policy."""
    context = browser.new_context(**getattr(request, "param", {}))
    page, complaints = new_page(context)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(guarded.web_url)
    yield page
    context.close()
    assert_none(complaints)


def sign_in(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_token_makes_the_page_live_and_signing_out_ends_it(page: Page, guarded: Apps) -> None:
    expect(page).to_have_url(f"{guarded.web_url}/sign-in")
    sign_in(page)
    page.locator("#connection[data-state=good]").wait_for()
    expect(page).to_have_url(f"{guarded.web_url}/")
    page.get_by_label("Symbol", exact=True).last.wait_for()
    page.locator("#send #symbol").fill("BTC/USDT")
    page.locator("#send #price").fill("64250.10")
    page.locator("#send #qty").fill("0.25")
    page.locator("#send").get_by_role("button", name="Send").click()
    expect(page.locator("#form-state")).to_contain_text("is in the journal")
    expect(page.locator("#curl")).to_contain_text('-H "Authorization: Bearer $TOKEN"')
    page.locator("#feed tbody tr").first.wait_for()
    page.locator("#positions tbody tr").first.wait_for()  # the sidecar took MONITORING_TOKEN
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{guarded.web_url}/sign-in")
    page.goto(guarded.web_url)
    expect(page).to_have_url(f"{guarded.web_url}/sign-in")


def test_a_page_whose_session_has_ended_leads_to_the_sign_in_page(page: Page, guarded: Apps) -> None:
    sign_in(page)
    page.locator("#connection[data-state=good]").wait_for()
    [cookie] = page.context.cookies()
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Origin": guarded.web_url}
    assert HTTP.post(f"{guarded.web_url}/sign-out", headers=headers).status_code == 303
    expect(page).to_have_url(f"{guarded.web_url}/sign-in")


def test_a_page_of_another_port_can_not_use_the_session(page: Page, guarded: Apps) -> None:
    sign_in(page)
    page.locator("#connection[data-state=good]").wait_for()
    other = page.context.new_page()
    other.goto(f"{guarded.sidecar_url}/healthz")  # the same host: the browser sends the cookie along
    body = "&".join(f"{name}={value}" for name, value in trade().items())
    send = """([url, body]) => fetch(url, {method: 'POST', body, mode: 'no-cors', credentials: 'include',
        headers: {'Content-Type': 'application/x-www-form-urlencoded'}}).then((answer) => answer.type)"""
    before = trades(guarded)
    assert other.evaluate(send, [f"{guarded.web_url}/trade", body]) == "opaque"
    assert trades(guarded) == before
    headers = {"Authorization": f"Bearer {TOKEN}"}
    metrics = HTTP.get(f"{guarded.web_url}/metrics", headers=headers).text
    assert 'trading_app_requests_refused_total{code="foreign_origin"} 1\n' in metrics


def trades(apps: Apps) -> int:
    answer = HTTP.get(f"{apps.web_url}/trades", headers={"Authorization": f"Bearer {TOKEN}"})
    return len(answer.raise_for_status().json()["trades"])


@pytest.mark.parametrize("page", [{}, {"color_scheme": "dark"}, PHONE], indirect=True, ids=["light", "dark", "phone"])
def test_axe_finds_nothing_serious_on_the_sign_in_page(page: Page) -> None:
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("This token is not valid.")
    found: list[dict[str, Any]] = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_works_without_script_until_it_is_live(browser: Browser, guarded: Apps) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(guarded.web_url)
    sign_in(page)
    expect(page).to_have_url(f"{guarded.web_url}/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{guarded.web_url}/sign-in")
    context.close()


def test_the_api_can_be_tried_out_with_the_session(page: Page, guarded: Apps) -> None:
    sign_in(page)
    page.locator("#connection[data-state=good]").wait_for()
    page.goto(f"{guarded.web_url}/docs")
    page.get_by_text("The app's own metrics").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    assert page.evaluate("localStorage.length") == 0

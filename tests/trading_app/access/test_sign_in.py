"""Signing in with a browser: the cookie, what it opens and for whom, and its end. Against the app as a process."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import entry_text, mint, read_scopes
from tests.support.http import HTTP, open_client
from tests.support.id_provider import USER, Provider, id_provider
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
TOKENS = {name: mint() for name in ("ingest", "read", "ingest+read")}
ENTRIES = {name: entry_text(token, read_scopes(name.split("+"))) for name, token in TOKENS.items()}
PUBLIC = "https://desk.example"
PAGE = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with id_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def desk(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with tokens, a provider, a proxy in front that browsers know, and pages elsewhere that may call."""
    settings = provider.settings(
        WEBAPP_API_TOKENS=",".join(ENTRIES.values()),
        WEBAPP_PUBLIC_URL=PUBLIC,
        WEBAPP_CORS_ORIGINS="https://other.example",
    )
    with running(tmp_path_factory.mktemp("desk"), **settings) as app:
        yield app


@pytest.fixture
def browser(desk: RunningApp) -> Iterator[httpx.Client]:
    """Keeps cookies as a browser does."""
    with open_client(desk.url) as client:
        yield client


def sign_in(browser: httpx.Client, token: str = TOKENS["ingest+read"], **headers: str) -> httpx.Response:
    return browser.post("/sign-in", data={"token": token}, headers=PAGE | headers)


def test_a_browser_without_a_session_is_led_to_the_sign_in_page(browser: httpx.Client) -> None:
    for path in ("/", "/trades"):
        answer = browser.get(path, headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    problem(browser.get("/"), "unauthorized")
    page = browser.get("/sign-in", headers=PAGE)
    assert page.status_code == 200
    assert "script" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_who_signs_in_gets_to_the_page_that_was_asked_for_and_to_no_other_site(browser: httpx.Client) -> None:
    place = browser.get("/history", headers=PAGE).headers["location"]
    assert place == "/sign-in?page=history"
    assert f'action="{place}"' in browser.get(place, headers=PAGE).text
    for page, wanted in (("history", "/history"), ("/evil.example", "/"), ("https://evil.example", "/"), ("", "/")):
        answer = browser.post(f"/sign-in?page={page}", data={"token": TOKENS["read"]}, headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, wanted)
        assert browser.get(f"/sign-in?page={page}", headers=PAGE).headers["location"] == wanted


def test_a_token_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_can_use(browser: httpx.Client) -> None:
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == "trading_session"
    assert len(value) == 43
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=strict"}
    assert TOKENS["ingest+read"] not in str(answer.headers)


def test_by_https_the_cookie_is_bound_to_it_and_to_the_host(browser: httpx.Client) -> None:
    proxied = {"Host": "desk.example", "Origin": PUBLIC}
    cookie = sign_in(browser, **proxied).headers["set-cookie"]
    assert cookie.startswith("__Host-trading_session=")
    assert "; Secure" in cookie
    key = cookie.partition("=")[2].partition(";")[0]
    for name, status in (("__Host-trading_session", 200), ("trading_session", 401)):
        headers = {"Host": "desk.example", "Cookie": f"{name}={key}"}
        assert browser.get("/trades", headers=headers).status_code == status


def test_the_session_opens_the_page_its_stream_and_its_form(
    desk: RunningApp, browser: httpx.Client, trade: Make
) -> None:
    sign_in(browser)
    page = browser.get("/", headers=PAGE)
    assert "Sign out" in page.text
    assert "Signed in: <strong>token " in page.text
    assert page.headers["cache-control"] == "no-store"
    with browser.stream("GET", "/page/stream") as answer:
        assert answer.status_code == 200
    assert browser.get("/page/session").status_code == 204
    own = {"Origin": desk.url}
    assert browser.post("/trade", json=trade(), headers=own).status_code == 201
    assert browser.post("/trade", data=trade(), headers=own | PAGE).status_code == 303
    assert browser.post("/trades", json=[trade()], headers={"Sec-Fetch-Site": "same-origin"}).status_code == 201
    assert browser.get("/sign-in", headers=PAGE).headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "https://other.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site", "Origin": PUBLIC},
    ],
    ids=str,
)
def test_no_other_site_can_send_a_trade_with_it(
    browser: httpx.Client, headers: dict[str, str], trade: Make, account: str
) -> None:
    sign_in(browser)
    bodies: list[dict[str, Any]] = [{"json": trade()}, {"data": trade()}]
    for body in bodies:
        problem(browser.post("/trade", headers=headers, **body), "foreign_origin")
    assert browser.get("/trades", params={"account": account}).json()["trades"] == []


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_no_other_site_can_sign_anybody_in(browser: httpx.Client, headers: dict[str, str]) -> None:
    problem(browser.post("/sign-in", data={"token": TOKENS["read"]}, headers=headers), "foreign_origin")


def test_no_other_site_can_read_with_it_but_a_link_may_lead_here(browser: httpx.Client) -> None:
    sign_in(browser)
    others: tuple[dict[str, str], ...] = ({}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "iframe"})
    foreign = [{"Origin": "https://other.example"}, *({"Sec-Fetch-Site": "same-site", **other} for other in others)]
    for headers in foreign:
        answer = browser.get("/trades", headers=headers)
        problem(answer, "foreign_origin")
        assert "access-control-allow-credentials" not in answer.headers
    link = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "document"}
    assert browser.get("/", headers=PAGE | link).status_code == 200


def test_cross_origin_calls_with_a_token_work_as_ever(desk: RunningApp, trade: Make) -> None:
    other = {"Origin": "https://other.example"}
    asked = desk.client.options(
        "/trade",
        headers={
            **other,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, other["Origin"])
    assert "access-control-allow-credentials" not in asked.headers
    token = {"Authorization": f"Bearer {TOKENS['ingest']}", "Sec-Fetch-Site": "cross-site"}
    assert desk.client.post("/trade", json=trade(), headers=other | token).status_code == 201


def test_a_token_that_may_only_read_gets_a_page_that_says_so(
    desk: RunningApp, browser: httpx.Client, trade: Make
) -> None:
    sign_in(browser, TOKENS["read"])
    assert "Your token may read trades but not send any." in browser.get("/", headers=PAGE).text
    assert "Your token may read trades but not import any." in browser.get("/import", headers=PAGE).text
    problem(browser.post("/trade", json=trade(), headers={"Origin": desk.url}), "forbidden")


def test_a_token_that_may_not_read_is_no_way_in(browser: httpx.Client) -> None:
    answer = sign_in(browser, TOKENS["ingest"])
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "page needs a token with the scope read" in answer.text


@pytest.mark.parametrize("body", [b"", b"token", b"other=1", b"token=a&token=b", b"\xff" * 100, b"&" * 5000])
def test_a_form_without_a_token_is_no_way_in(browser: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(browser.post("/sign-in", content=body, headers=headers), "bad_request")
    problem(browser.post("/sign-in", content=b"token=" + b"a" * 20_000, headers=headers), "too_large")


def test_a_wrong_token_is_refused_in_words_and_sets_nothing(browser: httpx.Client) -> None:
    answer = sign_in(browser, "<b>wrong</b>")
    assert answer.status_code == 401
    assert "This token is not valid." in answer.text
    assert "wrong" not in answer.text
    assert "set-cookie" not in answer.headers


def test_a_session_of_an_id_token_has_its_users_name(browser: httpx.Client, provider: Provider) -> None:
    assert sign_in(browser, provider.token()).status_code == 303
    assert f"<strong>{USER}</strong>" in browser.get("/", headers=PAGE).text


def test_signing_out_ends_the_session_and_the_streams_that_are_open(desk: RunningApp, browser: httpx.Client) -> None:
    sign_in(browser)
    key = browser.cookies["trading_session"]
    began, ended = threading.Event(), threading.Event()

    def follow() -> None:
        with HTTP.stream("GET", f"{desk.url}/page/stream", headers={"Cookie": f"trading_session={key}"}) as answer:
            for _ in answer.iter_lines():
                began.set()
        ended.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert began.wait(60)
    answer = browser.post("/sign-out", headers={"Origin": desk.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert 'trading_session=""; ' in answer.headers["set-cookie"]
    assert ended.wait(60)
    follower.join()
    problem(HTTP.get(f"{desk.url}/trades", headers={"Cookie": f"trading_session={key}"}), "unauthorized")
    assert "a request failed" not in desk.log_text()


def test_another_site_can_not_sign_anybody_out(browser: httpx.Client) -> None:
    sign_in(browser)
    problem(browser.post("/sign-out", headers={"Origin": "https://evil.example"}), "foreign_origin")
    assert browser.get("/page/session").status_code == 204


def test_a_form_sent_after_the_session_has_ended_leads_to_the_sign_in_page(browser: httpx.Client, trade: Make) -> None:
    answer = browser.post("/trade", data=trade(), headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?unsent=1")
    assert "the trade was not sent" in browser.get("/sign-in?unsent=1", headers=PAGE).text


def test_nothing_of_the_page_is_shown_to_strangers_by_an_error(browser: httpx.Client) -> None:
    for path in ("/healthz", "/sign-in", "/static/app.css"):
        answer = browser.post(path, content=b"x", headers=PAGE)
        assert "Journal" not in answer.text


def test_made_up_cookies_open_nothing_and_slow_nobody(desk: RunningApp, browser: httpx.Client) -> None:
    for value in ("", "x", "x" * 5000, '"; a=b', *map(str, range(20))):
        problem(desk.client.get("/trades", headers={"Cookie": f"trading_session={value}"}), "unauthorized")
    assert sign_in(browser).status_code == 303


def test_where_no_credential_is_set_the_sign_in_page_leads_on(client: httpx.Client) -> None:
    assert client.get("/sign-in", headers=PAGE).headers["location"] == "/"
    assert client.post("/sign-in", data={"token": "x"}).headers["location"] == "/"
    assert client.get("/page/session").status_code == 204
    assert "Sign out" not in client.get("/", headers=PAGE).text

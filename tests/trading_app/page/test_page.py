"""The page, and its form, as a browser sees them."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.trading_app.running import RunningApp
from trading_model.fields import NAMES

Make = Callable[..., dict[str, Any]]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Elements(HTMLParser):
    """Every element with its attributes; fails where one is not closed."""

    VOID = frozenset(("meta", "link", "input", "br"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_the_page_has_a_form_for_a_trade_and_examples_that_fit_the_address(
    web: RunningApp, client: httpx.Client
) -> None:
    page = client.get("/", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    elements = Elements(page.text)
    shown = [field["name"] for field in elements.named("input")][:5]
    assert shown == ["symbol", "price", "qty", "account", "strategy"]
    assert elements.named("form") == [{"method": "post", "action": "/trade"}]
    assert f"curl -X POST {web.url}/trade" in page.text
    links = {link["href"] for link in elements.named("a")}
    assert {"/docs", "/trades", "/metrics"} <= links
    for href in links:
        assert href is not None
        if href.startswith("/"):
            assert client.get(href).status_code == 200


def test_the_page_runs_no_script_of_others(client: httpx.Client) -> None:
    page = client.get("/", headers=BROWSER)
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script>|\son\w+=|\sstyle=", page.text)
    for element, attributes in Elements(page.text).found:
        source = attributes.get("src") or (attributes.get("href") if element == "link" else None)
        assert source is None or source.startswith("/")


def test_a_form_sent_by_a_browser_leads_back_to_the_page(client: httpx.Client, trade: Make) -> None:
    answer = client.post("/trade", data=trade(), headers=BROWSER)
    assert answer.status_code == 303
    sequence = re.fullmatch(r"/\?seq=(\d+)", answer.headers["location"])
    assert sequence
    page = client.get(answer.headers["location"], headers=BROWSER)
    assert f"Trade {sequence[1]} is in the journal" in page.text
    see = client.get(f"/trades?after={int(sequence[1]) - 1}&limit=1").json()["trades"]
    assert [row["seq"] for row in see] == [int(sequence[1])]


def test_a_bad_form_comes_back_with_what_was_typed_and_what_is_wrong(client: httpx.Client, trade: Make) -> None:
    fields = trade(price="cheap", side="sell", account="", strategy='<b>&"')
    answer = client.post("/trade", data=fields, headers=BROWSER)
    assert answer.status_code == 422
    elements = Elements(answer.text)
    typed = {field["name"]: field["value"] for field in elements.named("input") if field["value"]}
    assert typed == {"symbol": "BTC/USDT", "price": "cheap", "qty": "0.25", "strategy": '<b>&"'}
    chosen = [option["value"] for option in elements.named("option") if "selected" in option]
    assert chosen == ["sell"]
    assert "<code>price</code> must be a number such as 1234.5" in answer.text
    assert "<b>" not in answer.text


def test_the_page_reports_a_repeated_form_with_other_content(client: httpx.Client, trade: Make) -> None:
    client.post("/trade", data=trade(trade_id="p1"), headers=BROWSER)
    answer = client.post("/trade", data=trade(trade_id="p1", qty=7), headers=BROWSER)
    assert answer.status_code == 409
    assert "trade_id p1 is taken by the trade with sequence" in answer.text


def test_the_page_refuses_a_form_from_another_site(client: httpx.Client, trade: Make) -> None:
    answer = client.post("/trade", data=trade(), headers={**BROWSER, "Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "a page of https://evil.example makes the browser send this" in answer.text


def test_a_trade_that_is_not_there_is_not_said_to_be(client: httpx.Client) -> None:
    assert "is in the journal." not in client.get("/", params={"seq": 999_999_999}).text


@pytest.mark.parametrize("given", ["0", "-1", "x", "99999999999999999999"])
def test_a_sequence_that_is_none_is_refused(client: httpx.Client, given: str) -> None:
    assert client.get("/", params={"seq": given}, headers=BROWSER).status_code == 422


def test_the_style_is_served(client: httpx.Client) -> None:
    style = client.get("/static/app.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text


def test_the_form_has_every_field_of_a_trade(client: httpx.Client) -> None:
    page = client.get("/", headers=BROWSER).text
    form = page[page.index('action="/trade"') :]
    names = re.findall(r'<(?:input|select) id="\w+" name="(\w+)"', form)
    assert sorted(names) == sorted(NAMES)
    assert "<details>" in form


def test_what_was_typed_under_more_comes_back_open(client: httpx.Client, trade: Make) -> None:
    text = client.post("/trade", data=trade(fee="a lot"), headers=BROWSER).text
    assert "<details open>" in text
    assert 'value="a lot"' in text


@pytest.mark.parametrize("path", ["/nowhere", "/history/2026", "/static/nothing.js", "/?seq=0"])
def test_a_browser_gets_a_page_where_there_is_none(client: httpx.Client, path: str) -> None:
    page, document = client.get(path, headers=BROWSER), client.get(path)
    assert (page.status_code, page.headers["content-type"]) == (document.status_code, "text/html; charset=utf-8")
    assert "frame-ancestors" in page.headers["content-security-policy"]
    assert page.headers["x-request-id"] in page.text
    assert document.json()["code"] in page.text
    links = {link["href"] for link in Elements(page.text).named("a")}
    assert links == {"/", "/history", "/import", "/docs"}
    assert len(page.headers.get_list("cache-control")) == len(page.headers.get_list("content-type")) == 1


def test_calls_of_the_api_answer_browsers_as_everybody_else(client: httpx.Client) -> None:
    """Some programs say that they accept text/html first: Java's own client does."""
    for path in ("/trades?limit=0", "/api/pnl?by=year", "/trades/99999999", "/imports/none"):
        answer = client.get(path, headers=BROWSER)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.head("/nowhere", headers=BROWSER).headers["content-type"] == "application/problem+json"


def test_what_the_address_says_is_shown_as_text(client: httpx.Client) -> None:
    page = client.get("/?seq=<script>alert(1)</script>", headers=BROWSER)
    assert page.status_code == 422
    assert "<script>" not in page.text

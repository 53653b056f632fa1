"""Who may call: tokens and origins; and the id every request has. Against the app as a process."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.polling import eventually
from tests.trading_app.conftest import ORIGIN
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
TOKENS = ("first-secret-token", "zweites-geheimnis-ü")
CALLS = (
    ("POST", "/trade"), ("POST", "/trades"), ("GET", "/trades"), ("GET", "/trades/stream"), ("GET", "/"),
    ("GET", "/metrics"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/static/page.js"), ("GET", "/nothing"),
    ("DELETE", "/trade"), ("OPTIONS", "/trades"), ("GET", "/page/session"), ("GET", "/page/stream"),
)  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that wants a token, on all interfaces."""
    settings = {"WEBAPP_HTTP_HOST": "0.0.0.0", "WEBAPP_API_TOKENS": f" {', '.join(TOKENS)} ,"}
    with running(tmp_path_factory.mktemp("guarded"), **settings) as app:
        yield app


@pytest.fixture(scope="module")
def stranger(guarded: RunningApp) -> httpx.Client:
    return guarded.client


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_but_health_is_open_without_a_token(stranger: httpx.Client, method: str, path: str) -> None:
    answer = stranger.request(method, path)
    document = problem(answer, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "Authorization: Bearer" in document["detail"]


@pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz", "/sign-in", "/static/app.css"])
def test_health_and_the_way_in_are_open(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize("token", TOKENS)
def test_each_token_opens(stranger: httpx.Client, token: str, trade: Make) -> None:
    for scheme in ("Bearer ", "bearer ", "BEARER  "):
        headers = {b"Authorization": scheme.encode() + token.encode()}
        assert stranger.post("/trade", json=trade(), headers=headers).status_code == 201
        assert stranger.get("/trades", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        f"Bearer {TOKENS[0][:-1]}",
        f"Bearer {TOKENS[0]}x",
        f"Bearer {TOKENS[0].upper()}",
        f"Basic {TOKENS[0]}",
        TOKENS[0],
        "Bearer " + "x" * 20_000,
    ],
)
def test_anything_else_does_not(stranger: httpx.Client, header: str) -> None:
    headers = {b"Authorization": header.encode("latin-1")}
    problem(stranger.get("/trades", headers=headers), "unauthorized")


@pytest.mark.parametrize(
    "host", [b"", b"[", b'"><script>alert(1)</script>', b"a b", b"evil.example", b"\xff", b"x" * 2_000]
)
@pytest.mark.parametrize("path", ["/", "/nothing", "/docs", "/trades"])
def test_with_a_token_an_odd_host_is_no_trouble(stranger: httpx.Client, path: str, host: bytes) -> None:
    answer = stranger.get(path, headers={b"Host": host, b"Authorization": f"Bearer {TOKENS[0]}".encode()})
    assert answer.status_code in (200, 404)
    assert "<script>alert" not in answer.text


def test_a_token_in_the_address_does_not_open(stranger: httpx.Client) -> None:
    problem(stranger.get("/trades", params={"token": TOKENS[0], "access_token": TOKENS[0]}), "unauthorized")


def test_no_token_is_in_the_log_or_in_an_answer(guarded: RunningApp, stranger: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[0]}"}
    answers = [stranger.get(path, headers=headers) for path in ("/", "/metrics", "/openapi.json", "/nothing")]
    answers.append(stranger.post("/trade", content=b"{", headers=headers))
    shown = guarded.log_text() + "".join(answer.text + str(answer.headers) for answer in answers)
    assert not any(token in shown for token in TOKENS)


def test_every_answer_has_an_id_and_a_given_one_is_kept(client: httpx.Client, trade: Make) -> None:
    answers = [
        client.post("/trade", json=trade()),
        client.get("/trades"),
        client.get("/nothing"),
        client.delete("/trades"),
        client.post("/trade", content=b"{"),
        client.post("/trades", content=b"x", headers={"Content-Type": "text/plain"}),
        client.post("/trades", content=b" " * (8 * 1024 * 1024 + 1)),
        client.get("/metrics"),
        client.get("/"),
        client.get("/static/app.css"),
        client.get("/static/none.css"),
        client.options("/trade", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}),
        client.options("/trade", headers={"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}),
    ]
    ids = [answer.headers.get_list("x-request-id") for answer in answers]
    assert all(len(found) == 1 for found in ids)
    assert len({found[0] for found in ids}) == len(answers)
    given = client.get("/nothing", headers={"X-Request-ID": "mine-1.2_3"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == "mine-1.2_3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a{b}", "\u00e4"])
def test_an_id_that_could_spoil_a_log_is_not_kept(client: httpx.Client, given: str) -> None:
    answer = client.get("/healthz", headers={b"X-Request-ID": given.encode()})
    assert answer.headers["x-request-id"] != given


def test_log_lines_carry_the_id(web: RunningApp, client: httpx.Client) -> None:
    client.get("/trades", headers={"X-Request-ID": "find-me"})
    # It is written once the answer is sent.
    [line] = eventually(lambda: [line for line in web.log_lines() if line.get("request_id") == "find-me"])
    assert (line["event"], line["method"], line["route"], line["status"]) == ("answered", "GET", "/trades", 200)
    assert line["service"] == "trading-app"


def test_a_listed_origin_may_call(client: httpx.Client, trade: Make) -> None:
    asked = client.options(
        "/trade",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,x-request-id",
        },
    )
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert {"GET", "POST"} == set(asked.headers["access-control-allow-methods"].split(", "))
    for answer in (
        client.post("/trade", json=trade(), headers={"Origin": ORIGIN}),
        client.post("/trade", json={}, headers={"Origin": ORIGIN}),
        client.get("/nothing", headers={"Origin": ORIGIN}),
    ):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert set(exposed) == {"x-request-id", "retry-after", "link", "etag", "history-as-of", "history-restating"}
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["https://other.example", f"{ORIGIN}.evil.example", ORIGIN.upper(), "null"])
def test_another_origin_may_not(client: httpx.Client, origin: str) -> None:
    asked = client.options("/trade", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    problem(asked, "bad_request")
    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in client.get("/trades", headers={"Origin": origin}).headers


def test_without_origins_set_there_is_no_cors(stranger: httpx.Client) -> None:
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {TOKENS[0]}"}
    answer = stranger.get("/trades", headers=headers)
    assert not any(name.startswith("access-control") for name in answer.headers)
    asked = stranger.options("/trade", headers={**headers, "Access-Control-Request-Method": "POST"})
    problem(asked, "method_not_allowed")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://", "", "file://"])
def test_a_form_from_another_site_is_refused(client: httpx.Client, trade: Make, origin: str, account: str) -> None:
    problem(client.post("/trade", data=trade(), headers={"Origin": origin}), "foreign_origin")
    assert client.get("/trades", params={"account": account}).json()["trades"] == []


def test_a_form_from_the_page_itself_is_taken(web: RunningApp, client: httpx.Client, trade: Make) -> None:
    assert client.post("/trade", data=trade(), headers={"Origin": web.url}).status_code == 201

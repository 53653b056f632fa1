"""A name that leads to 127.0.0.1 makes no page of a stranger's one of the app's own (DNS rebinding)."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.monitoring.files import HOST_OF_A_CONTAINER
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import connected
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
EVIL = "evil.example:8000"
LOADS = (
    ("/", 200), ("/trades", 200), ("/docs", 200), ("/openapi.json", 200), ("/page/history", 422),
    ("/static/page.js", 200), ("/nothing", 404), ("/metrics", 200),
)  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """One that asks for no credential, and is behind a proxy."""
    with running(tmp_path_factory.mktemp("open"), WEBAPP_PUBLIC_URL="https://desk.example:8443") as app:
        yield app


def refused(app: RunningApp) -> float:
    return app.metric('trading_app_requests_refused_total{code="foreign_host"}')


@pytest.mark.parametrize(("path", "_status"), LOADS)
def test_nothing_is_read_by_a_foreign_name(client: httpx.Client, path: str, _status: int) -> None:
    document = problem(client.get(path, headers={"Host": EVIL}), "foreign_host")
    assert "WEBAPP_PUBLIC_URL" in document["detail"]


def test_no_trade_is_taken_by_a_foreign_name_and_each_refusal_is_counted(
    app: RunningApp, client: httpx.Client, trade: Make, account: str
) -> None:
    before = refused(app)
    headers = {"Host": EVIL, "Origin": f"http://{EVIL}"}
    lines = headers | {"Content-Type": "application/x-ndjson"}
    for answer in (
        client.post("/trade", json=trade(), headers=headers),
        client.post("/trade", json=trade(), headers={"Host": EVIL}),
        client.post("/trade", data=trade(), headers=headers),
        client.post("/trades", json=[trade()], headers=headers),
        client.post("/trades", content=httpx.Request("POST", "http://x", json=trade()).content, headers=lines),
    ):
        problem(answer, "foreign_host")
    assert client.get("/trades", params={"account": account}).json()["trades"] == []
    assert refused(app) - before == 5


@pytest.mark.parametrize(
    "host", ["localhost", "app.localhost:8000", "127.1.2.3:1", "[::1]:8000", "desk.example", "desk.example:8443"]
)
def test_by_the_apps_own_names_everything_is_there(client: httpx.Client, trade: Make, host: str) -> None:
    headers = {"Host": host}
    assert {path: client.get(path, headers=headers).status_code for path, _ in LOADS} == dict(LOADS)
    assert client.post("/trade", json=trade(), headers=headers).status_code == 201
    assert client.post("/trade", data=trade(), headers=headers | {"Origin": f"http://{host}"}).status_code == 201


@pytest.mark.parametrize("request_head", [b"GET /trades HTTP/1.0\r\n\r\n", b"GET /trades HTTP/1.1\r\nHost:\r\n\r\n"])
def test_who_names_no_host_is_no_browser_and_let_in(app: RunningApp, request_head: bytes) -> None:
    with connected(app.port) as connection:
        connection.send(request_head)
        assert connection.answer().status == 200


def test_a_container_gets_health_and_figures_by_its_name_for_this_machine_and_nothing_else(
    client: httpx.Client,
) -> None:
    headers = {"Host": f"{HOST_OF_A_CONTAINER}:8000"}
    assert {client.get(path, headers=headers).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}
    problem(client.get("/trades", headers=headers), "foreign_host")


def test_where_a_credential_is_asked_for_every_name_will_do(tmp_path: Any, trade: Make) -> None:
    with running(tmp_path, WEBAPP_API_TOKENS="a-token-of-the-test") as app:
        headers = {"Host": EVIL, "Authorization": "Bearer a-token-of-the-test"}
        assert app.client.post("/trade", json=trade(), headers=headers).status_code == 201
        assert app.client.get("/trades", headers=headers).status_code == 200
        problem(app.client.get("/trades", headers={"Host": EVIL}), "unauthorized")


def test_what_a_page_elsewhere_embeds_is_not_given_where_no_credential_is_set(client: httpx.Client) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    for path in ("/trades", "/page/history", "/metrics"):
        problem(client.get(path, headers=embedded), "foreign_origin")
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert client.get("/", headers=followed).status_code == 200
    assert client.get("/trades", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/imports/i/undo", "/hooks/x/unread/y/drop", "/hooks/x/unread/y/take", "/imports/u/take"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": f"http://{EVIL}"},
        {"Origin": "null", "Content-Type": "Text/Plain;charset=application/json"},
    ],
)
def test_what_a_page_elsewhere_makes_a_browser_do_is_refused_where_no_credential_is_set(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    problem(client.post(path, headers=headers), "foreign_origin")
    assert client.post(path).status_code == 404


def test_what_is_read_is_kept_nowhere(client: httpx.Client) -> None:
    for path in ("/trades", "/page/history", "/metrics", "/openapi.json", "/readyz", "/nothing"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
    assert "no-store" not in client.get("/static/app.css").headers.get("cache-control", "")

"""Health, readiness, metrics and the documentation, against the app as a process."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service_kit.settings import Environment
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import connected, get
from tests.trading_app.running import RunningApp
from trading_app.environment import read_settings
from trading_app.http.request_boundary import ROUTES
from trading_app.problems import TYPES
from trading_app.ui import WebApp

Make = Callable[..., dict[str, Any]]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0; charset=utf-8"}

CALLS = {
    "GET /trades": ["200", "401", "403", "422", "500"],
    "POST /events": ["200", "201", "401", "403", "409", "413", "415", "422", "500"],
    "GET /events": ["200", "401", "403", "422", "500"],
    "GET /trades/{seq}": ["200", "401", "403", "404", "422", "500"],
    "POST /trades": ["200", "201", "401", "403", "409", "413", "415", "422"],
    "POST /known": ["200", "401", "403", "413", "415", "422", "500"],
    "POST /known/events": ["200", "401", "403", "413", "415", "422", "500"],
    "POST /imports": ["201", "401", "403", "413", "422"],
    "GET /imports/{upload}": ["200", "401", "403", "404", "422"],
    "POST /imports/{upload}/plan": ["200", "401", "403", "404", "409", "413", "415", "422"],
    "POST /imports/{upload}/take": ["200", "401", "403", "404", "409", "422"],
    "POST /imports/{upload}/drop": ["204", "401", "403", "404", "422"],
    "GET /imports": ["200", "401", "403", "422", "500"],
    "POST /imports/{import_id}/undo": ["201", "401", "403", "404", "409", "422", "500"],
    "POST /trade": ["200", "201", "401", "403", "409", "413", "415", "422"],
    "GET /hooks": ["200", "401", "403", "422"],
    "POST /hooks/{name}": ["200", "202", "401", "404", "422"],
    "POST /hooks/{name}/{secret}": ["200", "202", "401", "404", "422"],
    "GET /hooks/{name}/unread": ["200", "401", "403", "404", "422"],
    "POST /hooks/{name}/unread/{message}/take": ["200", "401", "403", "404", "413", "415", "422", "500"],
    "POST /hooks/{name}/unread/{message}/drop": ["204", "401", "403", "404", "422"],
    "GET /trades/stream": ["200", "401", "403", "409", "422", "500"],
    "GET /api/health": ["200", "422"],
    **{
        f"GET /api/{name}": ["200", "304", "401", "403", "422"]
        for name in ("candles", "positions", "round-trips", "performance", "pnl", "equity", "drawdown")
    },
    "GET /api/metrics/latest": ["200", "401", "403", "422"],
    "GET /api/metrics/stream": ["200", "401", "403", "422"],
    "GET /api/imports": ["200", "304", "401", "403", "422"],
    "GET /api/symbols": ["200", "304", "401", "403", "422"],
    "GET /api/trades": ["200", "304", "401", "403", "422"],
    "GET /healthz": ["200"],
    "GET /health": ["200"],
    "GET /readyz": ["200"],
    "GET /metrics": ["200", "401", "403"],
}
EVERY_CALL = ["400", "408", "414", "429", "431", "503"]
"""Golden: what /openapi.json has to list."""


NAMES = {
    "trading_app_http_requests": "counter",
    "trading_app_http_request_duration_seconds": "histogram",
    "trading_app_requests_refused": "counter",
    "trading_app_live_streams": "gauge",
    "trading_app_connections": "gauge",
    "trading_app_connections_dropped": "counter",
    "trading_app_connections_limit": "gauge",
    "trading_app_trades_accepted": "counter",
    "trading_app_trades_duplicate": "counter",
    "trading_app_trades_refused": "counter",
    "trading_app_commit_duration_seconds": "histogram",
    "trading_app_committed_trades": "counter",
    "trading_app_pending_trades": "gauge",
    "trading_app_stream_head_sequence": "gauge",
    "trading_app_last_trade_timestamp_seconds": "gauge",
    "trading_app_stream_failed": "gauge",
    "trading_app_recovered": "gauge",
    "trading_app_replay_answers": "counter",
    "trading_app_replay_trades": "counter",
    "trading_app_replay_requests_refused": "counter",
    "trading_app_stream_connections_refused": "counter",
    "trading_app_journal_bytes": "gauge",
    "trading_app_journal_wal_bytes": "gauge",
    "trading_app_key_tables_bytes": "gauge",
    "trading_app_disk_free_bytes": "gauge",
    "trading_app_pending_trades_limit": "gauge",
    "trading_app_live_streams_limit": "gauge",
    "trading_app_disk_least_free_bytes": "gauge",
    "trading_app_build": "info",
}
"""Golden: metrics that dashboards and alerts of users may rely on. New ones need no line here."""


def test_it_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("headers", [{}, OPENMETRICS], ids=["text", "OpenMetrics"])
def test_metrics_parse_in_both_formats(client: httpx.Client, headers: dict[str, str]) -> None:
    client.get("/trades").raise_for_status()
    answer = client.get("/metrics", headers=headers)
    parse = parse_openmetrics if headers else parse_text
    families = {family.name: family for family in parse(answer.text)}
    expected = "application/openmetrics-text" if headers else "text/plain"
    assert answer.headers["content-type"].startswith(expected)
    served = {name: family.type for name, family in families.items()}
    if headers:
        assert served.items() >= NAMES.items()
    assert all(family.documentation for family in families.values())
    assert {"process_resident_memory_bytes", "process_open_fds"} <= families.keys()


def test_metrics_name_every_route_of_the_app(tmp_path: Path) -> None:
    app = WebApp(read_settings(Environment({}, tmp_path)), print)
    assert ROUTES | {"/static"} == {getattr(route, "path", None) for route in app.api.routes}


def test_counters_say_what_was_sent(web: RunningApp, client: httpx.Client, trade: Make) -> None:
    samples = {
        "accepted": "trading_app_trades_accepted_total",
        "duplicate": "trading_app_trades_duplicate_total",
        "committed": "trading_app_committed_trades_total",
        "created": 'trading_app_http_requests_total{method="POST",route="/trade",status="201"}',
        "timed": 'trading_app_http_request_duration_seconds_count{route="/trade"}',
        "not JSON": 'trading_app_requests_refused_total{code="not_json"}',
        "invalid": 'trading_app_requests_refused_total{code="invalid_trade"}',
        "conflict": 'trading_app_requests_refused_total{code="trade_id_conflict"}',
        "missing": 'trading_app_requests_refused_total{code="not_found"}',
        "other": 'trading_app_http_requests_total{method="GET",route="other",status="404"}',
    }
    before = {name: web.metric(sample) for name, sample in samples.items()}
    for _ in range(3):
        client.post("/trade", json=trade(trade_id="c1"))
    client.post("/trade", json=trade(trade_id="c1", qty=3))
    client.post("/trades", json=[trade() for _ in range(7)])
    client.post("/trade", content=b"{", headers={"Content-Type": "application/json"})
    client.post("/trade", json=trade(qty=0))
    client.get("/nothing/of/this/name")
    grown = {name: web.metric(sample) - before[name] for name, sample in samples.items()}
    assert grown == {
        "accepted": 8, "duplicate": 2, "committed": 11, "created": 1, "timed": 6, "not JSON": 1, "invalid": 1,
        "conflict": 1, "missing": 1, "other": 1,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/trades", "/healthz", "/nothing"])
def test_a_request_is_counted_by_the_time_its_answer_is_complete(web: RunningApp, path: str) -> None:
    def counted(text: str) -> float:
        pattern = r'^trading_app_http_requests_total\{method="GET",route="(?:/trades|/healthz|other)",.*\} (\S+)$'
        return sum(map(float, re.findall(pattern, text, re.MULTILINE)))

    before = counted(web.client.get("/metrics").text)
    with connected(web.port) as connection:
        connection.send(get(path) + get("/metrics"))
        assert connection.answer().status in (200, 404)
        assert counted(connection.answer().body.decode()) == before + 1


def test_every_refusal_has_a_counter_from_the_start(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert set(re.findall(r'trading_app_requests_refused_total\{code="(\w+)"\}', text)) == set(TYPES)


def test_labels_do_not_grow_with_what_strangers_send(client: httpx.Client) -> None:
    for index in range(20):
        client.get(f"/no-{index}")
        client.request(("PROPFIND", "LOCK")[index % 2], "/trades")
    text = client.get("/metrics").text
    assert not re.search(r'route="/no-|PROPFIND|LOCK', text)
    assert 'trading_app_http_requests_total{method="other",route="/trades",status="405"}' in text


def test_the_head_is_what_the_last_answer_said(web: RunningApp, client: httpx.Client, trade: Make) -> None:
    sequence = client.post("/trade", json=trade()).json()["seq"]
    [(stream, head)] = re.findall(
        r'^trading_app_stream_head_sequence\{stream="([^"]+)"\} (\S+)$', client.get("/metrics").text, re.MULTILINE
    )
    assert re.fullmatch(r"[0-9a-f-]{36}", stream)
    assert float(head) == sequence
    assert web.metric("trading_app_pending_trades") == 0


def document(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/openapi.json").raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


LENIENT = ("/health", "/healthz", "/readyz", "/metrics", "/hooks/{name}", "/hooks/{name}/{secret}")
"""Calls of monitors, and of senders that may add parameters of their own."""


def test_every_other_call_refuses_a_parameter_that_it_does_not_know(client: httpx.Client) -> None:
    calls = [(method, path) for path, item in document(client)["paths"].items() for method in item]
    for method, path in calls:
        if path not in LENIENT:
            answer = client.request(method, re.sub(r"\{\w+\}", "1", path), params={"nonsense": 1})
            assert (method, path, problem(answer, "invalid_parameter")["detail"][:8]) == (method, path, "nonsense")


def test_the_document_lists_every_call_and_its_answers(client: httpx.Client) -> None:
    found = {
        f"{method.upper()} {path}": sorted(call["responses"])
        for path, item in document(client)["paths"].items()
        for method, call in item.items()
    }
    assert found == {call: sorted(answers + EVERY_CALL) for call, answers in CALLS.items()}


def test_the_document_is_sound(client: httpx.Client) -> None:
    """What a validator would look at first: versions, references, operation ids, and that each part says something."""
    found = document(client)
    assert found["openapi"].startswith("3.1.")
    assert found["info"]["title"]
    operations = [(path, call) for path, item in found["paths"].items() for call in item.values()]
    ids = [call["operationId"] for _, call in operations]
    assert len(ids) == len(set(ids))
    for path, call in operations:
        assert call["summary"], path
        assert all(response["description"] for response in call["responses"].values()), path
        assert all(parameter["in"] in ("query", "header", "path") for parameter in call.get("parameters", ()))
    for reference in re.findall(r'"\$ref":"#/([^"]+)"', client.get("/openapi.json").text):
        place: Any = found
        for part in reference.split("/"):
            place = place[part]
    assert {"Trade", "Accepted", "BatchAccepted", "StoredTrade", "Page", "Problem"} <= found["components"][
        "schemas"
    ].keys()
    assert found["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(TYPES)


def test_the_document_names_the_media_types_that_are_sent(client: httpx.Client, trade: Make) -> None:
    client.post("/trade", json=trade()).raise_for_status()
    paths = document(client)["paths"]
    for path, headers in (
        ("/trades", {}),
        ("/trades", {"Accept": "application/x-ndjson"}),
        ("/healthz", {}),
        ("/readyz", {}),
        ("/metrics", {}),
        ("/metrics", OPENMETRICS),
    ):
        sent = client.get(path, headers=headers).headers["content-type"].partition(";")[0]
        assert sent in paths[path]["get"]["responses"]["200"]["content"]
    assert list(paths["/trades/stream"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    names = {parameter["name"] for parameter in paths["/trades/stream"]["get"]["parameters"]}
    assert names == {"after", "symbol", "account", "strategy", "stream", "hash", "Last-Event-ID"}


def test_the_document_says_which_calls_need_no_token(client: httpx.Client) -> None:
    found = document(client)
    assert found["security"] == [{}, {"token": []}, {"session": []}]
    open_calls = {path for path, item in found["paths"].items() for call in item.values() if call.get("security") == []}
    hooks = {"/hooks/{name}", "/hooks/{name}/{secret}"}  # with a secret of their own
    assert open_calls == {"/api/health", "/health", "/healthz", "/readyz"} | hooks


def test_the_documentation_page_needs_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=)|\son\w+=", page.text), "no script stands in the page itself"
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    for source in sources:
        assert source.startswith(("/", f"{client.base_url}")), "everything comes from the app itself"
        assert client.get(source).status_code == 200

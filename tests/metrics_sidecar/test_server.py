"""The sidecar's HTTP, without a socket."""

import asyncio
import gzip
from collections import Counter
from pathlib import Path

import httpx
import pytest

from metrics_sidecar import metrics
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.server import SidecarApp
from metrics_sidecar.snapshot import SnapshotFile
from service_kit.access.token_throttle import MAX_WRONG
from service_kit.access.tokens import entry_text
from service_kit.metrics.text import OPENMETRICS, TEXT
from telemetry_stream.events import Arrival
from telemetry_stream.testing.memory import MemoryStream
from tests.metrics_sidecar.builders import batch, parse, trade
from tests.metrics_sidecar.test_follow import ScriptedSubscriber
from trading_model.accounting.state import TradingState
from trading_model.kinds import COUNTED

TRADES = [trade("buy", "1", "1"), trade("buy", "2", "2"), trade("sell", "1", "3", fee="0.1", fee_currency="BNB")]


class Sidecar:
    """An application over a stream that the test controls."""

    def __init__(self, folder: Path, tokens: tuple[str, ...] = ()) -> None:
        self.subscriber = ScriptedSubscriber(MemoryStream())
        self.tracker = Tracker(self.subscriber, TradingState(1_000, "scripted"))
        self.app = SidecarApp(self.tracker, Saver(self.tracker, SnapshotFile(folder)), "tcp://replay:1", tokens)

    def catch_up(self) -> None:
        self.tracker.take(Arrival(batch(TRADES), 0, replayed=True))
        self.subscriber.scripted_caught_up = True

    def request(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app.http)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, headers={"accept-encoding": "", **headers})

        return asyncio.run(send())


@pytest.fixture
def sidecar(tmp_path: Path) -> Sidecar:
    return Sidecar(tmp_path)


@pytest.fixture
def ready(sidecar: Sidecar) -> Sidecar:
    sidecar.catch_up()
    return sidecar


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_before_catch_up_it_answers_503_and_says_what_is_missing(sidecar: Sidecar, path: str) -> None:
    response = sidecar.request(path)
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    assert response.json()["code"] == "not_caught_up"
    assert "tcp://replay:1 (WEBAPP_REPLAY_ADDR): is trading-app running there?" in response.json()["detail"]
    sidecar.subscriber._head = 700
    assert "applied 0 of 700" in sidecar.request(path).json()["detail"]
    sidecar.catch_up()
    assert sidecar.request(path).status_code == 200


def test_health_and_state_are_served_before_catch_up(sidecar: Sidecar) -> None:
    assert sidecar.request("/healthz").json() == {"status": "ok"}
    assert sidecar.request("/state").json()["ready"] is False


def test_metrics_hold_every_metric_that_has_a_value(ready: Sidecar) -> None:
    shown = parse(ready.request("/metrics").text.splitlines())
    names = {
        name.partition("{")[0].removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in shown
    }
    without_a_cause = {
        metrics.REQUESTS,
        metrics.CORRECTED_TRADES,
        metrics.CORRECTED_VOLUME,
        metrics.CORRECTED_NOTIONAL,
        metrics.POSITION_RECOMPUTING,
        metrics.CONTRACT_EXPOSURE,
        metrics.CASH,
        metrics.MARK_PRICE,
        metrics.MARK_TIMESTAMP,
        metrics.MARK_STALE,
        metrics.MARKET_CAUGHT_UP,
        metrics.BASE_CURRENCY_PNL,
        metrics.BASE_CURRENCY_MISSING,
    }
    assert names == {metric.name for metric in metrics.ALL if metric not in without_a_cause}
    assert shown['trading_stream_applied_sequence{stream="scripted"}'] == "3"
    assert shown["trading_stream_caught_up"] == "1"
    assert shown['trading_events_rejected_total{reason="undecodable"}'] == "0"


def test_metrics_come_in_the_accepted_format(ready: Sidecar) -> None:
    plain = ready.request("/metrics")
    openmetrics = ready.request("/metrics", Accept="application/openmetrics-text")
    assert plain.headers["content-type"] == TEXT
    assert openmetrics.headers["content-type"] == OPENMETRICS
    assert openmetrics.text.endswith("# EOF\n")
    assert plain.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("path", ["/metrics", "/state"])
def test_answers_are_compressed_if_the_client_accepts_gzip(ready: Sidecar, path: str) -> None:
    response = ready.request(path, **{"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < len(response.content)
    assert "content-encoding" not in ready.request(path).headers
    assert gzip.compress(b"")[:2] == b"\x1f\x8b"


def test_state_shows_every_figure_as_text(ready: Sidecar) -> None:
    ready.subscriber._head = 3
    assert ready.request("/state").json() == {
        "stream": "scripted",
        "head": 3,
        "applied": 3,
        "caught_up": True,
        "ready": True,
        "pipeline": {"gaps": 0, "catchups": 0, "delivered_trades": 0, "delivery_nanoseconds": 0},
        "totals": {
            "trades": 3,
            "buys": 2,
            "sells": 1,
            "rejected": {"undecodable": 0, "out_of_range": 0},
            "events": dict.fromkeys(COUNTED, 0) | {"fill": 3},
            "late": 0,
            "recomputing": 0,
            "positions": 1,
            "positions_limit": 1000,
        },
        "incomplete_since": None,
        "other": {
            "trades": {"buy": 0, "sell": 0},
            "volume": {"buy": "0", "sell": "0"},
            "notional": {"buy": "0", "sell": "0"},
            "fees": {},
        },
        "cash": [],
        "symbols": {"XRP/ETH": {"last_price": "3", "last_trade_ts": "2026-03-04T05:06:07Z"}},
        "positions": [
            {
                "account": "default",
                "strategy": "default",
                "symbol": "XRP/ETH",
                "trades": {"buy": 2, "sell": 1},
                "volume": {"buy": "3", "sell": "1"},
                "notional": {"buy": "5", "sell": "3"},
                "fees": {"BNB": "0.1"},
                "position": "2",
                "average_entry_price": "1." + "6" * 48 + "7",
                "last_price": "3",
                "realized_pnl": "1." + "3" * 34,
                "unrealized_pnl": "2." + "6" * 33 + "7",
                "net_pnl": "4",
                "currency": "ETH",
                "fees_in_net": "0",
                "fees_outside_net": {"BNB": "0.1"},
                "cash": "0",
                "exposure": "6",
                "last_price_ts": "2026-03-04T05:06:07Z",
                "multiplier": "1",
                "unit": "ETH",
                "flags": [],
                "rounded": True,
            }
        ],
        "by_currency": {
            "ETH": {
                "realized_pnl": "1." + "3" * 34,
                "unrealized_pnl": "2." + "6" * 33 + "7",
                "fees": "0",
                "cash": "0",
                "net_pnl": "4",
                "unmarked": 0,
                "not_in_net": {"BNB": "0.1"},
            }
        },
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/metrics/", 404, "not_found"),
        ("POST", "/metrics", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_and_methods_are_refused(ready: Sidecar, method: str, path: str, status: int, code: str) -> None:
    response = ready.request(path, method)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["type"] == f"urn:trading-telemetry:problem:{code}"


def test_head_is_get_without_the_body(ready: Sidecar) -> None:
    response = ready.request("/metrics", "HEAD")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 1_000
    assert response.content == b""


def test_every_answer_carries_a_request_id_the_callers_if_it_is_one(ready: Sidecar) -> None:
    assert ready.request("/nowhere", **{"X-Request-ID": "scrape-1"}).headers["x-request-id"] == "scrape-1"
    assert ready.request("/nowhere", **{"X-Request-ID": "scrape-1"}).json()["request_id"] == "scrape-1"
    made = [ready.request("/healthz", **{"X-Request-ID": "no good"}).headers["x-request-id"] for _ in range(2)]
    assert len({*made, "no good"}) == 3


def test_requests_are_counted_by_path_and_status(ready: Sidecar) -> None:
    for path in ("/metrics", "/healthz", "/healthz", "/a", "/b"):
        ready.request(path)
    shown = parse(ready.request("/metrics").text.splitlines())
    counted = {name: text for name, text in shown.items() if name.startswith("trading_sidecar_requests_total")}
    assert counted == {
        'trading_sidecar_requests_total{path="/metrics",status="200"}': "1",
        'trading_sidecar_requests_total{path="/healthz",status="200"}': "2",
        'trading_sidecar_requests_total{path="other",status="404"}': "2",
    }


def test_an_unforeseen_error_is_a_documented_answer_too(ready: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LookupError("a secret")

    monkeypatch.setattr(ready.tracker, "freeze", fail)
    response = ready.request("/metrics")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text


class TestTokens:
    @pytest.fixture
    def guarded(self, tmp_path: Path) -> Sidecar:
        sidecar = Sidecar(tmp_path, tokens=("old", "new"))
        sidecar.catch_up()
        return sidecar

    @pytest.mark.parametrize("path", ["/metrics", "/state"])
    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic old", "Bearer old new"])
    def test_figures_need_a_token(self, guarded: Sidecar, path: str, given: str) -> None:
        response = guarded.request(path, Authorization=given)
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
        assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("given", ["Bearer old", "bearer new"])
    def test_any_token_of_the_setting_is_accepted(self, guarded: Sidecar, given: str) -> None:
        assert guarded.request("/metrics", Authorization=given).status_code == 200

    def test_a_token_without_read_gets_403(self, tmp_path: Path) -> None:
        entries = (entry_text("sender", frozenset({"ingest"})), entry_text("reader", frozenset({"read"})))
        sidecar = Sidecar(tmp_path, tokens=entries)
        sidecar.catch_up()
        assert sidecar.request("/state", Authorization="Bearer reader").status_code == 200
        response = sidecar.request("/state", Authorization="Bearer sender")
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert 'scope="read"' in response.headers["www-authenticate"]

    def test_guesses_are_throttled_but_a_token_known_from_the_address_is_accepted(self, guarded: Sidecar) -> None:
        assert guarded.request("/metrics", Authorization="Bearer old").status_code == 200
        codes = [guarded.request("/metrics", Authorization=f"Bearer {n}").json()["code"] for n in range(MAX_WRONG + 1)]
        assert codes == MAX_WRONG * ["unauthorized"] + ["too_many_attempts"]
        response = guarded.request("/metrics", Authorization="Bearer new")
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) > 0
        assert guarded.request("/metrics", Authorization="Bearer old").status_code == 200

    @pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz"])
    def test_health_needs_no_token(self, guarded: Sidecar, path: str) -> None:
        assert guarded.request(path).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/state"])
def test_without_tokens_a_foreign_name_gets_no_figures(ready: Sidecar, path: str) -> None:
    response = ready.request(path, Host="evil.example:8001")
    assert (response.status_code, response.json()["code"]) == (403, "foreign_host")
    assert "SIDECAR_API_TOKENS" in response.json()["detail"]
    for host in ("localhost:8001", "127.0.0.1:8001", "[::1]:8001", "sidecar.localhost", ""):
        assert ready.request(path, Host=host).status_code == 200
    requests = f'trading_sidecar_requests_total{{path="{path}",status="403"}} 1'
    assert requests in ready.request("/metrics").text


def test_a_container_gets_health_and_metrics_by_its_name_for_this_machine(ready: Sidecar) -> None:
    statuses = {
        path: ready.request(path, Host="host.docker.internal:8001").status_code
        for path in ("/health", "/healthz", "/readyz", "/metrics", "/state")
    }
    assert statuses == {"/health": 200, "/healthz": 200, "/readyz": 200, "/metrics": 200, "/state": 403}


def test_with_tokens_any_host_name_is_accepted(tmp_path: Path) -> None:
    sidecar = Sidecar(tmp_path, ("a-token",))
    assert sidecar.request("/state", Host="evil.example", Authorization="Bearer a-token").status_code == 200


def test_two_scrapes_at_once_get_the_same_figures(ready: Sidecar) -> None:
    async def scrape_twice() -> list[str]:
        transport = httpx.ASGITransport(app=ready.app.http)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(client.get("/metrics"), client.get("/metrics"))
        return [answer.text for answer in answers]

    keys = [Counter(line for line in text.splitlines() if "symbol=" in line) for text in asyncio.run(scrape_twice())]
    assert keys[0] == keys[1]

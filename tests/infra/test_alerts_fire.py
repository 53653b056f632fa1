"""Alerts come and go with what really goes wrong: the real apps, a real Prometheus, our rules with shorter times."""

import random
import re
import signal
import time
from collections.abc import Iterator

import pytest

from market_feed.simulator.random_market import random_ticks
from market_feed.simulator.tape import Tick
from tests.infra.prometheus import Prometheus, needs_prometheus, running_prometheus
from tests.infra.queries import ROOT
from tests.support import faulty_app
from tests.support.apps import Apps, answers, running_apps
from tests.support.fake_exchange import fake_exchange
from tests.support.faulty_app import Fault
from tests.support.http import open_client
from tests.support.load import Bots, make_trade, post_batch
from tests.support.polling import eventually

pytestmark = needs_prometheus

SEED = 20_261_121
SHORTER = {r"for: \d+[sm]": "for: 0s", r"\[\d+m\]": "[5s]", r"> 10 \* 60": "> 2"}
"""What is waited for in the copy of the rules; what is compared stays."""

FEED_JOB = "the-feed-of-one-test"
"""Its own name: the alert for a feed that is down would fire for `market-feed` in all other tests."""


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    settings = {"WEBAPP_MAX_PENDING_TRADES": "1", "SIDECAR_SNAPSHOT_SECONDS": "0.2"}
    with running_apps(tmp_path_factory.mktemp("apps"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(apps: Apps, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    for path in (ROOT / "infra/prometheus/rules").glob("*.yml"):
        text = path.read_text()
        for longer, shorter in SHORTER.items():
            text = re.sub(longer, shorter, text)
        (folder / path.name).write_text(text)
    often = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "250ms"}
    ports = {"trading-app": apps.web_port, "metrics-sidecar": apps.sidecar_port, FEED_JOB: apps.feed_port}
    jobs = [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in ports.items()]
    rules = [str(folder / name) for name in ("alerts.yml", "recording.yml")]
    with running_prometheus(folder, {"global": often, "scrape_configs": jobs, "rule_files": rules}) as running:
        eventually(lambda: value(running, "sum(up)") == 2, what="both apps scraped")
        eventually(lambda: not firing(running), what="a system that is well")
        yield running


def value(prometheus: Prometheus, query: str) -> float | None:
    found = prometheus.instant(query)
    return float(found[0]["value"][1]) if found else None


def firing(prometheus: Prometheus) -> set[str]:
    return {alert["metric"]["alertname"] for alert in prometheus.instant('ALERTS{alertstate="firing"}')}


def wait_for(prometheus: Prometheus, *alerts: str) -> None:
    eventually(lambda: set(alerts) <= firing(prometheus), what=f"{alerts} firing")


def wait_for_the_end_of(prometheus: Prometheus, *alerts: str) -> None:
    eventually(lambda: not set(alerts) & firing(prometheus), what=f"the end of {alerts}")


def test_a_sidecar_that_hangs(apps: Apps, prometheus: Prometheus) -> None:
    process = apps.processes["metrics-sidecar"]
    process.send_signal(signal.SIGSTOP)
    try:
        wait_for(prometheus, "MetricsSidecarDown")
    finally:
        process.send_signal(signal.SIGCONT)
    wait_for_the_end_of(prometheus, "MetricsSidecarDown")


def test_trades_that_are_none_and_more_than_may_wait_and_a_torn_snapshot(apps: Apps, prometheus: Prometheus) -> None:
    # Each cause goes on until its alert is there: the short windows of this copy forget what is over.
    def bad_trades_are_reported() -> bool:
        for _ in range(20):
            assert client.post(f"{apps.web_url}/trade", json={"symbol": "A"}).status_code == 422
        shown = str(prometheus.ask("alerts"))
        assert not re.search(r"{{|<error", shown)
        return "were refused as invalid_trade" in shown

    with open_client() as client:
        eventually(bad_trades_are_reported, what="TradesRefused firing")
    apps.kill("metrics-sidecar")
    file = apps.data / "sidecar-snapshot.json"
    file.write_bytes(file.read_bytes()[:-10] if file.exists() else b"torn")
    apps.start("metrics-sidecar")
    with Bots(apps.web_port, 8, SEED, prefix="overload") as bots:
        wait_for(prometheus, "Overloaded", "SnapshotRefused")
        bots.end()
    refused = 'trading_app_trades_refused_total{code="overloaded"}'
    eventually(lambda: value(prometheus, refused) == bots.refused[503], what="each refused trade counted")
    wait_for_the_end_of(prometheus, "TradesRefused", "Overloaded", "MetricsSidecarDown")


def test_a_mark_without_a_market(apps: Apps, prometheus: Prometheus) -> None:
    symbol = "QQM/USDT"
    post_batch(apps.web_port, [make_trade("marked", random.Random(SEED)) | {"symbol": symbol}])
    with open_client(apps.web_url) as client:

        def say(mark: str) -> None:
            client.post("/events", json={"kind": "instrument", "symbol": symbol, "mark": mark}).raise_for_status()

        say("market")
        wait_for(prometheus, "MarkStale")
        say("last")
    wait_for_the_end_of(prometheus, "MarkStale")


def test_a_market_whose_trades_arrive_late(apps: Apps, prometheus: Prometheus) -> None:
    late_ms = 9_000

    def ticks() -> Iterator[Tick]:
        for tick in random_ticks(["BTC-USDT"], 20, time.time_ns(), SEED):
            if "T" in tick.data:
                tick.data["T"] = time.time_ns() // 1_000_000 - late_ms
            yield tick

    with fake_exchange() as exchange:
        apps.start("market-feed", FEED_SYMBOLS="BTC-USDT", **exchange.settings)
        exchange.play(ticks(), speed=1)
        wait_for(prometheus, "MarketDelayed")
        late_ms = 0
        wait_for_the_end_of(prometheus, "MarketDelayed")
        apps.stop_one("market-feed")


def test_trades_that_cease(apps: Apps, prometheus: Prometheus) -> None:
    post_batch(apps.web_port, [make_trade("last", random.Random(SEED))])
    wait_for(prometheus, "NoTrades")
    with Bots(apps.web_port, 1, SEED, prefix="again", rate=50) as bots:
        wait_for_the_end_of(prometheus, "NoTrades")
        bots.end()


def test_a_disk_that_is_full_and_a_web_app_that_is_down(apps: Apps, prometheus: Prometheus) -> None:
    apps.stop_one("trading-app")
    wait_for(prometheus, "TradingAppDown")
    apps.start("trading-app", WEBAPP_MIN_FREE_BYTES=str(2**60))
    wait_for(prometheus, "DiskFull", "DiskNearlyFull")
    assert not answers(f"{apps.web_url}/readyz")
    assert answers(f"{apps.web_url}/healthz")
    apps.stop_one("trading-app")
    apps.start("trading-app")
    apps.wait_for("trading-app")
    wait_for_the_end_of(prometheus, "TradingAppDown", "DiskFull", "DiskNearlyFull")


def test_a_commit_that_fails(apps: Apps, prometheus: Prometheus) -> None:
    assert "UncleanEnd" not in firing(prometheus)
    apps.stop_one("trading-app")
    apps.start("trading-app", "faulty-app", **faulty_app.settings(apps.folder, Fault("wal", "sync", 20, "EIO")))
    with Bots(apps.web_port, 2, SEED, prefix="failing") as bots:
        assert apps.processes["trading-app"].wait(timeout=60) == 1
        apps.start("trading-app")
        wait_for(prometheus, "UncleanEnd")
        bots.end()
    wait_for_the_end_of(prometheus, "TradingAppDown")


def test_the_first_trade_of_a_key_is_in_the_figure_that_the_document_gives(apps: Apps, prometheus: Prometheus) -> None:
    """`increase()` does not see it: its series begins with it."""
    document = (ROOT / "docs/operations.md").read_text()
    (figure,) = re.findall(r"```promql\n(.+)\n```", document)
    figure = figure.replace("trading_trades_total", 'trading_trades_total{symbol="FIRST"}')
    post_batch(apps.web_port, [make_trade("first-of-its-key", random.Random(SEED)) | {"symbol": "FIRST"}])
    eventually(lambda: value(prometheus, figure) == 1, what="the first trade")
    assert value(prometheus, 'sum(increase(trading_trades_total{symbol="FIRST"}[10s])) or vector(0)') == 0

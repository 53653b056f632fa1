"""A Prometheus that is new knows what the sidecar showed before: `metrics-sidecar backfill`, promtool, live scrapes."""

import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

from metrics_sidecar.backfill.command import PROMTOOL
from tests.infra.prometheus import needs_prometheus, running_prometheus
from tests.support.apps import BIN, Apps
from tests.support.http import HTTP
from tests.support.ledger_builder import LedgerBuilder
from tests.support.polling import eventually
from tests.support.stored_ledger import store_at

pytestmark = needs_prometheus

SECOND = 10**9
HOUR = 3_600


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_counters_go_on_where_the_scrapes_begin(tmp_path: Path) -> None:
    now = time.time_ns()
    ledger = LedgerBuilder()
    for number in range(40):  # every 10 minutes, up to ten minutes ago
        ledger.fill("sell" if number % 3 else "buy", "0.5", str(100 + number), account="ab"[number % 2])
    ledger.void(5)
    times = [now - (41 - number) * 600 * SECOND for number in range(41)]
    store_at(ledger.events, tmp_path / "data", times)
    apps = Apps(tmp_path)
    try:
        apps.start_both()
        files = tmp_path / "out"
        run(BIN / "metrics-sidecar", "backfill", files, environment=apps.environment)
        for file in sorted(files.iterdir()):
            run(*PROMTOOL.split(), file, tmp_path / "tsdb")
        target = apps.sidecar_url.removeprefix("http://")
        scrape = {"job_name": "metrics-sidecar", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        with running_prometheus(tmp_path, {"scrape_configs": [scrape]}) as prometheus:
            trade = {"symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "7", "account": "a"}
            HTTP.post(f"{apps.web_url}/trade", json=trade).raise_for_status()
            eventually(lambda: prometheus.instant("sum(trading_trades_total) == 41"), what="the last trade scraped")

            past = [at // SECOND for at in times[:40] if at // SECOND < time.time() - 3 * HOUR - 60]
            values = {}
            for series in prometheus.instant("{__name__=~'trading_(trades|volume|notional|events)_total'}[1d]"):
                samples = series["values"]
                assert [value for _, value in samples] == sorted((value for _, value in samples), key=Decimal)
                assert samples[0][0] < past[2], series["metric"]
                if series["metric"]["__name__"] == "trading_trades_total":
                    values[series["metric"]["account"], series["metric"]["side"]] = samples
            first = sum(int(samples[0][1]) for samples in values.values())
            last = sum(int(samples[-1][1]) for samples in values.values())
            assert (len(values), first, last) == (4, 2, 41)
            middle = past[len(past) // 2] + 60
            then = f"sum(trading_trades_total{{instance='{target}', job='metrics-sidecar'}} @ {middle})"
            assert prometheus.instant(then)[0]["value"][1] == str(len([at for at in past if at <= middle]))
    finally:
        apps.end()

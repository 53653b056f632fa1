"""Symbols that could break out of a URL, a CSV file, a stream or the exposition: each comes out as it went in."""

import csv
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.support.apps import Apps
from tests.support.http import HTTP
from tests.support.programs import run_command
from tests.support.symbols import HOSTILE


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Both apps, with a trade of each symbol, sent from a CSV file."""
    folder: Path = tmp_path_factory.mktemp("symbols")
    file = folder / "trades.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["symbol", "price", "qty", "side", "trade_id", "tags"])
        writer.writerows([symbol, "1.5", "2", "buy", f"t-{number}", "a, b"] for number, symbol in enumerate(HOSTILE))
    apps = Apps(folder)
    try:
        apps.start_both()
        sent = run_command("trading-app", "send", file, environment=apps.environment)
        assert sent.returncode == 0, sent.stderr
        apps.wait_until_applied(len(HOSTILE))
        yield apps
    finally:
        apps.end()


def test_a_csv_file_gives_each_symbol_as_it_is_written(apps: Apps) -> None:
    stored = HTTP.get(f"{apps.web_url}/trades", params={"limit": 1_000}, timeout=60).json()["trades"]
    assert [trade["symbol"] for trade in stored] == list(HOSTILE)
    assert all(trade["tags"] == ["a", "b"] for trade in stored)


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_query_finds_the_trades_of_exactly_one_symbol(apps: Apps, symbol: str) -> None:
    page = HTTP.get(f"{apps.web_url}/trades", params={"symbol": symbol}, timeout=60)
    assert [trade["symbol"] for trade in page.json()["trades"]] == [symbol]
    query: dict[str, str | int] = {"symbol": symbol, "after": 0}
    with HTTP.stream("GET", f"{apps.web_url}/trades/stream", params=query, timeout=60) as answer:
        data = next(line for line in answer.iter_lines() if line.startswith("data: ") and "trade_id" in line)
    assert json.loads(data.removeprefix("data: "))["symbol"] == symbol


@pytest.mark.parametrize("program", ["web_url", "sidecar_url"])
def test_prometheus_reads_each_symbol_as_it_was_sent(apps: Apps, program: str) -> None:
    url = f"{getattr(apps, program)}/metrics"
    text = HTTP.get(url, timeout=60).text
    openmetrics = HTTP.get(url, headers={"Accept": "application/openmetrics-text; version=1.0.0"}, timeout=60).text
    for parse, exposed in ((parse_text, text), (parse_openmetrics, openmetrics)):
        counted = {
            sample.labels["symbol"]
            for family in parse(exposed)
            for sample in family.samples
            if sample.name == "trading_trades_total"
        }
        assert counted == (set(HOSTILE) if program == "sidecar_url" else set())
    if shutil.which("promtool"):
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert "error while parsing" not in checked.stderr, checked.stderr
        assert checked.returncode in (0, 3), checked.stderr  # 3: advice on names

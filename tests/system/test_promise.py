"""The promise, with both apps as processes: an accepted trade is in the metrics exactly once, to the last digit."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apps import BIN, Apps, running_apps
from tests.support.audit import assert_metrics_show, audit
from tests.support.http import HTTP
from tests.support.load import Bots, Scraper
from tests.support.oracle import keep_books

SEED = 20_261_121


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    """Both apps, ready."""
    with running_apps(tmp_path) as started:
        yield started


def make_trades(count: int) -> list[dict[str, str]]:
    """Trades that open, add, close in part, close to nothing and flip, with fees of several currencies."""
    chance = random.Random(SEED)
    trades = []
    for index in range(count):
        symbol = chance.choice(("BTC/USDT", "ETH-USD", "XRP/ETH"))
        trade = {
            "trade_id": f"made-{index}",
            "account": chance.choice(("main", "hedge")),
            "strategy": chance.choice(("maker", "trend")),
            "symbol": symbol,
            "side": chance.choice(("buy", "sell")),
            "price": f"{chance.randint(1, 10**9)}e-{chance.randint(0, 8)}",
            "qty": f"{chance.randint(1, 40)}.{chance.choice(('0', '5', '25'))}",
        }
        if chance.random() < 0.4:
            trade["fee"] = f"{chance.randint(-500, 500)}e-4"
            trade["fee_currency"] = chance.choice(("BNB", "USDT", "USD", "ETH"))
        trades.append(trade)
    return trades


def send(apps: Apps, file: Path) -> None:
    """Post a file with the project's own command."""
    subprocess.run([BIN / "trading-app", "send", str(file)], env=apps.environment, check=True, capture_output=True)


def test_every_figure_equals_a_plain_calculation_and_sending_again_changes_nothing(apps: Apps, tmp_path: Path) -> None:
    trades = make_trades(3_000)
    file = tmp_path / "trades.ndjson"
    file.write_text("".join(json.dumps(trade) + "\n" for trade in trades))
    send(apps, file)
    apps.wait_until_applied(len(trades))
    assert_metrics_show(apps, keep_books(trades))
    before = apps.state()
    send(apps, file)
    accepted = HTTP.post(f"{apps.web_url}/trade", json={**trades[0], "trade_id": "one-more"}).json()
    assert accepted["seq"] == len(trades) + 1
    apps.wait_until_applied(accepted["seq"])
    assert before["applied"] == len(trades)
    assert_metrics_show(apps, keep_books([*trades, trades[0]]))


def test_both_apps_end_with_0_when_asked_to(apps: Apps) -> None:
    assert apps.stop() == {"trading-app": 0, "metrics-sidecar": 0}


@pytest.mark.timeout(120)
def test_killed_at_random_while_trades_flow_nothing_is_lost_or_counted_twice(apps: Apps) -> None:
    chance = random.Random(SEED)
    bots, scraper = Bots(apps.web_port, threads=3, seed=SEED), Scraper(apps.sidecar_port)
    for _ in range(6):
        bots.wait_for_more(chance.randint(20, 120))
        name = chance.choice(("trading-app", "metrics-sidecar"))
        apps.kill(name)
        apps.start(name)
    bots.end()
    apps.wait_until_ready()
    audit(apps, bots)
    scraper.end()
    assert not scraper.went_back
    assert scraper.scrapes > 10

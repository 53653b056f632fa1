"""The promise, with both apps as processes: an accepted trade is in the metrics exactly once, to the last digit."""

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.apps import BIN, Apps, answers
from tests.support.oracle import expected_samples, keep_books, shows

SEED = 20_261_121


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    """Both apps, ready; ended afterwards, whatever became of them."""
    started = Apps(tmp_path)
    try:
        started.start_both()
        yield started
    finally:
        for process in started.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()


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


def assert_books_equal(apps: Apps, trades: list[dict[str, str]]) -> None:
    """Every sample the plain calculation gives is exposed, with a figure that is it to the last digit shown."""
    samples = apps.samples()
    for name, exact in expected_samples(keep_books(trades)).items():
        assert name in samples
        assert shows(samples[name], exact), f"{name} shows {samples[name]}, it is {float(exact)!r}"


def test_every_figure_equals_a_plain_calculation_and_sending_again_changes_nothing(apps: Apps, tmp_path: Path) -> None:
    trades = make_trades(3_000)
    file = tmp_path / "trades.ndjson"
    file.write_text("".join(json.dumps(trade) + "\n" for trade in trades))
    send(apps, file)
    apps.wait_until_applied(len(trades))
    assert_books_equal(apps, trades)
    before = apps.state()
    send(apps, file)
    accepted = httpx.post(f"{apps.web_url}/trade", json={**trades[0], "trade_id": "one-more"}).json()
    assert accepted["seq"] == len(trades) + 1
    apps.wait_until_applied(accepted["seq"])
    assert before["applied"] == len(trades)
    assert_books_equal(apps, [*trades, trades[0]])


def test_both_apps_end_with_0_when_asked_to(apps: Apps) -> None:
    assert apps.stop() == {"trading-app": 0, "metrics-sidecar": 0}


class Bots:
    """Post trades one by one from several threads, through every outage, and remember what was acknowledged."""

    def __init__(self, apps: Apps, threads: int) -> None:
        self.acknowledged: list[str] = []
        self.repeated: list[str] = []
        self.ending = threading.Event()
        self._apps = apps
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let each bot finish the trade it is at, and wait for that."""
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def _post(self, number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=self._apps.web_url, timeout=5) as client:
            count = 0
            while not self.ending.is_set():
                count += 1
                self._post_until_acknowledged(client, f"bot{number}-{count}", chance)

    def _post_until_acknowledged(self, client: httpx.Client, trade_id: str, chance: random.Random) -> None:
        trade = {"trade_id": trade_id, "symbol": "BTC/USDT", "side": chance.choice(("buy", "sell"))}
        trade |= {"price": f"{chance.randint(1, 99999)}.5", "qty": f"0.{chance.randint(1, 99)}"}
        for attempt in range(2_000):
            try:
                response = client.post("/trade", json=trade)
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if response.status_code == 503:
                time.sleep(0.02)
                continue
            assert response.status_code == (201 if attempt == 0 else response.status_code), response.text
            assert response.status_code in (200, 201), response.text
            (self.acknowledged if response.status_code == 201 else self.repeated).append(trade_id)
            return


class Scraper(threading.Thread):
    """Scrapes all the time, and keeps every total that went back."""

    def __init__(self, apps: Apps) -> None:
        super().__init__()
        self.went_back: list[str] = []
        self.scrapes = 0
        self.ending = threading.Event()
        self._apps = apps
        self._highest: dict[str, float] = {}

    def run(self) -> None:
        while not self.ending.wait(0.01):
            if answers(f"{self._apps.sidecar_url}/metrics"):
                self._compare()

    def _compare(self) -> None:
        try:
            samples = self._apps.samples()
        except httpx.HTTPError:
            return
        self.scrapes += 1
        for name, text in samples.items():
            if name.startswith(("trading_trades_total", "trading_volume_total", "trading_notional_total")):
                if float(text) < self._highest.get(name, 0):
                    self.went_back.append(f"{name}: {self._highest[name]} to {text}")
                self._highest[name] = max(float(text), self._highest.get(name, 0))


@pytest.mark.timeout(120)
def test_killed_at_random_while_trades_flow_nothing_is_lost_or_counted_twice(apps: Apps) -> None:
    chance = random.Random(SEED)
    bots, scraper = Bots(apps, threads=3), Scraper(apps)
    scraper.start()
    for _ in range(6):
        flowing = len(bots.acknowledged)
        goal = flowing + chance.randint(20, 120)
        while len(bots.acknowledged) < goal:
            time.sleep(0.005)
        name = chance.choice(("trading-app", "metrics-sidecar"))
        apps.kill(name)
        apps.start(name)
    bots.end()
    apps.wait_until_ready()
    journaled = [json.loads(line) for line in _all_trades(apps)]
    apps.wait_until_applied(len(journaled))
    scraper.ending.set()
    scraper.join()

    ids = [trade["trade_id"] for trade in journaled]
    assert [trade["seq"] for trade in journaled] == list(range(1, len(ids) + 1))
    assert len(set(ids)) == len(ids)
    assert set(ids) == {*bots.acknowledged, *bots.repeated}
    assert not scraper.went_back
    assert scraper.scrapes > 10
    assert_books_equal(apps, journaled)


def _all_trades(apps: Apps) -> list[str]:
    with httpx.Client() as client:
        headers = {"Accept": "application/x-ndjson"}
        return client.get(f"{apps.web_url}/trades", headers=headers).raise_for_status().text.splitlines()

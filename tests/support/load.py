"""Clients under load: bots that remember what was acknowledged, and a scraper that remembers every total."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.support.polling import PATIENCE_SECONDS, eventually

AGAIN_SECONDS = 0.02
TOTALS = ("trading_trades_total", "trading_volume_total", "trading_notional_total")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A trade that was answered with 200 or 201: its sequence, and when the answer was here (`time.monotonic_ns`)."""

    sequence: int
    at_ns: int


class Bots:
    """Post trades one by one over a connection a thread, each until it is acknowledged, through every outage.

    `acknowledged` is the oracle: what is in there was promised. `attempted` is all that was ever sent. With a `rate`
    the bots together post at most so many trades a second.
    """

    def __init__(self, port: int, threads: int, seed: int, *, prefix: str = "bot", rate: float | None = None) -> None:
        self.acknowledged: dict[str, Acknowledgement] = {}
        self.attempted: set[str] = set()
        self.refused: dict[int, int] = {}
        self.unexpected: list[str] = []
        self._port = port
        self._pause = threads / rate if rate else 0.0
        self._ending = threading.Event()
        self._giving_up = threading.Event()
        names = [f"{prefix}{seed}.{number}" for number in range(threads)]
        self._threads = [threading.Thread(target=self._post, args=(name,), daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Bots":
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._giving_up.set()
        for thread in self._threads:
            thread.join()

    def end(self, *, give_up: bool = False) -> None:
        """Let each bot finish the trade it is at, or give it up, and wait for that. Fails where an answer was wrong."""
        self._ending.set()
        if give_up:
            self._giving_up.set()
        for thread in self._threads:
            thread.join()
        assert not self.unexpected, self.unexpected[:5]

    def wait_for_more(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many more trades are acknowledged."""
        goal = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= goal, seconds, f"{count} more trades acknowledged")

    def _post(self, name: str) -> None:
        chance = random.Random(name)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        due = time.monotonic()
        for count in range(1, 10**9):
            self._post_until_acknowledged(connection, f"{name}-{count}", chance)
            due += self._pause
            if self._ending.wait(max(due - time.monotonic(), 0)) or self.unexpected:
                break
        connection.close()

    def _post_until_acknowledged(
        self, connection: http.client.HTTPConnection, trade_id: str, chance: random.Random
    ) -> None:
        body = json.dumps(make_trade(trade_id, chance))
        self.attempted.add(trade_id)
        while not self._giving_up.is_set():
            try:
                connection.request("POST", "/trade", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                status, answer = response.status, json.loads(response.read())
            except (OSError, http.client.HTTPException):
                connection.close()
                self._giving_up.wait(AGAIN_SECONDS)
                continue
            if status in (200, 201):
                self.acknowledged[trade_id] = Acknowledgement(answer["seq"], time.monotonic_ns())
                return
            self.refused[status] = self.refused.get(status, 0) + 1
            if status not in (429, 503):
                self.unexpected.append(f"{status}: {answer}")
                return
            self._giving_up.wait(AGAIN_SECONDS)


def make_trade(trade_id: str, chance: random.Random) -> dict[str, str]:
    """A trade of one of a few books; positions open, close in part and flip."""
    return {
        "trade_id": trade_id,
        "account": chance.choice(("main", "hedge")),
        "symbol": chance.choice(("BTC/USDT", "ETH-USD", "XRP/ETH")),
        "side": chance.choice(("buy", "sell")),
        "price": f"{chance.randint(1, 99999)}.{chance.randint(0, 99)}",
        "qty": f"{chance.randint(0, 3)}.{chance.randint(1, 99)}",
    }


def post_batch(port: int, trades: list[dict[str, str]]) -> dict[str, Any]:
    """Post trades in one request; what was answered. AssertionError unless it was 201."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/trades", json.dumps(trades), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        assert response.status == 201, answer
        return answer
    finally:
        connection.close()


class Scraper(threading.Thread):
    """Scrapes the sidecar all the time, through its restarts, and notes every total that went back."""

    def __init__(self, port: int, pause: float = 0.01) -> None:
        super().__init__(daemon=True)
        self.went_back: list[str] = []
        self.scrapes = 0
        self._port = port
        self._pause = pause
        self._ending = threading.Event()
        self._highest: dict[str, float] = {}
        self.start()

    def __enter__(self) -> "Scraper":
        return self

    def __exit__(self, *raised: object) -> None:
        self.end()

    def end(self) -> None:
        """Scrape no more."""
        self._ending.set()
        self.join()

    def run(self) -> None:
        """Scrape until ended."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._ending.wait(self._pause):
            try:
                connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if response.status == 200:
                self.scrapes += 1
                self._compare(text)
        connection.close()

    def _compare(self, text: str) -> None:
        for line in text.splitlines():
            if line.startswith(TOTALS):
                name, _, written = line.rpartition(" ")
                before = self._highest.get(name, 0.0)
                if float(written) < before:
                    self.went_back.append(f"{name}: {before} to {written}")
                self._highest[name] = max(before, float(written))

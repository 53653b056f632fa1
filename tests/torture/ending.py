"""The end on request, in the middle of everything; and a clock that is set back."""

import random
import socket
import threading
import time
from pathlib import Path

from tests.support.apps import Apps, running_apps
from tests.support.audit import audit, journaled
from tests.support.load import Bots, Scraper
from tests.torture.figures import Figures

LIVE_STREAMS = 50
END_SECONDS = 1.0


def end_under_load(folder: Path, seed: int, rounds: int) -> Figures:
    """SIGTERM with live streams open and requests under way: whatever was committed was answered, and the exit is 0."""
    chance = random.Random(seed)
    slowest = 0.0
    all_bots: list[Bots] = []
    with running_apps(folder) as apps:
        for number in range(rounds):
            with Bots(apps.web_port, 8, seed + number) as bots:
                all_bots.append(bots)
                listeners = [_Listener(apps.web_port) for _ in range(LIVE_STREAMS)]
                for listener in listeners:
                    listener.began.wait(10)
                bots.wait_for_more(chance.randint(20, 100))
                web = apps.processes["trading-app"]
                web.terminate()
                code = web.wait(timeout=20)
                ended_ns = time.monotonic_ns()
                bots.end(give_up=True)
            for listener in listeners:
                listener.join()
            assert code == 0
            last_ns = max(answer.at_ns for answer in bots.acknowledged.values())
            slowest = max(slowest, (ended_ns - last_ns) / 1e9)
            promised = {trade_id for posted in all_bots for trade_id in posted.acknowledged}
            unanswered = {trade["trade_id"] for trade in journaled(apps.data)} - promised
            assert not unanswered, f"committed, and not answered: {unanswered}"
            apps.start("trading-app")
            apps.wait_for("trading-app")
        passed = audit(apps, *all_bots)
    return Figures(
        f"{rounds} ends with {LIVE_STREAMS} live streams and 8 bots",
        f"exit 0, {slowest:.2f} s after the last answer at the latest; nothing committed without an answer; {passed}",
        {"ends": rounds, **passed.counts},
        {"the end after the last answer": (slowest, END_SECONDS)},
    )


class _Listener(threading.Thread):
    """Reads the live stream until the app ends it."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.began = threading.Event()
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.start()

    def run(self) -> None:
        with self._connection as connection:
            connection.sendall(b"GET /trades/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while connection.recv(65_536):
                self.began.set()


def clock_set_back(folder: Path, seed: int, steps: int) -> Figures:
    """Set the web app's clock back, and forth, by up to a day while bots post; and restart it so."""
    chance = random.Random(seed)
    clock = folder / "clock"
    clock.write_text("0")
    settings = {"CLOCK": str(clock)}
    apps = Apps(folder)
    try:
        apps.start("trading-app", "faulty-app", **settings)
        apps.start("metrics-sidecar")
        apps.wait_until_ready()
        with Bots(apps.web_port, 2, seed) as bots, Scraper(apps.sidecar_port) as scraper:
            for number in range(steps):
                bots.wait_for_more(50)
                changed = clock.with_suffix(".new")
                changed.write_text(str(chance.choice((-86_400, -3_600, -1, 0, 3_600))))
                changed.replace(clock)
                bots.wait_for_more(50)
                if number % 10 == 0:
                    apps.stop_one("trading-app")
                    apps.start("trading-app", "faulty-app", **settings)
            bots.end()
        passed = audit(apps, bots, clock_went_back=True)
        assert not scraper.went_back
    finally:
        apps.end()
    counts = {"steps": steps, "went_back": len(scraper.went_back), **passed.counts}
    return Figures(f"{steps} steps of the clock, back by up to a day", f"{passed}; no total went back", counts)

"""kill -9 under load: of the web app, of the sidecar at its worst moments, of both in random order."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.support import dying_sidecar
from tests.support.apps import Apps, running_apps
from tests.support.audit import audit
from tests.support.load import Bots, Scraper, make_trade, post_batch
from tests.support.polling import eventually
from tests.torture.figures import Figures

BOTS = 4
APPS = ("trading-app", "metrics-sidecar")

RATE = 400
"""Trades a second while sidecars are killed. Bots that go as fast as they can make millions, which each start reads."""


def kill_web_app(folder: Path, seed: int, kills: int) -> Figures:
    """Kill the web app at random moments while bots post."""
    chance = random.Random(seed)

    def kill_once(apps: Apps, bots: Bots) -> None:
        bots.wait_for_more(chance.randint(5, 60))
        time.sleep(chance.uniform(0, 0.02))  # the moment is what is random
        apps.kill("trading-app")
        apps.start("trading-app")

    return _under_load(folder, seed, kills, kill_once, f"{kills} kills of the web app")


def kill_both(folder: Path, seed: int, kills: int) -> Figures:
    """Kill either at random moments, whether it is up, starting or catching up."""
    chance = random.Random(seed)

    def kill_once(apps: Apps, bots: Bots) -> None:
        if chance.random() < 0.7:
            bots.wait_for_more(chance.randint(1, 60))
        time.sleep(chance.uniform(0, 0.5))
        for name in chance.choice((APPS[:1], APPS[1:], APPS, APPS[::-1])):
            apps.kill(name)
            apps.start(name)

    return _under_load(folder, seed, kills, kill_once, f"{kills} kills, of either or both")


def kill_sidecar(folder: Path, seed: int, kills: int) -> Figures:
    """Kill the sidecar in turn at a random moment, while it catches up, and while it writes its snapshot."""
    chance = random.Random(seed)
    assassin = _Assassin(chance)
    done = f"{kills} kills of the sidecar"
    figures = _under_load(folder, seed, kills, assassin.kill_once, done, prepare=assassin.prepare, rate=RATE)
    moments = f": {assassin.catching_up} before it had caught up, {assassin.saving} while it saved"
    caught = {"catching_up": assassin.catching_up, "saving": assassin.saving}
    return Figures(figures.done.replace(done, done + moments), figures.seen, {**figures.counts, **caught})


class _Assassin:
    """Kills a sidecar when it hurts."""

    BACKLOG = 10_000

    def __init__(self, chance: random.Random) -> None:
        self.catching_up = self.saving = self.posted = 0
        self._chance = chance
        self._ways = [self._at_random, self._while_it_catches_up, self._while_it_saves]
        self._kills = 0

    def prepare(self, apps: Apps) -> int:
        """Make enough positions that a snapshot takes a moment to write; return the number of trades."""
        trades = [
            make_trade(f"wide-{number}", self._chance) | {"strategy": f"strategy-{number}"} for number in range(4_000)
        ]
        post_batch(apps.web_port, trades)
        self.posted += len(trades)
        return self.posted

    def kill_once(self, apps: Apps, bots: Bots) -> None:
        """Kill it one of the ways, in turn, and start it again."""
        bots.wait_for_more(self._chance.randint(1, 20))
        if self._chance.random() < 0.5:
            apps.wait_for("metrics-sidecar")
            time.sleep(self._chance.uniform(0, 0.3))  # the moment is what is random
        self._ways[self._kills % len(self._ways)](apps)
        self._kills += 1
        apps.start("metrics-sidecar")

    def _at_random(self, apps: Apps) -> None:
        time.sleep(self._chance.uniform(0, 0.6))  # it may be starting, or up
        apps.kill("metrics-sidecar")

    def _while_it_catches_up(self, apps: Apps) -> None:
        apps.kill("metrics-sidecar")
        (apps.data / "sidecar-snapshot.json").unlink(missing_ok=True)  # so that there is much to catch up with
        written = apps.log("metrics-sidecar").stat().st_size
        apps.start("metrics-sidecar")
        eventually(lambda: b'"started"' in log_after(apps, written), what="the sidecar started")
        time.sleep(self._chance.uniform(0, 0.03))
        apps.kill("metrics-sidecar")
        self.catching_up += b'"caught up"' not in log_after(apps, written)

    def _while_it_saves(self, apps: Apps) -> None:
        apps.kill("metrics-sidecar")
        moment = self._chance.choice(dying_sidecar.MOMENTS)
        settings = dying_sidecar.settings(moment, self._chance.randint(1, 3))
        apps.start("metrics-sidecar", "dying-sidecar", **settings)
        assert apps.processes["metrics-sidecar"].wait(timeout=30) == -signal.SIGKILL
        self.saving += 1


def log_after(apps: Apps, offset: int) -> bytes:
    """What the sidecar has logged since its log had so many bytes."""
    return apps.log("metrics-sidecar").read_bytes()[offset:]


def _under_load(
    folder: Path,
    seed: int,
    kills: int,
    kill_once: Callable[[Apps, Bots], None],
    done: str,
    prepare: Callable[[Apps], int] = lambda _: 0,
    rate: float | None = None,
) -> Figures:
    with running_apps(folder, SIDECAR_SNAPSHOT_SECONDS="0.1", LOG_FORMAT="json") as apps:
        others = prepare(apps)
        bots, scraper = Bots(apps.web_port, BOTS, seed, rate=rate), Scraper(apps.sidecar_port)
        try:
            for _ in range(kills):
                kill_once(apps, bots)
            apps.wait_until_ready()
            eventually(lambda: scraper.scrapes, what="a scrape")
        finally:
            bots.end(give_up=True)
            scraper.end()
        passed = audit(apps, bots, others=others, seconds=30)
        assert not scraper.went_back, scraper.went_back[:5]
        assert scraper.scrapes
        assert apps.stop() == dict.fromkeys(APPS, 0)
    counts = {"kills": kills, "scrapes": scraper.scrapes, "went_back": len(scraper.went_back), **passed.counts}
    return Figures(done, f"{passed}; {scraper.scrapes:,} scrapes, no total went back", counts)

"""A real Prometheus scrapes a sidecar that is restarted again and again under load."""

import random
import shutil
import time
from pathlib import Path

from tests.infra.prometheus import Prometheus, running_prometheus
from tests.support.apps import Apps, running_apps
from tests.support.audit import audit
from tests.support.load import Bots, make_trade, post_batch
from tests.support.polling import eventually
from tests.torture.figures import Figures

SCRAPE_SECONDS = 0.2
RATE = 200.0
EXTRAPOLATED = 1.1
"""`increase()` extends what it saw towards each end of its range, by at most this factor of the mean interval."""


def restarts(folder: Path, seed: int, count: int) -> Figures:
    """Restart the sidecar under load, killed and asked to end in turn: no reset, and `increase()` tells what came."""
    chance = random.Random(seed)
    with (
        running_apps(folder, SIDECAR_SNAPSHOT_SECONDS="0.5") as apps,
        running_prometheus(folder, configuration(apps)) as prometheus,
    ):
        # Each series is there before the load begins: its first value, whatever that is, is no increase.
        begin = [make_trade(f"begin-{index}", chance) for index in range(100)]
        posted: int = post_batch(apps.web_port, begin)["accepted"]
        eventually(lambda: _total(prometheus) == posted, what="the first trades scraped")
        began = time.time()
        bots = Bots(apps.web_port, 2, seed, rate=RATE)
        try:
            for number in range(count):
                bots.wait_for_more(chance.randint(10, 100))
                if number % 2:
                    apps.kill("metrics-sidecar")
                else:
                    apps.stop_one("metrics-sidecar")
                bots.wait_for_more(chance.randint(1, 60))  # so that it has something to catch up with
                apps.start("metrics-sidecar")
                apps.wait_for("metrics-sidecar")
                bots.wait_for_more(int(RATE / 2))  # time for some scrapes
        finally:
            bots.end(give_up=True)
        passed = audit(apps, bots, others=posted)
        eventually(lambda: _total(prometheus) == passed.journaled, what="the last trade scraped")
        over = f"[{int(time.time() - began) + 2}s]"
        resets = value(prometheus, f"sum(resets(trading_trades_total{over}))")
        increase = value(prometheus, f"sum(increase(trading_trades_total{over}))")
        highest, lowest = (f"sum({which}_over_time(trading_trades_total{over}))" for which in ("max", "min"))
        rise = value(prometheus, f"{highest} - {lowest}")
        scrapes = value(prometheus, f"min(count_over_time(trading_trades_total{over}))")
    expected = passed.journaled - posted
    assert resets == 0
    assert rise == expected
    within = 2 * EXTRAPOLATED / (scrapes - 1)
    assert abs(increase / expected - 1) <= within, f"increase() gives {increase}, {expected} trades were accepted"
    return Figures(
        f"{count} restarts of the sidecar, {scrapes:,.0f} good scrapes, {expected:,} trades",
        f"resets() = 0; the totals rose by {rise:,.0f}, increase() gives {increase:,.0f}"
        f" ({increase / expected - 1:+.1%}, {within:.1%} may be extrapolated); {passed}",
        {"restarts": count, "resets": resets, "rise": rise, "accepted": expected, **passed.counts},
    )


def is_installed() -> bool:
    """Whether there is a Prometheus here."""
    return shutil.which("prometheus") is not None


def configuration(apps: Apps) -> dict[str, object]:
    """Of a Prometheus that scrapes the sidecar only."""
    targets = [{"targets": [f"127.0.0.1:{apps.sidecar_port}"]}]
    interval = f"{int(SCRAPE_SECONDS * 1000)}ms"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [{"job_name": "metrics-sidecar", "static_configs": targets}],
    }


def _total(prometheus: Prometheus) -> float:
    return value(prometheus, "sum(trading_trades_total)")


def value(prometheus: Prometheus, query: str) -> float:
    """The first value that a query gives now, 0 if it gives none."""
    found = prometheus.instant(query)
    return float(found[0]["value"][1]) if found else 0.0

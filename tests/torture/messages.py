"""Messages that are lost, late, repeated and out of order on their way to the sidecar; a sidecar that stands still."""

import json
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.apps import Apps
from tests.support.audit import audit
from tests.support.load import Bots, Scraper, make_trade, post_batch
from tests.support.polling import eventually
from tests.telemetry_stream.proxy import Proxy
from tests.torture.figures import Figures

HEALED_SECONDS = 2.0
MISSING = 10_000
LARGE = {"symbol": "ETH-USD", "side": "buy", "price": "1.25", "qty": "2", "strategy": "s" * 60, "venue": "v" * 60}


def mischief(folder: Path, seed: int, trades: int) -> Figures:
    """A proxy between the real sockets drops, delays, repeats and reorders messages while bots post."""
    with _through_a_proxy(folder, seed) as (apps, proxy):
        proxy.mischief.set()
        with Bots(apps.web_port, 2, seed) as bots, Scraper(apps.sidecar_port) as scraper:
            bots.wait_for_more(trades, seconds=30 + trades / 100)
            bots.end()
            proxy.mischief.clear()
            passed = audit(apps, bots)
        assert not scraper.went_back
        gaps = apps.state()["pipeline"]["gaps"]
        duplicates = int(apps.samples()["trading_stream_duplicates_total"])
        assert gaps
        assert duplicates
        fates = ", ".join(f"{fate} {count:,}" for fate, count in sorted(proxy.done.items()))
    counts = {"gaps": gaps, "duplicates": duplicates, "went_back": len(scraper.went_back), **passed.counts}
    return Figures(f"messages: {fates}", f"{passed}; {gaps:,} gaps healed, {duplicates:,} duplicates dropped", counts)


def missing(folder: Path, seed: int, rounds: int) -> Figures:
    """10,000 trades that never arrive are fetched when the next message comes; a lost last one at the heartbeat."""
    chance = random.Random(seed)
    healed, noticed = [], []
    with _through_a_proxy(folder, seed) as (apps, proxy):
        posted = 0
        for number in range(rounds):
            with _silence(proxy):
                trades = [make_trade(f"missing-{number}-{index}", chance) for index in range(MISSING)]
                posted = post_batch(apps.web_port, trades)["last_seq"]
            posted, seconds = _seconds_until_applied(apps, [make_trade(f"next-{number}", chance)])
            healed.append(seconds)
            with _silence(proxy):
                posted = post_batch(apps.web_port, [make_trade(f"last-{number}", chance)])["last_seq"]
            began = time.monotonic()
            apps.wait_until_applied(posted)
            noticed.append(time.monotonic() - began)
        passed = audit(apps, others=posted)
    return Figures(
        f"{rounds} times {MISSING:,} trades and, alone, a last one lost on their way",
        f"there after {max(healed):.2f} and {max(noticed):.2f} s at most; {posted:,} trades, {passed}",
        {"rounds": rounds, **passed.counts},
        {"the missing trades": (max(healed), HEALED_SECONDS), "a lost last one": (max(noticed), HEALED_SECONDS)},
    )


def overflow(folder: Path, seed: int, rounds: int) -> Figures:
    """Stop the sidecar (SIGSTOP) until the publisher's queue overflows and drops; let it go on."""
    chance = random.Random(seed)
    seconds = []
    max_kept = _max_kept_by_the_system()
    apps = Apps(folder)
    try:
        apps.start_both()
        others = 0
        for number in range(rounds):
            healed = _times_healed(apps)
            sidecar = apps.processes["metrics-sidecar"]
            sidecar.send_signal(signal.SIGSTOP)
            # The large ones fill what the system keeps for the connection, the small ones the publisher's queue.
            posted = 0
            while posted < max_kept:
                names = [f"large-{number}-{posted}-{index}" for index in range(1_000)]
                trades = [LARGE | {"trade_id": name, "order_id": name.ljust(100, "x")} for name in names]
                others = post_batch(apps.web_port, trades)["last_seq"]
                posted += len(json.dumps(trades))
            for index in range(1_100):
                others = post_batch(apps.web_port, [make_trade(f"small-{number}-{index}", chance)])["last_seq"]
            sidecar.send_signal(signal.SIGCONT)
            began = time.monotonic()
            apps.wait_until_applied(others, seconds=30)
            seconds.append(time.monotonic() - began)
            # After three seconds without a word it asks for what it lacks before it sees that there is a gap.
            assert _times_healed(apps) > healed, "the queue did not overflow"
        passed = audit(apps, others=others, seconds=30)
    finally:
        apps.end()
    return Figures(
        f"{rounds} times stopped until the publisher dropped, {others:,} trades",
        f"{passed}; caught up {max(seconds):.2f} s after it went on",
        {"overflows": rounds, **passed.counts},
    )


def _max_kept_by_the_system() -> int:
    """Bytes of one connection that are sent and not yet read; Linux allows the maximum only after some use."""
    limits = [Path("/proc/sys/net/ipv4", name).read_text().split() for name in ("tcp_rmem", "tcp_wmem")]
    return sum(int(maximum) for _, _, maximum in limits)


def _times_healed(apps: Apps) -> int:
    pipeline: dict[str, int] = apps.state()["pipeline"]
    return pipeline["gaps"] + pipeline["catchups"]


def _seconds_until_applied(apps: Apps, trades: list[dict[str, str]]) -> tuple[int, float]:
    began = time.monotonic()
    last: int = post_batch(apps.web_port, trades)["last_seq"]
    apps.wait_until_applied(last)
    return last, time.monotonic() - began


@contextmanager
def _silence(proxy: Proxy) -> Iterator[None]:
    """Let nothing pass what is sent meanwhile."""
    dropped = proxy.done.get("drop", 0)
    proxy.silent.set()
    yield
    eventually(lambda: proxy.done.get("drop", 0) > dropped, what="a message dropped")
    before = -1
    while before != proxy.done["drop"]:  # until no more of them come
        before = proxy.done["drop"]
        time.sleep(0.05)
    proxy.silent.clear()


@contextmanager
def _through_a_proxy(folder: Path, seed: int) -> Iterator[tuple[Apps, Proxy]]:
    apps = Apps(folder)
    proxy = Proxy(apps.environment["WEBAPP_ZMQ_ADDR"], seed)
    try:
        apps.start("trading-app")
        apps.start("metrics-sidecar", WEBAPP_ZMQ_ADDR=proxy.address)
        apps.wait_until_ready()
        yield apps, proxy
    finally:
        apps.end()
        proxy.close()

"""One flipped bit in a stored row, and a sidecar that has to read it: intake goes on, and both say which trades."""

import random
from contextlib import closing
from pathlib import Path

import apsw
import httpx

from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.support.apps import Apps, answers, running_apps
from tests.support.audit import audit
from tests.support.http import HTTP
from tests.support.load import Bots, make_trade, post_batch
from tests.support.polling import eventually
from tests.torture.figures import Figures

BOTS = 2
BATCH, OLD_BATCHES, RECENT_BATCHES = 500, 10, 40
"""The web app keeps recent rows in memory: those that are damaged lie before them."""


def damaged_row(folder: Path, seed: int, rounds: int) -> Figures:
    """Damage an old row under the running web app, start the sidecar without a snapshot, then put the row right."""
    chance = random.Random(seed)
    posted = 0
    with running_apps(folder) as apps:
        for batch in range(OLD_BATCHES + RECENT_BATCHES):
            trades = [make_trade(f"b{batch}-{index}", chance) for index in range(BATCH)]
            posted = post_batch(apps.web_port, trades)["last_seq"]
        apps.stop_one("trading-app")
        apps.start("trading-app")
        apps.wait_for("trading-app")
        with Bots(apps.web_port, BOTS, seed, rate=200) as bots:
            for _ in range(rounds):
                _damage_a_row(apps, bots, BATCH * chance.randrange(OLD_BATCHES) + 1, chance)
            bots.end()
            assert not bots.refused, bots.refused
            passed = audit(apps, bots, others=posted)
    return Figures(
        f"{rounds} times one flipped bit in an old row",
        f"the sidecar named the row each time, no trade was refused meanwhile; {passed}",
        {"rounds": rounds, **passed.counts},
    )


def _damage_a_row(apps: Apps, bots: Bots, first: int, chance: random.Random) -> None:
    stored = _events_of(apps.data, first)
    changed = bytearray(stored)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    apps.stop_one("metrics-sidecar")
    (apps.data / "sidecar-snapshot.json").unlink(missing_ok=True)
    _store_events(apps.data, first, bytes(changed))
    apps.start("metrics-sidecar")
    named = f"sequences {first} to {first + BATCH - 1} can't be read"
    eventually(lambda: named in _readiness(apps), what=f"the sidecar says: {named}")
    bots.wait_for_more(50)
    assert apps.processes["trading-app"].poll() is None, "the web app ended"
    _store_events(apps.data, first, stored)
    eventually(lambda: answers(f"{apps.sidecar_url}/readyz"), what="the sidecar caught up")


def _readiness(apps: Apps) -> str:
    try:
        return HTTP.get(f"{apps.sidecar_url}/readyz", timeout=10).text
    except httpx.TransportError:
        return ""


def _events_of(data: Path, first: int) -> bytes:
    with closing(apsw.Connection(str(data / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        events: bytes = connection.execute("SELECT events FROM batch WHERE first = ?", (first,)).get
        return events


def _store_events(data: Path, first: int, events: bytes) -> None:
    with closing(apsw.Connection(str(data / JOURNAL_FILE))) as connection:
        connection.set_busy_timeout(10_000)
        connection.execute("UPDATE batch SET events = ? WHERE first = ?", (events, first))

"""What symbols are changes again and again under load, while both programs are killed."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support import ledger_figures, ledger_oracle
from tests.support.apps import running_apps
from tests.support.audit import journaled
from tests.support.ledger_builder import Event
from tests.support.load import Bots, Scraper
from tests.support.polling import eventually
from tests.support.sidecar_figures import figures_of_apps
from tests.torture.figures import Figures
from tests.torture.ledger import Sender, kill, scraping

CHANGES_PER_KILL = 5
RATE = 40.0
"""Trades a second of the bots, in the symbols that change."""


def under_load(folder: Path, seed: int, count: int) -> Figures:
    """Change instruments of the symbols that bots trade, and take changes back. The figures equal the oracle's of the
    journal, and no total goes back, for a real Prometheus too where one is installed.
    """
    chance = random.Random(seed)
    kills = 0
    with running_apps(folder) as apps, scraping(folder, apps) as resets:
        began = time.time()
        sender = Sender(apps, chance)
        with Scraper(apps.sidecar_port) as scraper, Bots(apps.web_port, 2, seed, rate=RATE) as bots:
            for number, change in enumerate(_changes(chance, count, sender.sequences), 1):
                sender.send(number, "/events", change)
                if number % CHANGES_PER_KILL == 0:
                    kills += 1
                    kill(apps, chance)
                bots.wait_for_more(chance.randint(1, 20))
            bots.end()
            apps.wait_until_ready()
            events = list(journaled(apps.data))
            apps.wait_until_applied(len(events))
            eventually(lambda: not apps.state()["totals"]["recomputing"], what="all positions recomputed")
            found = ledger_figures.differences(ledger_oracle.figures(events), figures_of_apps(apps))
        assert not found, found[:5]
        assert not scraper.went_back, scraper.went_back[:5]
        assert resets(time.time() - began) == 0
    said = len(sender.accepted)
    return Figures(
        f"{said:,} changes of instruments beside {len(bots.acknowledged):,} trades, {kills} kills of either or both",
        f"{len(found)} figures differ from the oracle's, resets() = 0",
        {"changes": said, "trades": len(bots.acknowledged), "kills": kills, "differences": len(found)},
    )


def _changes(chance: random.Random, count: int, sequences: dict[int, int]) -> Iterator[Event]:
    """Instruments, and voids of some of them. `sequences` has those that were accepted, by their number."""
    voided = set[int]()
    for number in range(1, count + 1):
        left = [sequence for sequence in sequences.values() if sequence not in voided]
        if left and chance.random() < 0.25:
            target = chance.choice(left)
            voided.add(target)
            yield {"kind": "void", "id": f"void-{number}", "target": target}
            continue
        yield {"kind": "instrument", "id": f"instrument-{number}", "while_open": True, **_content(chance)}


def _content(chance: random.Random) -> Event:
    symbol = chance.choice(("BTC/USDT", "ETH-USD", "XRP/ETH"))
    return chance.choice(
        (
            {"symbol": symbol, "multiplier": chance.choice(("0.5", "2", "10"))},
            {"symbol": symbol, "currency": chance.choice(("EUR", "USD", "USDT"))},
            {"symbol": symbol, "mark": chance.choice(("last", "account"))},
            {"pattern": f"{symbol[:2]}*", "multiplier": "3", "lot": "0.01"},
            {"symbol": "ETH-USD", "aliases": chance.choice(([], ["XRP/ETH"]))},
        )
    )

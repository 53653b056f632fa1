"""market-feed as a process, a simulated exchange in front of it, and the journal behind it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from market_feed.environment import FOLDER
from market_feed.simulator.tape import Tick
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.wire import split
from tests.support.apps import Apps, samples_of
from tests.support.fake_exchange import FakeExchange, fake_exchange
from tests.support.polling import eventually

FEED = "market-feed"
MARKET = 'venue="binance",symbol="BTC-USDT"'


class RunningFeed:
    """Starts and kills the feed, and reads what it journaled."""

    def __init__(self, folder: Path, exchange: FakeExchange, **settings: str) -> None:
        self.exchange = exchange
        self.apps = Apps(folder, **{"FEED_SYMBOLS": "BTC-USDT", **exchange.settings, **settings})

    def start(self, **settings: str) -> None:
        """Start it and wait until it is connected."""
        connects = self.exchange.connects
        self.apps.start(FEED, **settings)
        self.apps.wait_for(FEED)
        self.exchange.wait_for_connects(connects + 1)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.apps.kill(FEED)

    def stop(self) -> None:
        """End it as a user would."""
        self.apps.stop_one(FEED)

    def events(self) -> list[dict[str, Any]]:
        """Everything in the journal."""
        found: list[dict[str, Any]] = []
        with closing(JournalReader(self.apps.data / FOLDER)) as reader:
            while True:
                batch = reader.read(len(found), 100_000, 1 << 28)
                if not batch.count:
                    return found
                found += map(json.loads, split(batch))

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """The events of some kinds."""
        return [event for event in self.events() if event["kind"] in kinds]

    def ids(self) -> list[int]:
        """The trades' ids, in the order of the journal."""
        return [int(event["trade_id"]) for event in self.of_kind("trade")]

    def wait_for_trade(self, number: int) -> None:
        """Wait until this trade is in the journal."""
        eventually(lambda: number in self.ids(), what=f"trade {number} journaled")

    @contextmanager
    def journal_locked(self) -> Iterator[None]:
        """Another program keeps the journal from being written meanwhile."""
        with closing(apsw.Connection(str(self.apps.data / FOLDER / "journal.sqlite3"))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def sample(self, name: str, labels: str = "") -> float:
        """A metric's value: of the market, unless `labels` says other ones."""
        return float(samples_of(f"{self.apps.feed_url}/metrics")[f"{name}{{{labels or MARKET}}}"])

    def counter(self, name: str, **more: str) -> float:
        """A metric of the market with further labels."""
        return self.sample(name, ",".join([MARKET, *(f'{key}="{value}"' for key, value in more.items())]))

    def log(self) -> str:
        """What it logged, over all starts."""
        return self.apps.log(FEED).read_text()


@contextmanager
def running_feed(folder: Path, **settings: str) -> Iterator[RunningFeed]:
    """A feed that is connected to an exchange of its own; both are ended afterwards."""
    with fake_exchange() as exchange:
        made = RunningFeed(folder, exchange, **settings)
        try:
            made.start()
            yield made
        finally:
            made.apps.end()


def facts(trades: Sequence[dict[str, Any]], key: str = "a") -> list[tuple[int, str, str, str]]:
    """What the venue said of each trade: id, price, quantity, aggressor."""
    return [(one[key], one["p"], one["q"], "sell" if one["m"] else "buy") for one in trades]


def journaled(events: Sequence[dict[str, Any]]) -> list[tuple[int, str, str, str]]:
    """What the journal says of each trade: id, price, quantity, aggressor."""
    return [(int(one["trade_id"]), one["price"], one["qty"], one["side"]) for one in events]


def parts(ticks: Sequence[Tick], size: int) -> Iterator[Sequence[Tick]]:
    """The ticks, some at a time."""
    for start in range(0, len(ticks), size):
        yield ticks[start : start + size]

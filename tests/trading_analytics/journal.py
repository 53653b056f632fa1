"""A journal for trading-analytics as a process: stands for the web app."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event, Submission
from telemetry_stream.transports.zeromq.curve import ServerKeys
from tests.support.apps import Apps
from tests.support.polling import eventually
from tests.telemetry_stream.streams import open_stream
from tests.trading_history.ledgers import Ledger
from trading_history.reader import HistoryReader

SEED = 20_261_128


class Journal:
    """Stands for the web app: journals a ledger's events and publishes them."""

    def __init__(self, apps: Apps, keys: ServerKeys | None = None) -> None:
        self.ledger = Ledger()
        addresses = (apps.environment["WEBAPP_ZMQ_ADDR"], apps.environment["WEBAPP_REPLAY_ADDR"])
        self.stream: DurableLog = open_stream(apps.data, *addresses, lambda error: pytest.fail(repr(error)), keys)

    def put(self, ledger: Ledger) -> None:
        """Journal the events of the ledger that are new, some at a time."""
        chance = random.Random(SEED)
        while len(self.ledger.events) < len(ledger.events):
            first = len(self.ledger.events) + 1
            last = min(first + chance.randrange(10), len(ledger.events))
            numbers = range(first, last + 1)
            payloads = [b"{" + ledger.bytes_of(number).partition(b",")[2] for number in numbers]
            events = [Event(f"e{number}", payload) for number, payload in zip(numbers, payloads, strict=True)]
            self.stream.append([Submission(events)])
            self.ledger.events = ledger.events[:last]


@contextmanager
def journaling(apps: Apps, keys: ServerKeys | None = None) -> Iterator[Journal]:
    journal = Journal(apps, keys)
    try:
        yield journal
    finally:
        journal.stream.close()


def applied(folder: Path) -> int:
    """The position of the store."""
    try:
        with closing(HistoryReader(folder)) as reader, reader.snapshot() as snapshot:
            return snapshot.position.sequence
    except Exception:  # noqa: BLE001 -- not there yet
        return -1


def wait_until_applied(folder: Path, sequence: int) -> None:
    """Wait until the store has the events up to that sequence."""
    eventually(lambda: applied(folder) >= sequence, what=f"sequence {sequence} in the history")

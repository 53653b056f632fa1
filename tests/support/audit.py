"""Compares what was promised with what is there: acknowledgements, journal, the sidecar's state and metrics."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw

from telemetry_stream.stores.sqlite.compression import unpack
from tests.support.apps import Apps, answers
from tests.support.load import Bots
from tests.support.oracle import Books, expected_samples, keep_books, shows
from tests.support.polling import PATIENCE_SECONDS, eventually


@dataclass(frozen=True, slots=True)
class Audit:
    """Passed: how many trades were acknowledged, and how many are in the journal and the metrics."""

    acknowledged: int
    journaled: int
    lost: int
    doubled: int

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of trades by name."""
        return asdict(self)

    def __str__(self) -> str:
        trades = f"{self.acknowledged:,} acknowledged" if self.acknowledged else f"{self.journaled:,} journaled"
        return f"lost {self.lost}, double {self.doubled} of {trades}; integrity ok"


def audit(
    apps: Apps, *bots: Bots, others: int = 0, seconds: float = PATIENCE_SECONDS, clock_went_back: bool = False
) -> Audit:
    """Compare all, with the sidecar caught up; AssertionError where anything differs.

    What was acknowledged is in the journal once, under the sequence in its answer; what was not is there once or not at
    all. `others` are further trades that nobody but the test has posted. The journal passes SQLite's own check.
    Trades are in the order of trading as they stand in the journal, unless the app's clock went back meanwhile.
    """
    ids: dict[str, int] = {}

    def watched() -> Iterator[dict[str, Any]]:
        for expected, trade in enumerate(journaled(apps.data), 1):
            assert trade["seq"] == expected, f"sequence {expected} is missing, {trade['seq']} stands there"
            assert trade["trade_id"] not in ids, f"{trade['trade_id']} is there twice"
            ids[trade["trade_id"]] = expected
            yield trade

    books = keep_books(sorted(watched(), key=_time_and_sequence) if clock_went_back else watched())
    attempted: set[str] = set()
    for bot in bots:
        attempted |= bot.attempted
        for trade_id, acknowledgement in bot.acknowledged.items():
            assert ids.get(trade_id) == acknowledgement.sequence, f"{trade_id}: {ids.get(trade_id)}, {acknowledgement}"
    assert len(ids.keys() - attempted) == others
    assert_journal_is_sound(apps.data)
    # Not "at least": a sidecar that has not noticed yet that the journal was exchanged may show more.
    eventually(
        lambda: answers(f"{apps.sidecar_url}/readyz") and apps.state()["applied"] == books.count,
        seconds,
        f"all {books.count} trades, and no other, applied",
    )
    assert_metrics_show(apps, books)
    acknowledged = [trade_id for bot in bots for trade_id in bot.acknowledged]
    lost = sum(trade_id not in ids for trade_id in acknowledged)
    return Audit(len(acknowledged), books.count, lost, books.count - len(ids))


def _time_and_sequence(trade: Mapping[str, Any]) -> tuple[str, str, int]:
    seconds, _, fraction = trade["ts"].removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0"), trade["seq"]


def assert_metrics_show(apps: Apps, books: Books) -> None:
    """Every sample the plain calculation gives is exposed, with a figure that is it to the last digit shown."""
    samples = apps.samples()
    for name, exact in expected_samples(books).items():
        assert name in samples, f"{name} is not exposed"
        assert shows(samples[name], exact), f"{name} shows {samples[name]}, it is {float(exact)!r}"


def journaled(data: Path) -> Iterator[dict[str, Any]]:
    """The trades in a journal, read the plain way: row after row."""
    connection = apsw.Connection(str(data / "journal.sqlite3"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        for (stored,) in connection.execute("SELECT events FROM batch ORDER BY first"):
            yield from json.loads(b"[" + unpack(stored) + b"]")
    finally:
        connection.close()


def assert_journal_is_sound(data: Path) -> None:
    """SQLite's own check finds nothing."""
    connection = apsw.Connection(str(data / "journal.sqlite3"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
    finally:
        connection.close()

"""The history through kills: `kill -9` of trading-analytics at random points, while a random ledger of all kinds of
events is journaled; and random ledgers in parts. The rows are those of a rebuild.
"""

import random
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from telemetry_stream import backend
from tests.support.apps import Apps
from tests.support.random_ledger import random_ledger
from tests.torture.figures import Figures
from tests.trading_analytics.journal import journaling, wait_until_applied
from tests.trading_history.figures import fold_at_once, fold_in_parts, rows_of
from tests.trading_history.ledgers import Ledger
from trading_history.rebuild import rebuild

ANALYTICS = "trading-analytics"
EVENTS_PER_KILL = 30
EVENTS_PER_LEDGER = 300


def kills(folder: Path, seed: int, count: int) -> Figures:
    """Kill analytics `count` times; then fold as many random ledgers in parts."""
    events = random_ledger(seed, count * EVENTS_PER_KILL)
    _kill_again_and_again(folder, events, random.Random(seed), count)
    for number in range(count):
        _compare(seed + number)
    return Figures(
        f"{count:,} kills of {ANALYTICS} while {len(events):,} events of all kinds were journaled;"
        f" {count:,} random ledgers of {EVENTS_PER_LEDGER} events in parts, with restarts and a writer without figures",
        "0 rows differ from those of a rebuild",
        {"kills": count, "events": len(events)},
    )


def _kill_again_and_again(folder: Path, events: list[dict[str, object]], chance: random.Random, count: int) -> None:
    whole = Ledger([{name: value for name, value in event.items() if name != "seq"} for event in events])
    apps = Apps(folder)
    apps.data.mkdir()
    try:
        with journaling(apps) as journal:
            for last in range(len(events) // count, len(events) + 1, len(events) // count):
                apps.start(ANALYTICS)
                journal.put(Ledger(whole.events[:last]))
                wanted = last - chance.randrange(EVENTS_PER_KILL)
                wait_until_applied(apps.data, wanted)
                apps.kill(ANALYTICS)
            journal.put(whole)
            apps.start(ANALYTICS)
            apps.wait_for(ANALYTICS)
            ended = apps.stop()
            assert ended == {ANALYTICS: 0}, f"{ended}: {apps.log(ANALYTICS).read_text()[-2_000:]}"
        with closing(backend.store_of().open_reader(apps.data)) as reader:
            rebuild(folder / "expected", reader)
        _assert_same_rows(apps.data, folder / "expected", f"{len(events):,} events")
    finally:
        apps.end()


def _compare(seed: int) -> None:
    events = random_ledger(seed, EVENTS_PER_LEDGER)
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        fold_at_once(Path(folder, "whole"), events)
        fold_in_parts(Path(folder, "parts"), events, random.Random(seed))
        _assert_same_rows(Path(folder, "parts"), Path(folder, "whole"), f"seed {seed}")


def _assert_same_rows(found: Path, expected: Path, what: str) -> None:
    """Raises AssertionError with the number of rows of each table that differ, and the first of them."""
    rows, wanted = rows_of(found), rows_of(expected)
    for table in wanted:
        there, due = Counter(rows[table]), Counter(wanted[table])
        extra, missing = there - due, due - there
        first = (next(iter(extra), None), next(iter(missing), None))
        assert rows[table] == wanted[table], (
            f"{what}: {table}: {extra.total()} extra, {missing.total()} missing: {first}"
        )

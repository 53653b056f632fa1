"""CPU time that each part of a batch's way takes, alone in a process: `python -m benchmarks.parts FOLDER`.

Prints microseconds a trade by part, as JSON. The socket, HTTP, publishing and the answer are not in it.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import trades
from telemetry_stream.events import Submission
from telemetry_stream.stores.sqlite import key_table
from telemetry_stream.stores.sqlite.compression import Packer
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.key_index import FIRST_SLOTS, digest_keys, words_of
from telemetry_stream.stores.sqlite.key_table import KeyTable
from trading_app.intake.decode_batch import read_columns
from trading_app.intake.event import TradeIds

BATCHES = 300
SYMBOLS = 10


def measure(folder: Path) -> dict[str, float]:
    """Microseconds a trade, of each part."""
    spent: dict[str, float] = defaultdict(float)
    made, ids, packer = trades.templates(SYMBOLS, trades.JSON), TradeIds(), Packer()
    file = folder / "keys-1.table"
    key_table.create(file, "", FIRST_SLOTS, 1)
    with closing(KeyTable(file)) as table, closing(Journal(folder / "journal")) as journal:
        for count in range(BATCHES):
            body = trades.batch(made, "abc", count)
            with _timed(spent, "decoding and checking"):
                batch = read_columns(body, False, time.time_ns(), ids, trades.BATCH)
            assert batch is not None
            with _timed(spent, "digests of keys"):
                words = words_of(b"".join(digest_keys(batch.keys, 1)))
            with _timed(spent, "looking keys up, putting them in"):
                assert not table.may_hold_any(words)
                table.put(words)
            with _timed(spent, "numbering and encoding"):
                events = batch.numbered(1, 0, len(batch))
            with _timed(spent, "compressing"):
                packer.pack(events)
            with _timed(spent, "all of the journal"):
                journal.append([Submission(batch)])
                journal.checkpoint_if_due()
    in_the_journal = ("digests of keys", "looking keys up, putting them in", "numbering and encoding", "compressing")
    sqlite = spent.pop("all of the journal") - sum(spent[part] for part in in_the_journal)
    spent["SQLite: rows, syncs, checkpoints"] = sqlite
    return {part: seconds / (BATCHES * trades.BATCH) * 1e6 for part, seconds in spent.items()}


@contextmanager
def _timed(spent: dict[str, float], part: str) -> Iterator[None]:
    began = time.process_time()
    yield
    spent[part] += time.process_time() - began


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))

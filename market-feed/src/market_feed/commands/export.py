"""`market-feed export`: writes the journal's trades as a Parquet file."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from telemetry_stream import backend
from telemetry_stream.errors import BackendUnavailable, DamagedHistory
from telemetry_stream.log import StreamReader
from telemetry_stream.place import Place

PAGE_EVENTS = 50_000
COLUMNS = (
    *("seq", "venue", "symbol", "trade_id", "price", "qty", "side", "ts", "event_ts", "received_at_ns", "origin"),
    *("late", "first_trade_id", "last_trade_id"),
)
INTEGERS = ("seq", "received_at_ns")


def export(place: Place, file: Path) -> int:
    """Write the trades. Gives the exit code. Prices and quantities stay text: no digit is lost."""
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # optional, and without types
    except ImportError:
        print("market-feed: Parquet needs the package pyarrow: pip install 'market-feed[parquet]'", file=sys.stderr)
        return 1
    kinds = {**dict.fromkeys(COLUMNS, pa.string()), **dict.fromkeys(INTEGERS, pa.int64()), "late": pa.bool_()}
    schema = pa.schema(list(kinds.items()))
    count = 0
    try:
        reader = backend.store_of(place.store).open_reader(place.folder)
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for page in _pages(reader):
                writer.write_table(pa.Table.from_pylist(page, schema=schema))
                count += len(page)
        reader.close()
    except (BackendUnavailable, DamagedHistory, OSError) as error:
        print(f"market-feed: can't export: {error}", file=sys.stderr)
        return 1
    print(f"{file}: {count:,} trades")
    return 0


def _pages(reader: StreamReader) -> Iterator[list[dict[str, Any]]]:
    """The trades, some at a time."""
    after = 0
    while (batch := reader.read(after, PAGE_EVENTS)).count:
        after = batch.last
        events: list[dict[str, Any]] = msgspec.json.decode(b"[%b]" % batch.events)
        yield [event for event in events if event["kind"] == "trade"]

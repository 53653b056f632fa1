"""Trades as Parquet. Needs pyarrow, which is not installed by default; it is loaded when the first table is made.

Amounts are there twice: as DECIMAL(38, 18), empty where the digits don't fit, and as the exact text (`price_text`).
"""

import importlib
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from trading_app.query.written_trade import read_written

ROWS = 50_000
"""Rows of one row group, which is in memory until it is written."""

DIGITS, DECIMALS = 38, 18
AMOUNTS = ("price", "qty", "fee", "multiplier")
TEXTS = (
    "symbol", "side", "fee_currency", "account", "strategy", "venue", "order_id", "trade_id", "currency",
    "position_side",
)  # fmt: skip


class NotInstalled(Exception):
    """pyarrow is not there."""


class ParquetTable:
    """One Parquet file, made piece by piece. Not for several threads at once."""

    def __init__(self, *, journaled: bool) -> None:
        """Raises NotInstalled. A `journaled` table has the columns `seq` and `import_id` too."""
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise NotInstalled(str(error)) from None
        self._journaled = journaled
        self._schema = self._arrow.schema(self._fields())
        self._out = _Sink()
        self._writer = parquet.ParquetWriter(self._out, self._schema, compression="zstd")
        self._rows = list[Any]()

    def rows(self, trades: Iterable[bytes]) -> bytes:
        """Add trades as journaled. What can be written of the file so far, which is often nothing."""
        self._rows += [read_written(trade) for trade in trades]
        if len(self._rows) >= ROWS:
            self._write()
        return self._out.take()

    def end(self) -> bytes:
        """The rest of the file."""
        self._write()
        self._writer.close()
        return self._out.take()

    def _fields(self) -> list[tuple[str, Any]]:
        arrow = self._arrow
        text, amount = arrow.string(), arrow.decimal128(DIGITS, DECIMALS)
        fields = [("ts", arrow.timestamp("ns", tz="UTC")), *((name, text) for name in TEXTS)]
        fields += [pair for name in AMOUNTS for pair in ((name, amount), (f"{name}_text", text))]
        fields.append(("tags", arrow.list_(text)))
        return [("seq", arrow.int64()), *fields, ("import_id", text)] if self._journaled else fields

    def _write(self) -> None:
        if not self._rows:
            return
        given = ("seq", "import_id") if self._journaled else ()
        columns: dict[str, Any] = {name: [getattr(row, name) for row in self._rows] for name in (*TEXTS, *given)}
        for name in AMOUNTS:
            columns[f"{name}_text"] = [getattr(row, name) for row in self._rows]
            columns[name] = [fitting(text) for text in columns[f"{name}_text"]]
        columns["tags"] = [row.tags for row in self._rows]
        arrow = self._arrow
        columns["ts"] = arrow.array([row.ts for row in self._rows]).cast(arrow.timestamp("ns", tz="UTC"))
        arrays = [arrow.array(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


class _Sink(io.RawIOBase):
    """A file that is only appended to, and keeps what was not taken yet."""

    def __init__(self) -> None:
        self._pieces = list[bytes]()
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def fitting(text: str | None) -> Decimal | None:
    """The amount, or None where DECIMAL(38, 18) does not hold its digits."""
    if text is None:
        return None
    whole, _, fraction = text.lstrip("-").partition(".")
    return Decimal(text) if len(fraction) <= DECIMALS and len(whole) <= DIGITS - DECIMALS else None

"""Trades as CSV that a spreadsheet opens without harm, and that goes in again with the same content. No I/O.

A spreadsheet takes cells that begin with `=`, `+`, `-` or `@` for formulas, and makes numbers and dates of what looks
like one: a long id loses its digits. So a text cell that does not begin with a letter has an apostrophe before it, the
sign of a text. One such apostrophe is taken away when the file is read again (`unmarked`).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from zoneinfo import ZoneInfo

from trading_app.query.written_trade import read_written

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it a spreadsheet takes UTF-8 for an encoding of its own."""

SENT_COLUMNS = (
    "ts", "symbol", "side", "price", "qty", "fee", "fee_currency", "account", "strategy", "venue", "order_id",
    "trade_id", "currency", "position_side", "multiplier", "tags",
)  # fmt: skip
JOURNALED_COLUMNS = ("seq", *SENT_COLUMNS, "import_id")
LOCAL_TIME = "local_time"

_MARK = "'"
_NUMBERS = frozenset({"seq", "price", "qty", "fee", "multiplier"})
_PLAIN = _NUMBERS | {"ts", "side", "fee_currency", "currency", "position_side"}
"""Columns whose values are numbers, or can't be anything that a spreadsheet changes."""


class CsvTable:
    """One CSV file. With a `zone` it has a first column with the local time of each trade there."""

    def __init__(self, columns: Sequence[str], zone: ZoneInfo | None) -> None:
        self._columns = columns
        self._cells = attrgetter(*columns)
        self._texts = [place for place, name in enumerate(columns) if name not in _PLAIN]
        self._tags = columns.index("tags")
        self._zone = zone
        self._out = io.StringIO(newline="")
        self._writer = csv.writer(self._out)

    def beginning(self) -> bytes:
        """The header."""
        first = () if self._zone is None else (LOCAL_TIME,)
        self._writer.writerow((*first, *self._columns))
        return BYTE_ORDER_MARK + self._taken()

    def rows(self, trades: Iterable[bytes]) -> bytes:
        """The rows of trades as journaled."""
        self._writer.writerows([self._row(trade) for trade in trades])
        return self._taken()

    def _row(self, trade: bytes) -> list[object]:
        known = read_written(trade)
        row = list(self._cells(known))
        row[self._tags] = ",".join(known.tags or ())
        for place in self._texts:
            if row[place]:
                row[place] = marked(row[place])
        if self._zone is not None:
            row.insert(0, local_time(known.ts, self._zone))
        return row

    def _taken(self) -> bytes:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode()


_MONTH = re.compile(r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ ./-]*\d", re.IGNORECASE)


def marked(text: str) -> str:
    """A text as a cell: with an apostrophe before it where a spreadsheet would not keep it as it is."""
    is_kept = text[:1].isalpha() and not _MONTH.match(text) and text.lower() not in ("true", "false")
    return text if is_kept or not text else _MARK + text


def unmarked(cell: str) -> str:
    """The text of a cell that `marked` made."""
    return cell.removeprefix(_MARK)


def local_time(ts: str, zone: ZoneInfo) -> str:
    """A time as journaled in the form that spreadsheets read: `2026-01-31 13:00:00.250`."""
    return _local_second(ts[:19], zone) + ts[19:-1]


@lru_cache(maxsize=4_096)
def _local_second(second: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(f"{second}+00:00").astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

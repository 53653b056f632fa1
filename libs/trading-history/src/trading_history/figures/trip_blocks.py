"""Blocks of closed round trips in the store, in columns: what `round_trips` has of them, to be added up fast.

A block has the next SIZE trips in the order of their ends, and all that ended at the same moment as its last one. It is
made once the fold is behind that moment, and taken out when the fold goes back to it. Trips behind the last block are
read as rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import apsw
import msgspec

from trading_history.figures.trip_columns import COLUMNS, TripColumns, columns_of, pack
from trading_history.schema import SERIES

SIZE = 2_000
"""Min trips of a block. As rows, fewer take about 20 ms to read."""

FIRST_NS = -(1 << 63)
"""Before all times."""

_ROWS = f"""
SELECT {", ".join(COLUMNS)} FROM round_trips JOIN series ON series.id = round_trips.series
WHERE {{}} ORDER BY closed_ns, {", ".join(SERIES[1:])}, number
"""
_BY_END = _ROWS.format("closed_ns >= ? AND closed_ns < ?")
# A + keeps SQLite from searching the ends: these are few of all trips.
_BY_SERIES = _ROWS.format(
    "round_trips.series IN (SELECT value FROM json_each(?)) AND +closed_ns >= ? AND +closed_ns < ?"
)
_NEXT = "SELECT closed_ns FROM round_trips WHERE closed_ns >= ? AND closed_ns < ? ORDER BY closed_ns LIMIT 1 OFFSET ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM round_trips WHERE closed_ns >= ? LIMIT ?)"
_LAST = "SELECT ifnull(max(until_ns), ?) FROM trip_blocks"


def rows_by_end(connection: apsw.Connection, first_ns: int, until_ns: int) -> TripColumns:
    """The trips that ended in a range of Unix nanoseconds, from their rows."""
    return columns_of(connection.execute(_BY_END, (first_ns, until_ns)).fetchall())


def rows_of_series(connection: apsw.Connection, series: Sequence[int], first_ns: int, until_ns: int) -> TripColumns:
    """The closed round trips of some positions, from their rows."""
    numbers = msgspec.json.encode(series).decode()
    return columns_of(connection.execute(_BY_SERIES, (numbers, first_ns, until_ns)).fetchall())


class TripBlocks:
    """The blocks of one store, as its writer keeps them. Every statement runs in the caller's transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._ask: Callable[..., Any] = connection.execute
        self._find_end()

    def _find_end(self) -> None:
        self._until_ns: int = self._ask(_LAST, (FIRST_NS,)).get
        self._count_behind()

    def _count_behind(self) -> None:
        """Count the trips behind the last block, up to SIZE. Until the next count, `add` may count some of them twice:
        those that end again after the fold went back.
        """
        self._behind: int = self._ask(_COUNT, (self._until_ns, SIZE)).get

    def add(self, closed: int, before_ns: int) -> None:
        """Make blocks after `closed` more trips ended; those that ended before a time, in Unix nanoseconds, are final.

        A call makes at least one that is due: so a store that has none yet gets them bit by bit.
        """
        self._behind += closed
        for _ in range(1 + closed // SIZE):
            if self._behind < SIZE:
                return
            last = self._ask(_NEXT, (self._until_ns, before_ns, SIZE - 1)).get
            if last is not None:
                block = pack(rows_by_end(self._connection, self._until_ns, last + 1))
                self._until_ns = last + 1
                self._ask("INSERT INTO trip_blocks VALUES (?, ?)", (self._until_ns, block))
            self._count_behind()

    def go_back(self, time_ns: int) -> None:
        """Take out the blocks with trips that ended at a time or later."""
        if self._until_ns > time_ns:
            self._ask("DELETE FROM trip_blocks WHERE until_ns > ?", (time_ns,))
            self._find_end()

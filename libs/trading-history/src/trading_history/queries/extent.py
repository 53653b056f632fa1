"""From when to when there is anything; and what a symbol is called in figures."""

from typing import Any, NamedTuple

from trading_history.reader import Snapshot
from trading_model.field_rules import case_folded


class Extent(NamedTuple):
    """The times of the first and the last step of all positions, in Unix nanoseconds."""

    first_ns: int
    last_ns: int


_CANONICAL = """
SELECT DISTINCT series.symbol FROM key JOIN lines ON lines.key = key.id JOIN series ON series.id = lines.series
WHERE key.symbol = ? ORDER BY 1
"""


def extent(snapshot: Snapshot) -> Extent | None:
    """From when to when there are fills; None if there are none yet."""
    row: tuple[Any, ...] = snapshot.connection.execute("SELECT min(first_ns), max(last_ns) FROM positions").fetchall()[
        0
    ]
    return None if row[0] is None else Extent(*row)


def canonical_symbols(snapshot: Snapshot, symbol: str) -> tuple[str, ...]:
    """The names in figures of a symbol that fills were sent under; the symbol itself if no fill was."""
    folded = case_folded(symbol)
    return tuple(row[0] for row in snapshot.connection.execute(_CANONICAL, (folded,))) or (folded,)

"""How many closed round trips won, lost and broke even, by account and strategy: counted in the store."""

from typing import NamedTuple

from trading_history.queries.scope import SUM_CURRENCY
from trading_history.reader import Snapshot


class TripCounts(NamedTuple):
    """Closed round trips of one account, strategy and currency, by the sign of their net."""

    account: str
    strategy: str
    currency: str
    wins: int
    losses: int
    break_even: int


# The sign of a decimal's text is exact as a binary float, however many digits it has.
_COUNTS = f"""
SELECT account, strategy, currency, total(net > 0), total(net < 0), total(net = 0)
FROM (
    SELECT account, strategy, {SUM_CURRENCY} AS currency, CAST(round_trips.net AS REAL) AS net
    FROM round_trips JOIN series ON series.id = round_trips.series WHERE closed_ns IS NOT NULL
)
GROUP BY account, strategy, currency ORDER BY account, strategy, currency
"""


def trip_counts(snapshot: Snapshot) -> list[TripCounts]:
    """The counts of the trips of all positions. The currency is "" where it is unknown, or the amounts are points."""
    return [TripCounts(*row[:3], *map(int, row[3:])) for row in snapshot.connection.execute(_COUNTS)]

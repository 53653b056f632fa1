"""Which positions a question is about."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from trading_history.reader import Snapshot
from trading_history.schema import SERIES
from trading_model.accounting.book import BookKey


class Scope(msgspec.Struct, frozen=True):
    """Positions that have one of the values of each member; an empty member has all.

    Symbols are canonical. `tags` choose round trips, never parts of a position: only answers made of round trips use
    them. `currencies` are those of the P&L; "" is one that is unknown, or has points in its place.
    """

    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    position_sides: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def is_one_symbol(self) -> bool:
        """Whether amounts of unknown currencies, and points, can be added up."""
        return len(self.symbols) == 1


EVERYTHING = Scope()


class Series(msgspec.Struct, frozen=True):
    """A line of net P&L: of a position (`kind` book), or a sum over positions. Members that the kind does not name are
    empty.
    """

    id: int
    kind: str
    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    in_points: int = 0
    """Of a position: 1 if its multiplier is unknown."""

    @property
    def sum_currency(self) -> str:
        """What its amounts are added up in: "", and then within its symbol alone, if the currency is unknown or the
        amounts are points.
        """
        return "" if self.in_points else self.currency

    @property
    def book_key(self) -> BookKey:
        """Whose position it is."""
        return BookKey(self.account, self.strategy, self.symbol, self.position_side, self.currency)


_COLUMNS = ", ".join(SERIES)
IN_POINTS = "EXISTS (SELECT 1 FROM positions WHERE series = series.id AND positions.flags LIKE '%\"in_points\"%')"
SUM_CURRENCY = f"CASE WHEN {IN_POINTS} THEN '' ELSE currency END"
"""In SQL, `in_points` and `sum_currency` of a row of `series`."""


def books(snapshot: Snapshot, scope: Scope) -> list[Series]:
    """The positions of a scope, by name."""
    return _series(snapshot, "book", scope)


class Addends(NamedTuple):
    """Series that add up to a scope. `is_exact`: in each currency one does, which has all that happens inside bars."""

    series: list[Series]
    is_exact: bool


def addends(snapshot: Snapshot, scope: Scope) -> Addends:
    """The fewest stored series that add up to a scope: sums over positions where it is one, or several accounts,
    strategies or symbols; else its positions.

    Positions whose currency is unknown, or in points, are in no sum.
    """
    named = [("account", scope.accounts), ("strategy", scope.strategies), ("symbol", scope.symbols)]
    given = [(kind, values) for kind, values in named if values]
    if len(given) < 2 and not scope.position_sides:
        kind = given[0][0] if given else "total"
        return Addends(_series(snapshot, kind, scope), not given or len(given[0][1]) == 1)
    found = books(snapshot, scope)
    if len(found) > 1:
        found = [one for one in found if one.sum_currency]
    return Addends(found, len({one.currency for one in found}) == len(found))


def by_currency(series: Iterable[Series]) -> dict[str, list[Series]]:
    """Series by what their amounts are added up in."""
    found: dict[str, list[Series]] = {}
    for one in series:
        found.setdefault(one.sum_currency, []).append(one)
    return found


def _series(snapshot: Snapshot, kind: str, scope: Scope) -> list[Series]:
    where, values = conditions(scope, kind)
    rows = snapshot.connection.execute(
        f"SELECT id, {_COLUMNS}, {IN_POINTS} FROM series WHERE {where} ORDER BY {_COLUMNS}", values
    )
    return [Series(*row) for row in rows]


def conditions(scope: Scope, kind: str = "book") -> tuple[str, list[str]]:
    """In SQL, what holds for the rows of `series` in a scope, but for its tags; and the values in it."""
    names = (
        (("kind",), (kind,)),
        (("account",), scope.accounts),
        (("strategy",), scope.strategies),
        (("symbol",), scope.symbols),
        (("position_side",), scope.position_sides),
        (("currency", SUM_CURRENCY), scope.currencies),
    )
    wanted = [(columns, values) for columns, values in names if values]
    parts = (" OR ".join(f"{one} IN ({', '.join('?' * len(values))})" for one in columns) for columns, values in wanted)
    return " AND ".join(f"({part})" for part in parts), [
        one for columns, values in wanted for one in values * len(columns)
    ]

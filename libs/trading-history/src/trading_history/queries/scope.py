"""Which positions a question is about."""

from typing import NamedTuple

import msgspec

from trading_history.reader import Snapshot
from trading_history.schema import SERIES
from trading_model.accounting.book import BookKey


class Scope(msgspec.Struct, frozen=True):
    """Positions that have one of the values of each member; an empty member has all.

    Symbols are canonical. `tags` choose round trips, never parts of a position: only answers made of round trips use
    them. `currencies` are those of the P&L, an unknown one is "".
    """

    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    position_sides: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


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

    @property
    def book_key(self) -> BookKey:
        """Whose position it is."""
        return BookKey(self.account, self.strategy, self.symbol, self.position_side, self.currency)


_COLUMNS = ", ".join(SERIES)


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
    is_one = all(len(values) == 1 for _, values in named) and len({one.currency for one in found}) == len(found)
    return Addends(found, is_one)


def _series(snapshot: Snapshot, kind: str, scope: Scope) -> list[Series]:
    names = (
        ("account", scope.accounts),
        ("strategy", scope.strategies),
        ("symbol", scope.symbols),
        ("position_side", scope.position_sides),
        ("currency", scope.currencies),
    )
    wanted = [(column, values) for column, values in names if values]
    where = "".join(f" AND {column} IN ({', '.join('?' * len(values))})" for column, values in wanted)
    values = [value for _, values in wanted for value in values]
    rows = snapshot.connection.execute(
        f"SELECT id, {_COLUMNS} FROM series WHERE kind = ?{where} ORDER BY {_COLUMNS}", (kind, *values)
    )
    return [Series(*row) for row in rows]

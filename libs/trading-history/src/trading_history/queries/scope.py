"""Which positions a question is about."""

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


def sums(snapshot: Snapshot, scope: Scope) -> list[Series] | None:
    """The stored series that are the scope's own, one for each currency; None if no stored series is.

    There are some for all positions, for one account, one strategy, one symbol, and for one position.
    """
    named = [("account", scope.accounts), ("strategy", scope.strategies), ("symbol", scope.symbols)]
    given = [(kind, values) for kind, values in named if values]
    if any(len(values) > 1 for _, values in given) or (scope.position_sides and len(given) < len(named)):
        return None
    if len(given) == 0:
        return _series(snapshot, "total", scope)
    if len(given) == 1:
        return _series(snapshot, given[0][0], scope)
    if len(given) == len(named):
        found = books(snapshot, scope)
        return found if len({one.currency for one in found}) == len(found) else None
    return None


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

"""Markets: the last price of each symbol, and who holds it. No I/O."""

from collections.abc import Sequence
from decimal import Decimal

from trading_history.figures.books import TrackedBook
from trading_model.accounting.book import BookKey
from trading_model.accounting.marks import ACCOUNT_SEPARATOR, market_name
from trading_model.instruments import Terms


class Market:
    """The last price of one symbol, and who holds it."""

    __slots__ = ("generation", "holders", "mark", "mark_ns", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.generation = -1
        """Of its last change; see Frontier."""

        self.holders: dict[TrackedBook, None] = {}
        self.mark: Decimal | None = None
        self.mark_ns = 0

    def state(self) -> tuple[Decimal | None, int]:
        """The present state, without the holders: they follow from the books."""
        return self.mark, self.mark_ns

    def set(self, state: tuple[Decimal | None, int]) -> None:
        """Continue from a state."""
        self.mark, self.mark_ns = state


class Markets:
    """All markets: one for each symbol, or for each symbol in each account where the instrument says so."""

    def __init__(self) -> None:
        self.by_name: dict[str, Market] = {}
        self._of_symbol: dict[str, list[Market]] = {}

    def named(self, name: str) -> Market:
        """The market of a name; a new one if there is none."""
        market = self.by_name.get(name)
        if market is None:
            market = self.by_name[name] = Market(name)
            self._of_symbol.setdefault(name.partition(ACCOUNT_SEPARATOR)[0], []).append(market)
        return market

    def of(self, key: BookKey, terms: Terms) -> Market:
        """The market that marks a position; a new one if there is none."""
        return self.named(market_name(key, terms))

    def of_symbol(self, symbol: str) -> Sequence[Market]:
        """The markets of a canonical symbol."""
        return self._of_symbol.get(symbol, ())

    def hold(self, book: TrackedBook) -> None:
        """Notice whether a position is open now."""
        holders = self.by_name[book.market].holders
        if book.book.quantity:
            holders[book] = None
        else:
            holders.pop(book, None)

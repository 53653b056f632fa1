"""The markets of a ledger: what marks its positions, with the prices by hand. No I/O."""

from typing import NamedTuple

from trading_model.accounting.adjustments import Adjustments
from trading_model.accounting.book import BookKey, Last
from trading_model.accounting.index import Index
from trading_model.accounting.marks import GivenPrice, Market, market_name
from trading_model.contents import Price
from trading_model.instruments import Instruments, Terms


class _Given(NamedTuple):
    symbol: str
    price: GivenPrice


class Markets:
    """The markets: one for each symbol, or for each symbol in each account where the instrument says so."""

    def __init__(self, instruments: Instruments, adjustments: Adjustments) -> None:
        self._instruments = instruments
        self._adjustments = adjustments
        self.by_name: dict[str, Market] = {}
        self.sourced: dict[Market, None] = {}
        """The markets that have other sources than the last fills of their positions."""

        self._of_symbol: dict[str, list[Market]] = {}
        self._prices = Index[str, _Given](instruments, lambda given: [instruments.terms(given.symbol).canonical])
        """The prices by hand in force, by canonical symbol."""

    def of(self, key: BookKey, terms: Terms) -> Market:
        """The market that marks a position."""
        name = market_name(key, terms)
        market = self.by_name.get(name)
        if market is None:
            market = self.by_name[name] = Market(name, self.sourced)
            self._of_symbol.setdefault(key.symbol, []).append(market)
            market.set_splits(self._adjustments.splits_of(key.symbol))
            market.set_given(self._given(key.symbol))
        return market

    def offer(self, name: str, last: Last) -> None:
        """Offer the last fill of a key without a position, to a market that there is."""
        market = self.by_name.get(name)
        if market is not None:
            market.offer(last)

    def others(self) -> dict[str, Last]:
        """The last fill of each market among the keys without a position."""
        return {market.name: market.sources.other for market in self.sourced if market.sources.other is not None}

    def keep_price(self, seq: int, content: Price) -> None:
        """Take the price by hand of the event with this sequence, for markets that open later."""
        self._prices.put(seq, _Given(content.symbol, GivenPrice(seq, content.price, content.ts)))

    def set_price(self, seq: int, content: Price, in_force: bool) -> None:
        """Take the price by hand of the event with this sequence, or take it back."""
        if in_force:
            self.keep_price(seq, content)
        else:
            self._prices.remove(seq)
        symbol = self._instruments.terms(content.symbol).canonical
        for market in self._of_symbol.get(symbol, ()):
            market.set_given(self._given(symbol))

    def set_splits(self, symbol: str) -> None:
        """Notice that the splits of a canonical symbol changed."""
        for market in self._of_symbol.get(symbol, ()):
            market.set_splits(self._adjustments.splits_of(symbol))

    def renew(self) -> None:
        """Give all markets their prices by hand and splits again, after symbols came to mean others."""
        for symbol, markets in self._of_symbol.items():
            for market in markets:
                market.set_given(self._given(symbol))
                market.set_splits(self._adjustments.splits_of(symbol))

    def _given(self, symbol: str) -> list[GivenPrice]:
        """The prices by hand in force, of a canonical symbol."""
        return [given.price for given in self._prices.of(symbol)]

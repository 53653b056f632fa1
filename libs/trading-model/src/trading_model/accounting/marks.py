"""The price at which the positions of a symbol are marked: the last one by time, of a fill or by hand. No I/O."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading_model.accounting.book import BookKey, Last
from trading_model.accounting.order import FILL as FILL_RANK
from trading_model.accounting.order import Order, order_of_other
from trading_model.decimals import DIVISION, ZERO
from trading_model.instruments import Terms


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A symbol's last price by time: in quote units per base unit, `ts` RFC 3339 in UTC, empty if there is none."""

    price: Decimal
    ts: str


ACCOUNT_SEPARATOR = "\x1f"
"""In a market's name, between the symbol and the account whose fills alone mark the positions."""

NO_MARK = Mark(ZERO, "")


def market_name(key: BookKey, terms: Terms) -> str:
    """The name of the market that marks a position."""
    return f"{key.symbol}{ACCOUNT_SEPARATOR}{key.account}" if terms.mark in ("account", "venue") else key.symbol


class GivenPrice(msgspec.Struct, frozen=True, gc=False):
    """A price by hand."""

    seq: int
    price: Decimal
    ts: str

    @property
    def order(self) -> Order:
        """The price's place among the fills: behind those of the same time."""
        return order_of_other(self.ts, FILL_RANK + 1, self.seq)


class SplitOfMark(NamedTuple):
    """A split, as far as a mark needs it: a price from before `ts` counts as if it was traded after it, × d/n."""

    ts: str
    n: int
    d: int


def after_splits(price: Decimal, ts: str, splits: Iterable[SplitOfMark]) -> Decimal:
    """A price of a time after the splits since then."""
    traded = order_of_other(ts, 0, 0).time
    for split in splits:
        if order_of_other(split.ts, 0, 0).time > traded:
            price = DIVISION.divide(price * split.d, Decimal(split.n))
    return price


class Sources(NamedTuple):
    """What marks the positions of a symbol beside their own last fills. Replaced whole, never changed.

    `given` is the last price by hand, `other` is the last fill of a key without a position, `splits` those in force.
    """

    given: GivenPrice | None = None
    other: Last | None = None
    splits: tuple[SplitOfMark, ...] = ()


NO_SOURCES = Sources()


class Market:
    """The prices of one symbol, but for the last fills of its positions, which these know themselves."""

    __slots__ = ("_frozen", "_sourced", "name", "sources")

    def __init__(self, name: str, sourced: dict["Market", None]) -> None:
        """The market adds itself to `sourced`, a set in order, once it has sources: few have, and a scrape looks at
        these.
        """
        self.name = name
        """The canonical symbol, with the account where positions are marked by their own account's fills."""

        self.sources = NO_SOURCES
        self._sourced = sourced
        self._frozen = NO_MARK

    def offer(self, last: Last) -> None:
        """Take the fill of a key without a position."""
        other = self.sources.other
        if other is None or last.order > other.order:
            self._set(self.sources._replace(other=last))

    def set_given(self, prices: Iterable[GivenPrice]) -> None:
        """Take the prices by hand that are in force."""
        given = max(prices, key=lambda one: one.order, default=None)
        self._set(self.sources._replace(given=given))

    def set_splits(self, splits: Iterable[SplitOfMark]) -> None:
        """Take the splits in force."""
        self._set(self.sources._replace(splits=tuple(splits)))

    def _set(self, sources: Sources) -> None:
        self.sources = sources
        if sources != NO_SOURCES:
            self._sourced[self] = None

    def mark(self, sources: Sources, last: Last | None) -> Mark:
        """The mark of a moment with these sources and this last fill of the positions.

        The same object as before while it does not change.
        """
        if last is not None and sources == NO_SOURCES:  # nearly all, at each scrape
            if self._frozen.price is not last.price or self._frozen.ts is not last.ts:
                self._frozen = Mark(last.price, last.ts)
            return self._frozen
        candidates = [one for one in (last, sources.given, sources.other) if one is not None]
        if not candidates:
            return NO_MARK
        source = max(candidates, key=lambda one: one.order) if len(candidates) > 1 else candidates[0]
        price = after_splits(source.price, source.ts, sources.splits)
        if self._frozen.ts != source.ts or self._frozen.price != price:
            self._frozen = Mark(price, source.ts)
        return self._frozen


class Marks:
    """The marks of one moment, while the positions of that moment are put together."""

    def __init__(self, markets: Iterable[Market], sourced: Iterable[Market]) -> None:
        """`sourced` are those of the markets that have sources."""
        self._markets = list(markets)
        self._sources = {market: market.sources for market in sourced}
        self._lasts: dict[str, Last] = {}

    def __len__(self) -> int:
        return len(self._markets)

    def add(self, market: str, last: Last | None) -> None:
        """Take the last fill of a position."""
        known = self._lasts.get(market)
        if last is not None and (known is None or last.order > known.order):
            self._lasts[market] = last

    def some(self, start: int, stop: int) -> dict[str, Mark]:
        """The marks of some markets, by name."""
        return {
            market.name: market.mark(self._sources.get(market, NO_SOURCES), self._lasts.get(market.name))
            for market in self._markets[start:stop]
        }

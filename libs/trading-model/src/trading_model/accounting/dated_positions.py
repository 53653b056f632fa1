"""Positions and cash that are followed in a base currency too: each increment at the rate of its time. No I/O.

Only where a base currency is set, and not for positions in it: they cost a comparison and a division a fill more.
"""

from collections.abc import Iterable
from decimal import Decimal, Inexact

import msgspec

from trading_model.accounting.book import Book, BookKey, BookState, Convert, counts_in_net
from trading_model.accounting.dated import NOTHING, NOTHING_DATED, Dated, DatedSum
from trading_model.accounting.fills import Fill
from trading_model.accounting.marks import Market
from trading_model.accounting.order import Order
from trading_model.accounting.positions import Position
from trading_model.contents import Cash
from trading_model.decimals import DIVISION, ZERO, exactly
from trading_model.instruments import Terms
from trading_model.rates import Found, Rates
from trading_model.symbols import same_currency


class Dater:
    """The base currency, and the rates into it."""

    def __init__(self, currency: str, rates: Rates) -> None:
        self.currency = currency
        self._rates = rates

    def rate(self, currency: str, ts: str) -> Found | None:
        """What one unit of a currency was worth at a time."""
        return self._rates.find(currency, self.currency, ts)

    def dates(self, currency: str) -> bool:
        """Whether amounts in a currency are to be dated: it is known, and another one."""
        return bool(currency) and not same_currency(currency, self.currency)

    def is_concerned(self, pair: tuple[str, str], currency: str) -> bool:
        """Whether a rate between two currencies changes what amounts in `currency` are worth."""
        one, other = pair
        return (same_currency(one, currency) and same_currency(other, self.currency)) or (
            same_currency(other, currency) and same_currency(one, self.currency)
        )


class _Dating(Book):
    """A book that dates the increments of its realised P&L, fees and rewards, step by step."""

    __slots__ = ()

    dater: Dater
    dated: Dated

    def fill(self, fill: Fill, notional: Decimal) -> None:
        """Fold a fill."""
        super().fill(fill, notional)
        self._date(fill.ts)

    def note_other(self, order: Order) -> None:
        """Notice that a step that is no fill was folded."""
        super().note_other(order)
        self._date(f"{order.time}Z")

    def set(self, state: BookState) -> None:
        """Continue from a state."""
        super().set(state)
        self.dated = state.dated or NOTHING_DATED  # type: ignore[misc]  # a slot of each subclass

    def state(self) -> BookState:
        """The present state."""
        return msgspec.structs.replace(super().state(), dated=self.dated)

    def _date(self, ts: str) -> None:
        dated = self.dated
        DIVISION.clear_flags()
        realized, fees = self.flow + self.present_cost(), self._fees_in_net()
        rounded = self.inexact or DIVISION.flags[Inexact]
        income = self.income
        if (realized, fees, income) == (dated.realized_seen, dated.fees_seen, dated.income_seen):
            return
        rate = self.dater.rate(self.key.currency, ts)
        self.dated = Dated(  # type: ignore[misc]  # the same
            dated.realized_pnl.plus(realized - dated.realized_seen, rate, rounded=rounded),
            dated.fees.plus(fees - dated.fees_seen, rate),
            dated.income.plus(income - dated.income_seen, rate),
            realized,
            fees,
            income,
        )

    def _fees_in_net(self) -> Decimal:
        own = (fee for label, fee in self.fees.items() if counts_in_net(label, self.key.currency))
        return sum(own, self.fees_valued)


class DatedBook(_Dating):
    """A book beside the live one, for a recomputation."""

    __slots__ = ("dated", "dater")

    def __init__(self, key: BookKey, terms: Terms, convert: Convert, dater: Dater) -> None:
        self.dater = dater
        super().__init__(key, terms, convert)


class DatedPosition(_Dating, Position):
    """A position that dates its increments."""

    __slots__ = ("dated", "dater")

    def __init__(self, key: BookKey, terms: Terms, convert: Convert, market: Market, dater: Dater) -> None:
        self.dater = dater
        super().__init__(key, terms, convert, market)

    def blank(self) -> Book:
        """A book of the same key without steps."""
        return DatedBook(self.key, self.terms, self._convert, self.dater)


class CashEntry(msgspec.Struct, frozen=True, gc=False):
    """Income of one currency at one time."""

    currency: str
    ts: str
    amount: Decimal


class DatedCash:
    """Income by currency and time, and its sums in the base currency. Memory grows with the number of times."""

    def __init__(self, dater: Dater, entries: Iterable[CashEntry] = ()) -> None:
        self._dater = dater
        self._amounts: dict[str, dict[str, Decimal]] = {}
        self.sums: dict[str, DatedSum] = {}
        for one in entries:
            self._amounts.setdefault(one.currency, {})[one.ts] = one.amount
        for currency in self._amounts:
            self._sum_again(currency)

    @property
    def entries(self) -> list[CashEntry]:
        """What it holds."""
        return [
            CashEntry(currency, ts, amount)
            for currency, amounts in self._amounts.items()
            for ts, amount in amounts.items()
        ]

    @exactly
    def add(self, content: Cash, sign: int) -> None:
        """Add the income of an event (`sign` 1), or take it back (−1)."""
        currency, ts, amount = content.plain_currency, content.ts, content.amount * sign
        amounts = self._amounts.setdefault(currency, {})
        amounts[ts] = amounts.get(ts, ZERO) + amount
        if not amounts[ts]:
            del amounts[ts]
        self.sums[currency] = self.sums.get(currency, NOTHING).plus(amount, self._dater.rate(currency, ts))

    def value_again(self, pair: tuple[str, str]) -> None:
        """A rate between two currencies came, or was taken back."""
        for currency in self._amounts:
            if self._dater.is_concerned(pair, currency):
                self._sum_again(currency)

    @exactly
    def _sum_again(self, currency: str) -> None:
        total = NOTHING
        for ts, amount in self._amounts[currency].items():
            total = total.plus(amount, self._dater.rate(currency, ts))
        self.sums[currency] = total

"""The position of one key: folds its steps in the order of trading, at average cost. No I/O.

A book keeps its basis: quantity and signed cost when it last grew. The average is basis cost / basis quantity. A
partial close does not change the average, so it does not change the basis. All other figures follow:

    cost       = basis cost × quantity / basis quantity      of what is open now
    flow       = received − paid, of fills, moves and openings; without fees and cash
    realised   = flow + cost
    unrealised = worth of the quantity at the mark − cost

So realised + unrealised = flow + worth holds by construction. The worth of a quantity q at a price p is m·q·p, for an
inverse contract −m·q/p (accounting rule 1); m is the multiplier. A full close leaves no cost. A step that crosses zero
opens the rest at its own price.
"""

from collections.abc import Callable
from decimal import Decimal, Inexact
from typing import NamedTuple

import msgspec

from trading_model.accounting.dated import Dated
from trading_model.accounting.fills import Fill
from trading_model.accounting.order import FIRST, Order, order_of_fill
from trading_model.decimals import DIVISION, ZERO, is_quotient
from trading_model.instruments import Terms
from trading_model.symbols import same_currency
from trading_model.trade import Side

QUOTE = "quote"
"""Currency label of fees without a currency."""

OTHER = "__other__"
"""Label of everything counted beyond a limit."""

MAX_FEE_CURRENCIES = 8
"""Maximum of fee currencies tracked per key. Currencies that count in the net P&L are exempt."""

ONE = Decimal(1)

Convert = Callable[[str, str, str], Decimal | None]
"""The rate from a currency to another at a time (RFC 3339); None if the ledger has none that is recent enough."""

NO_AMOUNTS: dict[str, Decimal] = {}
"""Shared by all books without such amounts. Never change it."""


class BookKey(NamedTuple):
    """What a position is of. `symbol` is the canonical one; `currency` that of the P&L, empty if unknown."""

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str


class Last(msgspec.Struct, frozen=True, gc=False):
    """A fill as far as a mark and the order need it. `price` is in quote units per base unit."""

    price: Decimal
    ts: str
    trade_id: str
    seq: int

    @classmethod
    def of(cls, fill: Fill) -> "Last":
        """What a fill leaves as the last one."""
        return cls(fill.price, fill.ts, fill.trade_id, fill.seq)

    @property
    def order(self) -> Order:
        """The fill's place in the order of trading."""
        return order_of_fill(self.ts, self.trade_id, self.seq)


class BookState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a book holds at one moment. Quantities are in units as sent, amounts in the P&L's currency.

    `fees` are by currency as sent. `fees_valued` are those of other currencies, in the P&L's; `fees_outside` those that
    no rate values. `last` is the last fill, `latest_other` the order of the last other step. `rounded` is whether an
    inexact division is in the basis, `inexact` whether one is in the flow. `income` is the worth of rewards.
    `unknown_basis`: more was moved out than was held. `dated` is what is kept in a base currency, where one is set.
    """

    quantity: Decimal = ZERO
    flow: Decimal = ZERO
    basis_quantity: Decimal | None = None
    basis_cost: Decimal = ZERO
    rounded: bool = False
    fees: dict[str, Decimal] = NO_AMOUNTS
    fees_valued: Decimal = ZERO
    fees_outside: dict[str, Decimal] = NO_AMOUNTS
    last: Last | None = None
    latest_other: Order = FIRST
    income: Decimal = ZERO
    inexact: bool = False
    unknown_basis: bool = False
    dated: Dated | None = None

    @property
    def latest(self) -> Order:
        """The order of the last step."""
        return _latest(self.last, self.latest_other)


EMPTY = BookState()
NO_FILL = Last(ZERO, "", "", 0)


class Book:
    """A position that can be folded on. Call its methods under the EXACT context."""

    __slots__ = (
        "_basis_cost",
        "_basis_quantity",
        "_convert",
        "_fee_label",
        "_fees_shared",
        "_inexact",
        "_last_id",
        "_last_price",
        "_plain",
        "_rounded",
        "_side",
        "_unknown_basis",
        "fees",
        "fees_outside",
        "fees_valued",
        "flow",
        "income",
        "key",
        "last_seq",
        "latest_other",
        "quantity",
        "terms",
        "ts",
    )

    def __init__(self, key: BookKey, terms: Terms, convert: Convert) -> None:
        self.key = key
        self.terms = terms
        self._plain = not terms.inverse and terms.multiplier == ONE
        self._convert = convert
        self.set(EMPTY)

    def set(self, state: BookState) -> None:
        """Continue from a state."""
        self.quantity = state.quantity
        self.flow = state.flow
        self._side = _side_of(state.quantity)  # side of the steps that opened the position; empty while flat
        self._basis_quantity = state.basis_quantity  # None: the quantity; nothing was closed since the last opening
        self._basis_cost = state.basis_cost
        self._rounded = state.rounded
        self.income = state.income
        self._inexact = state.inexact
        self._unknown_basis = state.unknown_basis
        self.fees = state.fees
        self.fees_valued = state.fees_valued
        self.fees_outside = state.fees_outside
        self._fees_shared = True
        self._fee_label = ""  # of the last fee that counts in the net; empty before there was one
        last = NO_FILL if state.last is None else state.last
        # Not the fill itself: with thousands of positions its other members would fill the processor's caches.
        self._last_price, self.ts, self._last_id, self.last_seq = last.price, last.ts, last.trade_id, last.seq
        self.latest_other = state.latest_other

    def state(self) -> BookState:
        """The present state. The dictionaries in it never change afterwards."""
        self._fees_shared = True
        return BookState(
            self.quantity,
            self.flow,
            self._basis_quantity,
            self._basis_cost,
            self._rounded,
            self.fees,
            self.fees_valued,
            self.fees_outside,
            self.last,
            self.latest_other,
            self.income,
            self._inexact,
            self._unknown_basis,
        )

    @property
    def last(self) -> Last | None:
        """The last fill."""
        return Last(self._last_price, self.ts, self._last_id, self.last_seq) if self.ts else None

    @property
    def latest(self) -> Order:
        """The order of the last step."""
        return _latest(self.last, self.latest_other)

    def fill(self, fill: Fill, notional: Decimal) -> None:  # noqa: C901 - the hot path
        """Fold a fill. `notional` is price × quantity, which the counters need too."""
        if not self._plain:
            if self.terms.inverse and fill.price <= ZERO:  # it has no worth: the instrument came after it
                self._unknown_basis = True
                return
            notional = self.worth(fill.qty, fill.price)
        # The same as `trade`: its call would cost a fill 5 % more.
        qty, side = fill.qty, fill.side
        if not self._side:
            self._side = side
        opens = side == self._side
        if opens:
            if self._basis_quantity is not None:
                self._move_basis(self._basis_quantity)
        elif self._basis_quantity is None:
            self._basis_quantity = self.quantity
        if side == "buy":
            self.quantity += qty
            self.flow -= notional
            if opens:
                self._basis_cost += notional
            elif self.quantity >= ZERO:
                self._turn(qty, notional, fill.price)
        else:
            self.quantity -= qty
            self.flow += notional
            if opens:
                self._basis_cost -= notional
            elif self.quantity <= ZERO:
                self._turn(qty, notional, fill.price)
        self._last_price, self.ts, self._last_id, self.last_seq = fill.price, fill.ts, fill.trade_id, fill.seq
        if fill.fee is not None:
            self._charge(fill.fee, fill.fee_currency or QUOTE, fill)

    def note_other(self, order: Order) -> None:
        """Notice that a step that is no fill was folded."""
        self.latest_other = order

    def worth(self, qty: Decimal, price: Decimal) -> Decimal:
        """m·q·p, or −m·q/p: what a quantity costs at a price."""
        terms = self.terms
        if terms.inverse:
            return self._divide_flow(-terms.multiplier * qty, price)
        return qty * price * terms.multiplier

    def cost(self) -> Decimal:
        """The signed cost of what is open."""
        if not self.quantity:
            return ZERO
        if self._basis_quantity is None:
            return self._basis_cost
        return self._divide(self._basis_cost * self.quantity, self._basis_quantity)

    def present_cost(self) -> Decimal:
        """The signed cost of what is open, as `cost` gives it, without noting whether digits were lost."""
        if not self.quantity:
            return ZERO
        if self._basis_quantity is None:
            return self._basis_cost
        return DIVISION.divide(self._basis_cost * self.quantity, self._basis_quantity)

    @property
    def inexact(self) -> bool:
        """Whether a division that does not end is in the flow."""
        return self._inexact

    @property
    def unknown_basis(self) -> bool:
        """Whether more was moved out than was held."""
        return self._unknown_basis

    def open_at(self, quantity: Decimal, average: Decimal) -> None:
        """The position is this one. What was realised stays; what differs is not P&L."""
        before = self.cost()
        self._inexact = self._inexact or is_quotient(before)
        cost = self.worth(quantity, average)
        self.flow -= cost - before
        self.quantity = quantity
        self._side = _side_of(quantity)
        self._basis_quantity, self._basis_cost = None, cost

    def split(self, n: int, d: int, booked: Decimal | None, cash: Decimal | None) -> None:
        """`n` units for each `d`. Where the broker booked another quantity, the rest closes for `cash`."""
        if not self.quantity:
            return
        if self._basis_quantity is not None:
            self._basis_quantity = self._divide(self._basis_quantity * n, Decimal(d))
        self.quantity = self._divide(self.quantity * n, Decimal(d))
        if booked is None:
            return
        rest, cash = self.quantity - booked, cash or ZERO
        if rest:
            self.trade("sell" if rest > ZERO else "buy", abs(rest), cash if rest > ZERO else -cash)
        else:
            self.flow += cash

    def take_out(self, quantity: Decimal) -> Decimal:
        """Move a quantity out, negative when short, at the average: the signed cost that goes along.

        Also what is more than is held goes at the average, so that nothing is realised.
        """
        held = self.quantity
        if abs(quantity) > abs(held) or (quantity > ZERO) != (held > ZERO):
            self._unknown_basis = True
        worth = self._divide_flow(self.cost() * quantity, held) if held else ZERO
        self._inexact = self._inexact or is_quotient(worth)  # of a cost that was rounded before
        self._move("sell", "buy", quantity, worth)
        return worth

    def put_in(self, quantity: Decimal, worth: Decimal) -> None:
        """Move a quantity in, negative when short, with its signed cost."""
        self._inexact = self._inexact or is_quotient(worth)
        self._move("buy", "sell", quantity, worth)

    def _move(self, if_long: Side, if_short: Side, quantity: Decimal, worth: Decimal) -> None:
        if quantity > ZERO:
            self.trade(if_long, quantity, worth)
        elif quantity:
            self.trade(if_short, -quantity, -worth)

    def mark_unknown_basis(self) -> None:
        """Say that a quantity came in whose cost nobody knows."""
        self._unknown_basis = True

    def trade(self, side: Side, qty: Decimal, worth: Decimal, price: Decimal | None = None) -> None:
        """Fold a step that is no fill: `qty`, more than 0, for `worth`. With a price, a flip's rest opens at it."""
        if not self._side:
            self._side = side
        opens = side == self._side
        if opens:
            if self._basis_quantity is not None:
                self._move_basis(self._basis_quantity)
        elif self._basis_quantity is None:
            self._basis_quantity = self.quantity
        if side == "buy":
            self.quantity += qty
            self.flow -= worth
            if opens:
                self._basis_cost += worth
            elif self.quantity >= ZERO:
                self._turn(qty, worth, price)
        else:
            self.quantity -= qty
            self.flow += worth
            if opens:
                self._basis_cost -= worth
            elif self.quantity <= ZERO:
                self._turn(qty, worth, price)

    def _charge(self, fee: Decimal, label: str, fill: Fill) -> None:
        """Add a fee, negative for a rebate. Beyond MAX_FEE_CURRENCIES, further currencies share the label OTHER.

        Currencies that count in the net P&L never share it: the net P&L would be wrong.
        """
        if self._fees_shared:
            self.fees, self.fees_outside, self._fees_shared = self.fees.copy(), self.fees_outside.copy(), False
        fees = self.fees
        if label == self._fee_label:  # most fees are in the currency of the one before
            fees[label] += fee
            return
        if counts_in_net(label, self.key.currency):
            self._fee_label = label
        else:
            self._value(fee, label, fill)
            if label not in fees and len(fees) >= MAX_FEE_CURRENCIES:
                label = OTHER
        fees[label] = fees.get(label, ZERO) + fee

    def _value(self, fee: Decimal, currency: str, fill: Fill) -> None:
        """Value a fee in another currency: a spot's base at the fill's price, off the position; others at a rate."""
        terms = self.terms
        if terms.spot and same_currency(currency, terms.base):
            worth = abs(fee) * fill.price
            if fee:
                self.trade("sell" if fee > ZERO else "buy", abs(fee), worth, fill.price)
            self.fees_valued += fee * fill.price
            return
        rate = self._convert(currency, self.key.currency, fill.ts) if self.key.currency else None
        if rate is not None:
            self.fees_valued += fee * rate
            return
        outside = self.fees_outside
        label = currency if currency in outside or len(outside) < MAX_FEE_CURRENCIES else OTHER
        outside[label] = outside.get(label, ZERO) + fee

    def _move_basis(self, basis_quantity: Decimal) -> None:
        """Reduce the basis to what partial closes have left, before a step adds to the position."""
        self._basis_cost = self._divide(self._basis_cost * self.quantity, basis_quantity)
        self._basis_quantity = None

    def _turn(self, qty: Decimal, worth: Decimal, price: Decimal | None) -> None:
        """Start a new basis after a step that closed the position or crossed zero."""
        quantity = self.quantity
        self._side = _side_of(quantity)
        self._basis_quantity = None
        self._rounded = False
        if not quantity:
            self._basis_cost = ZERO
        elif self._plain and price is not None:
            self._basis_cost = quantity * price
        elif price is not None:
            self._basis_cost = self.worth(quantity, price)
        else:
            self._basis_cost = self._divide(worth * quantity, qty)

    def _divide_flow(self, dividend: Decimal, divisor: Decimal) -> Decimal:
        """To 200 digits, for what goes into the flow, which stays inexact for good if digits were lost."""
        DIVISION.clear_flags()
        quotient = DIVISION.divide(dividend, divisor)
        self._inexact = self._inexact or DIVISION.flags[Inexact]
        self._rounded = self._rounded or DIVISION.flags[Inexact]
        return quotient

    def _divide(self, dividend: Decimal, divisor: Decimal) -> Decimal:
        """To 200 digits; notes whether digits were lost."""
        if self._rounded:
            return DIVISION.divide(dividend, divisor)
        DIVISION.clear_flags()
        quotient = DIVISION.divide(dividend, divisor)
        self._rounded = DIVISION.flags[Inexact]
        return quotient


def counts_in_net(label: str, currency: str) -> bool:
    """Whether a fee with this label is in the P&L's currency."""
    return label == QUOTE or same_currency(label, currency)


def _latest(last: Last | None, other: Order) -> Order:
    return other if last is None else max(last.order, other)


def _side_of(quantity: Decimal) -> Side | str:
    """The side of the steps that open this quantity; empty for 0."""
    return "buy" if quantity > ZERO else "sell" if quantity else ""

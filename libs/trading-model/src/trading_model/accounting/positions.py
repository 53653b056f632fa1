"""Applies fills to the position of one key: account, strategy and symbol. Average-cost accounting, no I/O.

A position keeps its basis: its quantity and signed cost when it last grew. The average price is basis cost / basis
quantity. A partial close does not change the average, so it does not change the basis. All other figures follow:

    cost       = basis cost × position / basis quantity      of what is open now
    cash flow  = notional sold − notional bought
    realised   = cash flow + cost
    unrealised = position × mark − cost

So realised + unrealised = cash flow + position × mark holds by construction, and each fill against the position
realises `closed × (price − average) × sign`. A full close leaves no cost. A fill that crosses zero opens the rest
at its own price.
"""

from decimal import Decimal, Inexact

import msgspec

from trading_model.accounting.marks import Market
from trading_model.decimals import DIVISION, EXACT, ZERO
from trading_model.symbols import pnl_currency, same_currency
from trading_model.trade import Side

QUOTE = "quote"
"""Currency label of fees without a currency."""

OTHER = "__other__"
"""Label of everything counted beyond a limit."""

MAX_FEE_CURRENCIES = 8
"""Maximum of fee currencies tracked per key. Currencies that count in the net P&L are exempt."""


def counts_in_net(symbol: str, currency: str) -> bool:
    """Whether a fee in `currency` may be subtracted from a P&L of `symbol`: both must be the same currency."""
    return currency == QUOTE or same_currency(currency, pnl_currency(symbol))


NO_FEES: dict[str, Decimal] = {}
"""Shared by all snapshots without fees, which saves a dict for each. Never change it."""


class PositionSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Totals, position and basis of one key at one moment.

    Volumes and `quantity` are in base units; `quantity` is negative when short. Notionals (price × quantity) and costs
    are in quote units; the cost has the sign of the quantity. `rounded` is whether `basis_cost` contains an inexact
    division; it then has 200 significant digits or more. `fees` are by currency.
    """

    account: str
    strategy: str
    symbol: str
    buy_trades: int
    buy_volume: Decimal
    buy_notional: Decimal
    sell_trades: int
    sell_volume: Decimal
    sell_notional: Decimal
    fees: dict[str, Decimal]
    quantity: Decimal = ZERO
    basis_quantity: Decimal = ZERO
    basis_cost: Decimal = ZERO
    rounded: bool = False

    @property
    def trades(self) -> int:
        """The number of trades, buys and sells."""
        return self.buy_trades + self.sell_trades


class Position:
    """Totals, position and fees of one key. Call its methods under the EXACT context."""

    __slots__ = (
        "_basis_cost",
        "_basis_quantity",
        "_frozen",
        "_generation",
        "_rounded",
        "_side",
        "account",
        "buy_notional",
        "buy_trades",
        "buy_volume",
        "fees",
        "market",
        "sell_notional",
        "sell_trades",
        "sell_volume",
        "strategy",
        "symbol",
    )

    market: Market
    """The last price of its symbol. `state` sets it when it opens the position."""

    def __init__(self, account: str, strategy: str, symbol: str) -> None:
        self.account = account
        self.strategy = strategy
        self.symbol = symbol
        self.buy_trades = self.sell_trades = 0
        self.buy_volume = self.sell_volume = self.buy_notional = self.sell_notional = ZERO
        self.fees: dict[str, Decimal] = {}
        self._side = ""  # side of the fills that opened the position; empty while flat
        self._basis_quantity: Decimal | None = None  # None: the quantity; nothing was closed since the last opening
        self._basis_cost = ZERO
        self._rounded = False
        self._frozen: PositionSnapshot | None = None
        self._generation = 0

    def apply(self, side: Side, price: Decimal, qty: Decimal) -> None:
        """Count a fill and move the position. `price` in quote units per base unit, `qty` in base units, both > 0."""
        notional = price * qty
        if not self._side:
            self._side = side
        opens = side == self._side
        if opens:
            if self._basis_quantity is not None:
                self._move_basis(self._basis_quantity)
        elif self._basis_quantity is None:
            self._basis_quantity = self.buy_volume - self.sell_volume
        if side == "buy":
            self.buy_trades += 1
            self.buy_volume += qty
            self.buy_notional += notional
            if opens:
                self._basis_cost += notional
            elif self.buy_volume >= self.sell_volume:
                self._turn(price)
        else:
            self.sell_trades += 1
            self.sell_volume += qty
            self.sell_notional += notional
            if opens:
                self._basis_cost -= notional
            elif self.sell_volume >= self.buy_volume:
                self._turn(price)

    def charge(self, fee: Decimal, currency: str | None) -> None:
        """Add a fee, negative for a rebate. Beyond MAX_FEE_CURRENCIES, further currencies share the label OTHER.

        Currencies that count in the net P&L never share it: the net P&L would be wrong.
        """
        label = currency or QUOTE
        fees = self.fees
        paid = fees.get(label)
        if paid is None:
            if len(fees) >= MAX_FEE_CURRENCIES and not counts_in_net(self.symbol, label):
                label = OTHER
            paid = fees.get(label, ZERO)
        fees[label] = paid + fee

    def freeze(self, generation: int) -> PositionSnapshot:
        """An immutable copy. Called again with the same generation, it gives the copy made at the first call.

        Without a fill in between, it gives the same object, by which a scrape recognises what has not changed.
        """
        frozen = self._frozen
        if frozen is None or (
            self._generation != generation
            and (frozen.buy_trades != self.buy_trades or frozen.sell_trades != self.sell_trades)
        ):
            frozen = self._frozen = self._copy()
        self._generation = generation
        return frozen

    def _copy(self) -> PositionSnapshot:
        # Names its context: `freeze` also runs outside of `exactly`, between two slices of a scrape.
        quantity = EXACT.subtract(self.buy_volume, self.sell_volume) if self._side else ZERO
        return PositionSnapshot(
            self.account,
            self.strategy,
            self.symbol,
            self.buy_trades,
            self.buy_volume,
            self.buy_notional,
            self.sell_trades,
            self.sell_volume,
            self.sell_notional,
            self.fees.copy() if self.fees else NO_FEES,
            quantity,
            quantity if self._basis_quantity is None else self._basis_quantity,
            self._basis_cost,
            self._rounded,
        )

    def restore(self, held: PositionSnapshot) -> None:
        """Continue from a snapshot."""
        self.buy_trades, self.sell_trades = held.buy_trades, held.sell_trades
        self.buy_volume, self.sell_volume = held.buy_volume, held.sell_volume
        self.buy_notional, self.sell_notional = held.buy_notional, held.sell_notional
        self.fees = held.fees.copy()
        self._side = _side_of(held.quantity)
        self._basis_quantity = None if held.basis_quantity == held.quantity else held.basis_quantity
        self._basis_cost, self._rounded = held.basis_cost, held.rounded
        self._frozen = held

    def _move_basis(self, basis_quantity: Decimal) -> None:
        """Reduce the basis to what partial closes have left, before a fill adds to the position.

        The only division whose result is kept; those in `figures` are for display.
        """
        cost = self._basis_cost * (self.buy_volume - self.sell_volume)
        if self._rounded:
            self._basis_cost = DIVISION.divide(cost, basis_quantity)
        else:
            DIVISION.clear_flags()
            self._basis_cost = DIVISION.divide(cost, basis_quantity)
            self._rounded = DIVISION.flags[Inexact]
        self._basis_quantity = None

    def _turn(self, price: Decimal) -> None:
        """Start a new basis after a fill that closed the position or crossed zero."""
        quantity = self.buy_volume - self.sell_volume
        self._side = _side_of(quantity)
        self._basis_quantity = None
        self._basis_cost = quantity * price
        self._rounded = False


def _side_of(quantity: Decimal) -> str:
    """The side of the fills that open this quantity; empty for 0."""
    return "buy" if quantity > ZERO else "sell" if quantity else ""


class Overflow(Position):
    """Totals of all keys beyond the limit. It has no position: quantities of different symbols can't be added."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(OTHER, OTHER, OTHER)

    def apply(self, side: Side, price: Decimal, qty: Decimal) -> None:
        """Count a fill in the totals."""
        if side == "buy":
            self.buy_trades += 1
            self.buy_volume += qty
            self.buy_notional += price * qty
        else:
            self.sell_trades += 1
            self.sell_volume += qty
            self.sell_notional += price * qty

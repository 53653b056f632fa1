"""The figures shown for a position: average entry price and P&L, each exact or rounded in a stated way. No I/O."""

from decimal import Decimal, Inexact

import msgspec

from trading_model.accounting.book import counts_in_net
from trading_model.accounting.marks import Mark, after_splits
from trading_model.accounting.positions import PositionSnapshot
from trading_model.decimals import AVERAGE, DIVISION, SHOWN, ZERO, is_quotient

FINER = Decimal("1E-34")
"""A rounded figure has 34 more decimals than the exact figures it is combined with."""

SOLD_MORE_THAN_KNOWN = "sold_more_than_known"
CLOSED_MORE_THAN_HELD = "closed_more_than_held"
IN_POINTS = "in_points"
CURRENCY_UNKNOWN = "currency_unknown"
MULTIPLIERS_DIFFER = "multipliers_differ"
BASIS_UNKNOWN = "basis_unknown"
RECOMPUTING = "recomputing"
NO_MARK = "no_mark"


class Figures(msgspec.Struct, frozen=True, gc=False):
    """All amounts in the P&L's currency, the average in the units of the price.

    Unrealised and net P&L are None while an open position has no mark. `fees` are those in the net: in the P&L's
    currency, in a spot's base, and in others at a rate. `cash` is income. `rounded` says that a
    division that does not end is in them: they are then shown to 34 decimals more than the exact amounts have.
    """

    average_entry_price: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    fees: Decimal
    cash: Decimal
    net_pnl: Decimal | None
    rounded: bool = False


def mark_of(held: PositionSnapshot, market: Mark) -> Decimal | None:
    """The price at which a position is marked; None if there is none."""
    if not market.ts:
        return None
    return after_splits(market.price, market.ts, held.splits) if held.splits else market.price


def figures(held: PositionSnapshot, mark: Decimal | None) -> Figures:
    """The figures of a position at the price `mark`. Call it under the EXACT context.

    Only costs and what carries them can be inexact. They are rounded before they are combined, so that realised +
    unrealised = flow + worth of the position stays exact. The average has 50 significant digits, and is 0 while the
    position is flat.
    """
    state, terms = held.state, held.terms
    flow, quantity, cost, inexact = state.flow, state.quantity, state.basis_cost, state.inexact
    if inexact:
        flow = _rounded(flow, ZERO)
    fees = state.fees_valued
    if fees and is_quotient(fees):  # valued by 1 / rate
        fees, inexact = _rounded(fees, ZERO), True
    fees = fees + _own_fees(held) if state.fees else fees
    cash = held.cash + state.income if held.has_steps else state.income
    net = flow - fees + cash
    if not quantity:
        return Figures(ZERO, flow, ZERO, fees, cash, net, inexact)
    rounded = inexact or state.rounded
    if state.basis_quantity is not None:  # only after a partial close; else the basis cost is the cost
        DIVISION.clear_flags()
        cost = DIVISION.divide(cost * quantity, state.basis_quantity)
        rounded = rounded or DIVISION.flags[Inexact]
    value = ZERO if mark is None else _worth(held, mark)
    if terms.inverse:
        value, rounded = _rounded(value, ZERO), True
    if rounded:
        # To fixed decimals: the cost is added to one P&L and subtracted from the other, and both must stay exact.
        cost = _rounded(cost, flow + value + ZERO)
    if mark is None:
        return Figures(_average(held), flow + cost, None, fees, cash, None, rounded)
    return Figures(_average(held), flow + cost, value - cost, fees, cash, net + value, rounded)


def exposure(held: PositionSnapshot, mark: Decimal) -> Decimal:
    """What a position is worth at the price `mark`, unsigned; where a division does not end, to 34 decimals."""
    worth = abs(_worth(held, mark))
    return _rounded(worth, ZERO) if held.terms.inverse else worth


def flags(held: PositionSnapshot) -> list[str]:
    """What a reader of the figures has to know."""
    state, terms = held.state, held.terms
    side = held.key.position_side
    conditions = (
        (SOLD_MORE_THAN_KNOWN, terms.spot and not side and state.quantity < ZERO),
        (CLOSED_MORE_THAN_HELD, state.quantity < ZERO if side == "long" else side and state.quantity > ZERO),
        (IN_POINTS, terms.in_points),
        (CURRENCY_UNKNOWN, not held.key.currency),
        (MULTIPLIERS_DIFFER, held.multipliers_differ),
        (BASIS_UNKNOWN, state.unknown_basis),
        (RECOMPUTING, held.recomputing),
    )
    return [name for name, applies in conditions if applies]


def _own_fees(held: PositionSnapshot) -> Decimal:
    """Fees in the P&L's currency, or in none that the sender named."""
    currency = held.key.currency
    return sum((fee for label, fee in held.state.fees.items() if counts_in_net(label, currency)), ZERO)


def _worth(held: PositionSnapshot, mark: Decimal) -> Decimal:
    state, terms = held.state, held.terms
    if not terms.inverse:
        return state.quantity * mark * terms.multiplier
    return DIVISION.divide(-terms.multiplier * state.quantity, mark) if mark > ZERO else ZERO


def _average(held: PositionSnapshot) -> Decimal:
    """C/(mQ), for an inverse contract −mQ/C."""
    state, terms = held.state, held.terms
    quantity = (state.quantity if state.basis_quantity is None else state.basis_quantity) * terms.multiplier
    if terms.inverse:
        return AVERAGE.divide(-quantity, state.basis_cost) if state.basis_cost else ZERO
    return AVERAGE.divide(state.basis_cost, quantity)


def _rounded(amount: Decimal, like: Decimal) -> Decimal:
    """Half to even, to 34 decimals more than `like` has."""
    return SHOWN.quantize(amount, like * FINER)

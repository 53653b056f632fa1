"""The figures shown for a position: average entry price and P&L, each exact or rounded in a stated way. No I/O."""

from decimal import Decimal, Inexact

import msgspec

from trading_model.accounting.positions import PositionSnapshot, counts_in_net
from trading_model.decimals import AVERAGE, DIVISION, SHOWN, ZERO

FINER = Decimal("1E-34")
"""A rounded cost has 34 more decimals than the exact figures it is combined with."""


class Figures(msgspec.Struct, frozen=True, gc=False):
    """All amounts in quote units, the average in quote units per base unit."""

    average_entry_price: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    net_pnl: Decimal


def figures(held: PositionSnapshot, mark: Decimal) -> Figures:
    """The figures of a position at the price `mark`. Call it under the EXACT context.

    Only the cost can be inexact, so only the cost is rounded, and realised + unrealised = cash flow + position × mark
    stays exact. The net P&L contains no cost and is always exact. The average has 50 significant digits, and is 0 while
    the position is flat.
    """
    cash_flow = held.sell_notional - held.buy_notional
    quantity = held.quantity
    net_pnl = cash_flow - _quote_fees(held) if held.fees else cash_flow
    if not quantity:
        return Figures(ZERO, cash_flow, ZERO, net_pnl)
    value = quantity * mark
    cost, rounded = held.basis_cost, held.rounded
    if quantity != held.basis_quantity:  # only after a partial close; else the basis cost is the cost
        DIVISION.clear_flags()
        cost = DIVISION.divide(cost * quantity, held.basis_quantity)
        rounded = rounded or DIVISION.flags[Inexact]
    if rounded:
        # To fixed decimals: the cost is added to one P&L and subtracted from the other, and both must stay exact.
        cost = SHOWN.quantize(cost, (cash_flow + value + ZERO) * FINER)
    average = AVERAGE.divide(held.basis_cost, held.basis_quantity)
    return Figures(average, cash_flow + cost, value - cost, net_pnl + value)


def _quote_fees(held: PositionSnapshot) -> Decimal:
    return sum((fee for currency, fee in held.fees.items() if counts_in_net(held.symbol, currency)), ZERO)

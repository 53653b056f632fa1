"""Decimal arithmetic that never rounds in silence.

Every sum and product of money and quantity is made in `EXACT`, which never has to round and would raise if it had to.
What has to be rounded is rounded in one of the other contexts, by name. Prices and quantities outside of `LEAST` to
`TOO_MUCH` are refused, so that numbers stay of a length that can be handled.
"""

import decimal
from collections.abc import Callable
from decimal import Context, Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ZERO = Decimal(0)
MIN = Decimal("1E-38")
TOO_MUCH = Decimal("1E+38")

EXACT = Context(
    prec=decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[decimal.Inexact, decimal.Rounded]
)
"""Sums and products: as many digits as it takes. An invalid operation does not raise: a NaN is found out before it gets
into a sum, by its comparing as false."""

DIVISION = Context(prec=200, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""The one division of the accounting: what is left of a cost after a partial close."""

AVERAGE = Context(prec=50, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""A shown average price."""

SHOWN = Context(prec=decimal.MAX_PREC, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""Rounding to a number of decimals."""


def exactly(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run `function` with EXACT in force, whatever the caller's decimal context is, and put that back afterwards.

    Cheaper than `localcontext`, which copies. Not for generators and coroutines: they would leave it in force
    while they are suspended.
    """

    @wraps(function)
    def in_exact_context(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        previous = decimal.getcontext()
        decimal.setcontext(EXACT)
        try:
            return function(*args, **kwargs)
        finally:
            decimal.setcontext(previous)

    return in_exact_context


def amount_fits(amount: Decimal) -> bool:
    """Whether an amount of either sign, or 0, is of a size that trades may have. Call it under EXACT."""
    return MIN <= abs(amount) < TOO_MUCH or (amount == ZERO and abs(amount.adjusted()) <= 38)  # 0.00 as well as 0


def show(value: Decimal) -> str:
    """Plain digits, all of them: no exponent, no zeros at the end of the decimals, no `-0`."""
    digits = str(value)
    if digits[-1] != "0" and "E" not in digits:
        return digits
    if not value:
        return "0"
    if "E" in digits:
        digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

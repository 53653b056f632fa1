"""Decimal arithmetic that never rounds silently.

Every sum and product of money and quantity uses the context `EXACT`, which raises instead of rounding. Where rounding
is intended, one of the other contexts is named. Prices and quantities below `MIN`, or of `TOO_MUCH` and above, are
rejected, which bounds the length of every number.
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
"""For sums and products: unlimited digits. Invalid operations do not raise: a NaN compares as false, so the range
check rejects it before it gets into a sum.
"""

DIVISION = Context(prec=200, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""For the divisions of the accounting, such as that of a cost after a partial close: 200 significant digits, half to
even.
"""

AVERAGE = Context(prec=50, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""For averages and ratios that are shown: 50 significant digits, half to even."""

SHOWN = Context(prec=decimal.MAX_PREC, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""For rounding to a number of decimals, half to even."""


def exactly(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run `function` under the EXACT context, and restore the caller's context afterwards.

    Cheaper than `localcontext`, which copies the context. Not for generators and coroutines: EXACT would stay in force
    for their callers while they are suspended.
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
    """Whether an amount, of either sign or 0, is within the range of trades. Call it under the EXACT context."""
    return MIN <= abs(amount) < TOO_MUCH or (amount == ZERO and abs(amount.adjusted()) <= 38)  # 0.00 too, not 0E+999


MAX_EXACT_DIGITS = 150
"""More than sums of products of three numbers of 38 digits have, and less than the quotient of a division has that does
not end.
"""


def is_quotient(amount: Decimal) -> bool:
    """Whether a division that does not end is in an amount, by its digits."""
    return len(amount.as_tuple().digits) > MAX_EXACT_DIGITS


def show(value: Decimal) -> str:
    """All digits of a value: no exponent, no trailing zeros after the point, no `-0`."""
    digits = str(value)
    if digits[-1] != "0" and "E" not in digits:  # most values, and nothing to change
        return digits
    if not value:
        return "0"
    if "E" in digits:
        digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

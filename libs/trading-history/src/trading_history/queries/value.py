"""A figure that may be undefined. No I/O."""

from decimal import Decimal

import msgspec

from trading_model.decimals import AVERAGE


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure that may be undefined: then `value` is None, and `reason` says why: `no_round_trips`, `no_losses`,
    `no_wins`, `no_decided` (only break-evens), `no_gross`, `no_capital`, `too_few_days`, `no_variation`, `no_drawdown`,
    `ruined` (equity of 0 or less), `unknown_times`, `converted` (figures in a base currency), `no_mark`, `by_tag`
    (positions are not parted by the tags of their trades).
    """

    value: Decimal | None
    reason: str = ""


def ratio(dividend: Decimal, divisor: Decimal, otherwise: str) -> Value:
    """A quotient to 50 digits; undefined for a divisor of 0, for the reason `otherwise`."""
    return Value(AVERAGE.divide(dividend, divisor)) if divisor else Value(None, otherwise)

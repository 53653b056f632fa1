"""What an answer in a base currency says about its rates. No I/O."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from trading_app.history.question import Question
from trading_app.history.rows import instant, row_of
from trading_app.history.tables import Amount, Instant
from trading_app.http.openapi import schema_of
from trading_history.queries.conversion import Conversion, View


class MissingAmount(msgspec.Struct, frozen=True):
    """An amount that no sum has: its part of the P&L, its own currency, and why it has no rate; null where the currency
    is unknown.
    """

    part: Literal["realized", "unrealized", "fees", "cash", "round_trips"]
    currency: str
    amount: Amount | None
    reason: Literal["no_rate", "too_old", "currency_unknown"]


class RateOfNow(msgspec.Struct, frozen=True):
    """What one unit of a currency is worth now, when that was said, and how long ago; null for the currency itself."""

    currency: str
    rate: Amount
    rate_at: Instant | None
    age_seconds: int | None


class ConversionOutline(msgspec.Struct, frozen=True):
    """Into which currency amounts were converted, by which rates."""

    into: str
    rates: View
    current: list[RateOfNow]
    missing: list[MissingAmount]


MORE = {
    "conversion": {
        "anyOf": [schema_of(ConversionOutline), {"type": "null"}],
        "description": "Null where each row is in its own currency.",
    }
}
"""The schema of the member that says it."""


def said_of(conversion: Conversion | None, question: Question) -> Mapping[str, object]:
    """The member, after the figures were made."""
    if conversion is None:
        return {"conversion": None}
    current = [
        row_of(
            RateOfNow,
            one,
            rate_at=instant(one.since_ns),
            age_seconds=None if one.since_ns is None else (question.now_ns - one.since_ns) // 10**9,
        )
        for one in conversion.current
    ]
    missing = [row_of(MissingAmount, one) for one in conversion.missing]
    return {"conversion": ConversionOutline(conversion.into, conversion.view, current, missing)}

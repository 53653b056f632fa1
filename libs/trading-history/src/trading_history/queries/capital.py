"""What was put into accounts: their capital at the start, and since then deposits − withdrawals."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trading_history.reader import Snapshot
from trading_model.accounting.cash import FLOWS
from trading_model.contents import Cash
from trading_model.decimals import ZERO
from trading_model.timestamps import unix_ns

_CASH = "SELECT json_extract(event, '$.cash') FROM events WHERE kind = 'cash' AND in_force"
_decode = msgspec.json.Decoder(Cash).decode


class Invested(msgspec.Struct, frozen=True):
    """`start` is the capital at the start, None where nobody says it. `flows` are deposits and withdrawals, which are
    negative, with their Unix times in nanoseconds.
    """

    start: Decimal | None
    flows: Sequence[tuple[int, Decimal]]

    def at(self, time_ns: int) -> Decimal | None:
        """What was put in by a time; None before there was anything."""
        amounts = [amount for time, amount in self.flows if time <= time_ns]
        return None if self.start is None and not amounts else sum(amounts, self.start or ZERO)


def flows_of(snapshot: Snapshot, accounts: Sequence[str], currency: str) -> list[tuple[int, Decimal]]:
    """Times and amounts of deposits, and of withdrawals, which are negative; without `accounts`, those of all."""
    rows = snapshot.connection.execute(_CASH)
    found = [_decode(content) for (content,) in rows if content is not None]
    return [
        (unix_ns(cash.ts), cash.amount)
        for cash in found
        if cash.reason in FLOWS and cash.plain_currency == currency and (not accounts or cash.account in accounts)
    ]

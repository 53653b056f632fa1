"""From the sidecar's state to what the page shows of it: rows, and totals by currency. No I/O.

The arithmetic is exact; every amount is text with all its digits.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact

from trading_app.page.sidecar_state import PositionState, SidecarState
from trading_app.query.trades import Filter
from trading_model.symbols import pnl_currency

MAX_ROWS = 200
"""So many positions are sent to a browser; a filter brings the others."""

MAX_CHOICES = 500
"""So many values each filter offers."""

EXACT = Context(prec=1_000, traps=[Inexact])


@dataclass
class Total:
    """Sums over positions whose P&L is in one currency. `exposure` is what they are worth, long or short.

    Where the currency is unknown, `quote` is empty, and there are sums only if all positions are of one symbol.
    """

    quote: str
    net: Decimal = Decimal()
    realized: Decimal = Decimal()
    unrealized: Decimal = Decimal()
    exposure: Decimal = Decimal()
    fees: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    open_positions: int = 0
    decimals: int = 2
    """Of the prices with the fewest: so many are worth showing."""
    symbols: set[str] = field(default_factory=set)

    @property
    def known(self) -> bool:
        """Whether the sums mean something: amounts in different or unknown currencies are not added."""
        return bool(self.quote) or len(self.symbols) == 1

    def add(self, row: PositionState) -> None:
        """Count one position in."""
        self.symbols.add(row.symbol)
        self.net = EXACT.add(self.net, Decimal(row.net_pnl))
        self.realized = EXACT.add(self.realized, Decimal(row.realized_pnl))
        self.unrealized = EXACT.add(self.unrealized, Decimal(row.unrealized_pnl))
        position = Decimal(row.position)
        self.open_positions += bool(position)
        self.exposure = EXACT.add(self.exposure, abs(EXACT.multiply(position, Decimal(row.last_price))))
        for currency, fee in _named_fees(row, self.quote).items():
            self.fees[currency] = EXACT.add(self.fees[currency], fee)

    def document(self) -> dict[str, object]:
        """As JSON takes it. Sums that mean nothing are null."""
        sums = {"net": self.net, "realized": self.realized, "unrealized": self.unrealized, "exposure": self.exposure}
        return {
            "quote": self.quote,
            "symbols": len(self.symbols),
            **{name: _text(amount) if self.known else None for name, amount in sums.items()},
            "fees": {currency: _text(fee) for currency, fee in self.fees.items() if currency or self.known},
            "open_positions": self.open_positions,
            "decimals": self.decimals,
        }


def wanted_rows(state: SidecarState, wanted: Filter) -> list[PositionState]:
    """The positions that a filter leaves."""
    if not wanted:
        return state.positions
    return [row for row in state.positions if wanted.takes(row.account, row.strategy, row.symbol)]


def totals(rows: Iterable[PositionState]) -> list[Total]:
    """The sums by currency, the one with the most positions first."""
    found: dict[str, list[PositionState]] = defaultdict(list)
    for row in rows:
        found[pnl_currency(row.symbol)].append(row)
    return [_total(quote, members) for quote, members in sorted(found.items(), key=lambda item: -len(item[1]))]


def books_document(state: SidecarState, read_at: float, wanted: Filter) -> dict[str, object]:
    """What the page's cards and table show. Past MAX_ROWS the open and the most traded positions are shown."""
    rows = wanted_rows(state, wanted)
    shown: Sequence[PositionState] = rows
    if len(rows) > MAX_ROWS:
        shown = sorted(rows, key=lambda row: (row.position == "0", -sum(row.trades.values())))[:MAX_ROWS]
    return {
        "at": read_at,
        "applied": state.applied,
        "incomplete_since": state.incomplete_since,
        "count": len(rows),
        "totals": [total.document() for total in totals(rows)],
        "rows": [_row_document(row, state) for row in shown],
    }


def choices_document(state: SidecarState) -> dict[str, list[str]]:
    """What the filters offer."""
    rows = state.positions
    named = {
        "symbol": {row.symbol for row in rows},
        "account": {row.account for row in rows},
        "strategy": {row.strategy for row in rows},
    }
    return {name: sorted(values)[:MAX_CHOICES] for name, values in named.items()}


def _row_document(row: PositionState, state: SidecarState) -> dict[str, object]:
    quote = pnl_currency(row.symbol)
    return {
        "account": row.account,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "quote": quote,
        "position": row.position,
        "average": row.average_entry_price,
        "last": row.last_price,
        "last_trade": state.symbols[row.symbol].last_trade_ts if row.symbol in state.symbols else None,
        "realized": row.realized_pnl,
        "unrealized": row.unrealized_pnl,
        "net": row.net_pnl,
        "fees": {currency: _text(fee) for currency, fee in _named_fees(row, quote).items()},
        "trades": sum(row.trades.values()),
    }


def _total(quote: str, rows: Sequence[PositionState]) -> Total:
    total = Total(quote, decimals=max(2, min(len(row.last_price.partition(".")[2]) for row in rows)))
    for row in rows:
        total.add(row)
    return total


def _named_fees(row: PositionState, quote: str) -> dict[str, Decimal]:
    """Fees by currency; those sent without one are in the quote currency."""
    fees: dict[str, Decimal] = defaultdict(Decimal)
    for currency, fee in row.fees.items():
        named = quote if currency == "quote" else currency
        fees[named] = EXACT.add(fees[named], Decimal(fee))
    return fees


def _text(amount: Decimal) -> str:
    return format(amount, "f")

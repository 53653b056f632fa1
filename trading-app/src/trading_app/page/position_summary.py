"""Turns the sidecar's state into the page's rows and its totals by currency. No I/O.

The arithmetic is exact; every amount in a document is text with all its digits.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from heapq import nsmallest

from trading_app.page.sidecar_state import SLICE, PositionState, SidecarState
from trading_app.query.trades import Filter
from trading_model.symbols import pnl_currency

MAX_ROWS = 200
"""Maximum number of positions sent to a page; a filter shows the others."""

MAX_CHOICES = 500
"""Maximum number of options of each filter."""

EXACT = Context(prec=1_000, traps=[Inexact])


@dataclass
class Total:
    """Sums over the positions whose P&L is in one currency. `exposure` is the sum of |position| × last price.

    If the currency is unknown, `quote` is empty, and there are sums only if all positions have the same symbol.
    """

    quote: str
    net: Decimal = Decimal()
    realized: Decimal = Decimal()
    unrealized: Decimal = Decimal()
    exposure: Decimal = Decimal()
    fees: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    open_positions: int = 0
    positions: int = 0
    price_decimals: int | None = None
    """Minimum number of decimals among the last prices."""
    symbols: set[str] = field(default_factory=set)

    @property
    def known(self) -> bool:
        """Whether the sums are meaningful: amounts in different or unknown currencies must not be added."""
        return bool(self.quote) or len(self.symbols) == 1

    def add(self, row: PositionState) -> None:
        """Add one position."""
        self.positions += 1
        decimals = len(row.last_price.partition(".")[2])
        self.price_decimals = decimals if self.price_decimals is None else min(decimals, self.price_decimals)
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
        """The total for JSON. Sums that are not `known` are null."""
        sums = {"net": self.net, "realized": self.realized, "unrealized": self.unrealized, "exposure": self.exposure}
        return {
            "quote": self.quote,
            "symbols": len(self.symbols),
            **{name: _text(amount) if self.known else None for name, amount in sums.items()},
            "fees": {currency: _text(fee) for currency, fee in self.fees.items() if currency or self.known},
            "open_positions": self.open_positions,
            "decimals": max(2, self.price_decimals or 0),
        }


def totals_in_slices(rows: Iterable[PositionState]) -> Generator[None, None, list[Total]]:
    """The sums by currency, the one with the most positions first; yields after each SLICE of positions."""
    found: dict[str, Total] = {}
    for number, row in enumerate(rows):
        if number % SLICE == 0:
            yield
        quote = pnl_currency(row.symbol)
        total = found.get(quote)
        if total is None:
            total = found[quote] = Total(quote)
        total.add(row)
    return sorted(found.values(), key=lambda total: -total.positions)


def books_in_slices(state: SidecarState, read_at: float, wanted: Filter) -> Generator[None, None, dict[str, object]]:
    """The data of the page's cards and table. Beyond MAX_ROWS, open and frequently traded positions come first.

    Yields after each SLICE of positions.
    """
    rows: list[PositionState] = []
    ranks: list[tuple[bool, int, int]] = []
    for number, row in enumerate(state.positions):
        if number % SLICE == 0:
            yield
        if wanted.takes(row.account, row.strategy, row.symbol):
            ranks.append((row.position == "0", -sum(row.trades.values()), len(rows)))
            rows.append(row)
    sums = yield from totals_in_slices(rows)
    shown = rows if len(rows) <= MAX_ROWS else [rows[index] for *_, index in nsmallest(MAX_ROWS, ranks)]
    return {
        "at": read_at,
        "applied": state.applied,
        "incomplete_since": state.incomplete_since,
        "count": len(rows),
        "totals": [total.document() for total in sums],
        "rows": [_row_document(row, state) for row in shown],
    }


def choices_document(state: SidecarState) -> dict[str, list[str]]:
    """The options of the filters."""
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


def _named_fees(row: PositionState, quote: str) -> dict[str, Decimal]:
    """Fees by currency. Fees sent without a currency are in the quote currency."""
    fees: dict[str, Decimal] = defaultdict(Decimal)
    for currency, fee in row.fees.items():
        named = quote if currency == "quote" else currency
        fees[named] = EXACT.add(fees[named], Decimal(fee))
    return fees


def _text(amount: Decimal) -> str:
    return format(amount, "f")

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

MAX_ROWS = 200
"""Maximum number of positions sent to a page; a filter shows the others."""

MAX_CHOICES = 500
"""Maximum number of options of each filter."""

EXACT = Context(prec=1_000, traps=[Inexact])


@dataclass
class Total:
    """Sums over the positions whose P&L is in one currency. `exposure` is the sum of |position| × multiplier × last
    price; there is none with an inverse contract. Without a mark of each position there is no unrealised and no net.

    If the currency is unknown, `quote` is empty, and there are sums only if all positions have the same symbol.
    """

    quote: str
    net: Decimal = Decimal()
    realized: Decimal = Decimal()
    unrealized: Decimal = Decimal()
    exposure: Decimal = Decimal()
    fees: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fees_outside_net: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    marked: bool = True
    linear: bool = True
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
        self.realized = EXACT.add(self.realized, Decimal(row.realized_pnl))
        if row.net_pnl is None or row.unrealized_pnl is None:
            self.marked = False
        else:
            self.net = EXACT.add(self.net, Decimal(row.net_pnl))
            self.unrealized = EXACT.add(self.unrealized, Decimal(row.unrealized_pnl))
        position = Decimal(row.position)
        self.open_positions += bool(position)
        self.linear = self.linear and not row.inverse
        worth = EXACT.multiply(EXACT.multiply(position, Decimal(row.multiplier)), Decimal(row.last_price))
        self.exposure = EXACT.add(self.exposure, abs(worth))
        for currency, outside in row.fees_outside_net.items():
            self.fees_outside_net[currency] = EXACT.add(self.fees_outside_net[currency], Decimal(outside))
        for currency, fee in _named_fees(row, self.quote).items():
            self.fees[currency] = EXACT.add(self.fees[currency], fee)

    def document(self) -> dict[str, object]:
        """The total for JSON. Sums that are not `known` are null."""
        sums = {
            "net": self.net if self.marked else None,
            "realized": self.realized,
            "unrealized": self.unrealized if self.marked else None,
            "exposure": self.exposure if self.linear else None,
        }
        return {
            "quote": self.quote,
            "symbols": len(self.symbols),
            **{name: _text(amount) if self.known and amount is not None else None for name, amount in sums.items()},
            "fees": {currency: _text(fee) for currency, fee in self.fees.items() if currency or self.known},
            "fees_outside_net": {currency: _text(fee) for currency, fee in self.fees_outside_net.items()},
            "open_positions": self.open_positions,
            "decimals": max(2, self.price_decimals or 0),
        }


def totals_in_slices(rows: Iterable[PositionState]) -> Generator[None, None, list[Total]]:
    """The sums by currency, the one with the most positions first; yields after each SLICE of positions."""
    found: dict[str, Total] = {}
    for number, row in enumerate(rows):
        if number % SLICE == 0:
            yield
        quote = row.quote
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
        "rows": [_row_document(row) for row in shown],
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


def _row_document(row: PositionState) -> dict[str, object]:
    quote = row.quote
    return {
        "account": row.account,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "position_side": row.position_side,
        "quote": quote,
        "unit": row.unit,
        "position": row.position,
        "average": row.average_entry_price,
        "last": row.last_price,
        "last_trade": row.last_price_ts,
        "realized": row.realized_pnl,
        "unrealized": row.unrealized_pnl,
        "net": row.net_pnl,
        "fees": {currency: _text(fee) for currency, fee in _named_fees(row, quote).items()},
        "fees_outside_net": row.fees_outside_net,
        "flags": row.flags,
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

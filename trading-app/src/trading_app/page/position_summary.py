"""From the sidecar's state to what the page shows of it: rows, and totals by quote currency. No I/O.

The arithmetic is exact; every amount is text with all its digits.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from functools import lru_cache

from trading_app.page.sidecar_state import PositionState, SidecarState
from trading_app.query.trades import Filter

MAX_ROWS = 200
"""So many positions are sent to a browser; a filter brings the others."""

MAX_CHOICES = 500
"""So many values each filter offers."""

UNNAMED_QUOTE = ""
"""The quote currency of symbols that name none, such as a share's."""

_QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "BUSD",
    "TUSD",
    "DAI",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "CHF",
    "TRY",
    "BTC",
    "ETH",
    "BNB",
)
EXACT = Context(prec=1_000, traps=[Inexact])


@lru_cache(maxsize=4_096)
def quote_currency(symbol: str) -> str:
    """What a symbol's price is counted in: USDT for BTC/USDT, BTC-USDT, BTC/USDT:USDT and BTCUSDT."""
    for separator in "/-_":
        _, found, rest = symbol.partition(separator)
        if found:
            return rest.partition(separator)[0].partition(":")[0]
    return next((quote for quote in _QUOTES if symbol.endswith(quote) and symbol != quote), UNNAMED_QUOTE)


@dataclass
class Total:
    """Sums over positions with one quote currency. `exposure` is what they are worth, long or short."""

    quote: str
    net: Decimal = Decimal()
    realized: Decimal = Decimal()
    unrealized: Decimal = Decimal()
    exposure: Decimal = Decimal()
    fees: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    open_positions: int = 0
    decimals: int = 2
    """Of the prices with the fewest: so many are worth showing."""

    def add(self, row: PositionState) -> None:
        """Count one position in."""
        self.net = EXACT.add(self.net, Decimal(row.net_pnl))
        self.realized = EXACT.add(self.realized, Decimal(row.realized_pnl))
        self.unrealized = EXACT.add(self.unrealized, Decimal(row.unrealized_pnl))
        position = Decimal(row.position)
        self.open_positions += bool(position)
        self.exposure = EXACT.add(self.exposure, abs(EXACT.multiply(position, Decimal(row.last_price))))
        for currency, fee in row.fees.items():
            named = self.quote if currency == "quote" else currency
            self.fees[named] = EXACT.add(self.fees[named], Decimal(fee))

    def document(self) -> dict[str, object]:
        """As JSON takes it."""
        return {
            "quote": self.quote,
            "net": _text(self.net),
            "realized": _text(self.realized),
            "unrealized": _text(self.unrealized),
            "exposure": _text(self.exposure),
            "fees": {currency: _text(fee) for currency, fee in self.fees.items()},
            "open_positions": self.open_positions,
            "decimals": self.decimals,
        }


def wanted_rows(state: SidecarState, wanted: Filter) -> list[PositionState]:
    """The positions that a filter leaves."""
    if not wanted:
        return state.positions
    return [row for row in state.positions if wanted.takes(row.account, row.strategy, row.symbol)]


def totals(rows: Iterable[PositionState]) -> list[Total]:
    """The sums by quote currency, the one with the most positions first."""
    found: dict[str, list[PositionState]] = defaultdict(list)
    for row in rows:
        found[quote_currency(row.symbol)].append(row)
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
    quote = quote_currency(row.symbol)
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
        "fees": {quote if currency == "quote" else currency: fee for currency, fee in row.fees.items()},
        "trades": sum(row.trades.values()),
    }


def _total(quote: str, rows: Sequence[PositionState]) -> Total:
    total = Total(quote, decimals=max(2, min(len(row.last_price.partition(".")[2]) for row in rows)))
    for row in rows:
        total.add(row)
    return total


def _text(amount: Decimal) -> str:
    return format(amount, "f")

"""Turns the sidecar's state into the page's rows and its totals by currency. No I/O.

The arithmetic is exact; every amount in a document is text with all its digits. Which currency an amount is in, and
what counts in the net P&L, is the sidecar's decision.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from heapq import nsmallest

from trading_app.page.sidecar_state import (
    POINTS,
    SLICE,
    BaseCurrency,
    CashState,
    CurrencySums,
    PositionState,
    SidecarState,
)
from trading_app.query.filter import Filter

MAX_ROWS = 200
"""Maximum number of positions sent to a page; a filter shows the others."""

MAX_CHOICES = 500
"""Maximum number of options of each filter."""

FLOWS = ("deposit", "withdrawal")
"""Reasons of cash that is never P&L."""

EXACT = Context(prec=1_000, traps=[Inexact])


@dataclass
class Total:
    """Sums over the positions whose P&L is in one currency. `exposure` is the sum of what they are worth, unsigned.

    If the currency is unknown, `currency` is empty, and there are sums only if all positions have the same symbol.
    `unrealized` and `exposure` leave out the `unmarked` positions, which have no price.
    """

    currency: str
    realized: Decimal = Decimal()
    unrealized: Decimal = Decimal()
    fees: Decimal = Decimal()
    cash: Decimal = Decimal()
    exposure: Decimal = Decimal()
    not_in_net: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    by_reason: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Cash with and without a position, by reason; deposits and withdrawals too, which are not in `cash`."""

    unmarked: int = 0
    open_positions: int = 0
    positions: int = 0
    price_decimals: int | None = None
    """Minimum number of decimals among the last prices."""
    symbols: set[str] = field(default_factory=set)
    in_points: bool = False

    @property
    def known(self) -> bool:
        """Whether the sums are meaningful: amounts in different or unknown currencies must not be added."""
        return bool(self.currency) or len(self.symbols) == 1

    def add(self, row: PositionState) -> None:
        """Add one position."""
        self.positions += 1
        self.symbols.add(row.symbol)
        self.in_points = row.unit == POINTS
        self.open_positions += row.position != "0"
        if row.last_price is not None:
            decimals = len(row.last_price.partition(".")[2])
            self.price_decimals = decimals if self.price_decimals is None else min(decimals, self.price_decimals)
        self.realized = EXACT.add(self.realized, Decimal(row.realized_pnl))
        self.fees = EXACT.add(self.fees, Decimal(row.fees_in_net))
        self.cash = EXACT.add(self.cash, Decimal(row.cash))
        self.exposure = EXACT.add(self.exposure, Decimal(row.exposure or 0))
        if row.unrealized_pnl is None:
            self.unmarked += 1
        else:
            self.unrealized = EXACT.add(self.unrealized, Decimal(row.unrealized_pnl))
        for currency, fee in row.fees_outside_net.items():
            self.not_in_net[currency] = EXACT.add(self.not_in_net[currency], Decimal(fee))

    def add_cash(self, cash: CashState, *, of_unknown: "Total | None") -> None:
        """Add money without a trade. That of a symbol and a strategy is in the sum of its position already: in this
        one, or in `of_unknown`, from where it comes here, as in the sidecar's sums, since its own currency is known.
        """
        amount = Decimal(cash.amount)
        self.by_reason[cash.reason] = EXACT.add(self.by_reason[cash.reason], amount)
        if cash.reason in FLOWS:
            return
        if of_unknown is not None:
            of_unknown.cash = EXACT.subtract(of_unknown.cash, amount)
        if of_unknown is not None or not (cash.strategy and cash.symbol):
            self.cash = EXACT.add(self.cash, amount)

    def sums(self) -> CurrencySums:
        """The sums, as the sidecar gives them."""
        unrealized = None if self.unmarked else self.unrealized
        net = EXACT.subtract(EXACT.add(EXACT.add(self.realized, self.unrealized), self.cash), self.fees)
        return CurrencySums(
            _text(self.realized),
            None if unrealized is None else _text(unrealized),
            _text(self.fees),
            _text(self.cash),
            None if unrealized is None else _text(net),
            _texts(self.not_in_net),
        )

    def document(self, sums: CurrencySums) -> dict[str, object]:
        """The total for JSON. Sums that are not `known` are null."""
        amounts = {
            "net": sums.net_pnl,
            "realized": sums.realized_pnl,
            "unrealized": sums.unrealized_pnl,
            "fees": sums.fees,
            "cash": sums.cash,
            "exposure": _text(self.exposure),
        }
        return {
            "currency": self.currency,
            "in_points": self.in_points,
            "symbols": len(self.symbols),
            **(amounts if self.known else dict.fromkeys(amounts)),
            "not_in_net": sums.not_in_net,
            "cash_by_reason": _texts(self.by_reason),
            "open_positions": self.open_positions,
            "unmarked": self.unmarked,
            "decimals": max(2, self.price_decimals or 0),
        }


def totals_in_slices(rows: Iterable[PositionState], cash: Iterable[CashState]) -> Generator[None, None, list[Total]]:
    """The sums by currency, the one with the most positions first; yields after each SLICE of positions."""
    found: dict[str, Total] = {}
    in_unknown = set[tuple[str, str, str, str | None]]()
    """Positions in points, whose cash is in a currency all the same."""
    for number, row in enumerate(rows):
        if number % SLICE == 0:
            yield
        currency = row.sum_currency
        total = found.get(currency)
        if total is None:
            total = found[currency] = Total(currency)
        total.add(row)
        if not currency:
            in_unknown.add((row.account, row.strategy, row.symbol, row.currency))
    for money in cash:
        owner = (money.account, money.strategy, money.symbol, money.currency)
        of_unknown = found[""] if owner in in_unknown else None
        found.setdefault(money.currency, Total(money.currency)).add_cash(money, of_unknown=of_unknown)
    return sorted(found.values(), key=lambda total: -total.positions)


def books_in_slices(state: SidecarState, read_at: float, wanted: Filter) -> Generator[None, None, dict[str, object]]:
    """The data of the page's cards and table. Beyond MAX_ROWS, open and frequently traded positions come first.

    Yields after each SLICE of positions. Without a filter, the totals are the sidecar's own.
    """
    rows: list[PositionState] = []
    ranks: list[tuple[bool, int, int]] = []
    for number, row in enumerate(state.positions):
        if number % SLICE == 0:
            yield
        if any(wanted.takes(row.account, row.strategy, symbol) for symbol in row.symbols):
            ranks.append((row.position == "0", -sum(row.trades.values()), len(rows)))
            rows.append(row)
    cash = [money for money in state.cash if wanted.takes(money.account, money.strategy, money.symbol)]
    totals = yield from totals_in_slices(rows, cash)
    shown = rows if len(rows) <= MAX_ROWS else [rows[index] for *_, index in nsmallest(MAX_ROWS, ranks)]
    return {
        "at": read_at,
        "applied": state.applied,
        "incomplete_since": state.incomplete_since,
        "recomputing": state.totals.recomputing,
        "count": len(rows),
        "totals": [total.document((not wanted and state.sums(total.currency)) or total.sums()) for total in totals],
        "base": None if wanted or state.base_currency is None else _base_document(state.base_currency),
        "rows": [_row_document(row) for row in shown],
    }


def choices_document(state: SidecarState) -> dict[str, list[str]]:
    """The options of the filters."""
    rows = state.positions
    named = {
        "symbol": {symbol for row in rows for symbol in row.symbols},
        "account": {row.account for row in rows},
        "strategy": {row.strategy for row in rows},
    }
    return {name: sorted(values)[:MAX_CHOICES] for name, values in named.items()}


def _row_document(row: PositionState) -> dict[str, object]:
    return {
        "account": row.account,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "symbols": row.symbols,
        "side": row.position_side,
        "currency": row.sum_currency,
        "in_points": row.unit == POINTS,
        "position": row.position,
        "average": row.average_entry_price,
        "last": row.last_price,
        "last_at": row.last_price_ts,
        "source": row.mark_source,
        "realized": row.realized_pnl,
        "unrealized": row.unrealized_pnl,
        "fees": row.fees_in_net,
        "cash": row.cash,
        "net": row.net_pnl,
        "not_in_net": row.fees_outside_net,
        "flags": row.flags,
    }


def _base_document(base: BaseCurrency) -> dict[str, object]:
    """The totals over everything in one currency; they have no filter."""
    missing = [{"part": one.part, "currency": one.currency or "", "amount": one.amount} for one in base.dated.missing]
    return {
        "currency": base.currency,
        "net": base.dated.net_pnl,
        "net_at_current_rates": base.at_current_rates.net_pnl,
        "missing": missing,
    }


def _texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: _text(amount) for name, amount in amounts.items()}


def _text(amount: Decimal) -> str:
    return format(amount, "f")

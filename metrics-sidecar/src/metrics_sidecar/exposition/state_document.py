"""The JSON of `GET /state`; every price, quantity and amount is a string of plain digits. No I/O."""

from collections import defaultdict
from collections.abc import Generator, Iterator
from decimal import Decimal

import msgspec

from metrics_sidecar.exposition.base_currency import base_document
from metrics_sidecar.exposition.text import SLICE
from trading_model.accounting.base_currency import Amounts, Held, Totals, totals
from trading_model.accounting.cash import CashKey
from trading_model.accounting.dated import NOTHING, NOTHING_DATED, Dated, DatedSum
from trading_model.accounting.figures import NO_MARK, Figures, exposure, figures, flags, mark_of
from trading_model.accounting.market_marks import MarketMark
from trading_model.accounting.marks import ACCOUNT_SEPARATOR, Mark
from trading_model.accounting.positions import PositionSnapshot
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.totals import TotalsSnapshot
from trading_model.decimals import ZERO, exactly, show
from trading_model.rates import Rates
from trading_model.symbols import same_currency

STALE_MARK = "stale_mark"
NO_MARKET_PRICE = "no_market_price"
"""Flags of a position that the market should mark."""

Document = dict[str, object]
_encode = msgspec.json.Encoder().encode


def render_state(head: Document, moment: StateSnapshot, rates: Rates, now: str) -> Iterator[bytes]:
    """The JSON object in pieces: the members of `head`, then totals, symbols and positions.

    `rates` are those of the ledger, `now` is RFC 3339 in UTC: for the totals in the base currency.

    Pieces of SLICE items, so that other tasks can run in between; each is encoded as an array or object, and its
    brackets are cut off.
    """
    yield _encode({**head, **_summary(moment)})[:-1] + b',"symbols":{'
    marks = [(name, mark) for name, mark in moment.last.items() if mark.ts and ACCOUNT_SEPARATOR not in name]
    for start in range(0, len(marks), SLICE):
        yield (b"," if start else b"") + _encode(_symbols(marks[start : start + SLICE]))[1:-1]
    yield b'},"positions":['
    sums = CurrencySums(moment)
    counters = _totals_of_positions(moment)
    for start in range(0, len(moment.positions), SLICE):
        documents = _position_documents(moment, start, counters, sums)
        yield (b"," if start else b"") + _encode(documents)[1:-1]
    yield b'],"by_currency":' + _encode(sums.document())
    if moment.base_currency:
        yield b',"base_currency":' + _encode(base_document(sums.base_totals(rates, now)))
    yield b"}\n"


def _summary(moment: StateSnapshot) -> Document:
    everything = [*moment.totals, moment.other]
    buys, sells = sum(held.buy_trades for held in everything), sum(held.sell_trades for held in everything)
    return {
        "totals": {
            "trades": buys + sells,
            "buys": buys,
            "sells": sells,
            "rejected": moment.rejected,
            "events": moment.events,
            "late": moment.late,
            "recomputing": moment.recomputing,
            "positions": len(moment.positions),
            "positions_limit": moment.limit,
        },
        "incomplete_since": moment.incomplete_since or None,
        "other": _totals_document(moment.other) | {"fees": _amounts(moment.other.fees)},
        "cash": [_cash_document(key, amount) for key, amount in moment.cash],
    }


def _symbols(marks: list[tuple[str, Mark]]) -> Document:
    return {symbol: _symbol_document(mark) for symbol, mark in marks}


def _symbol_document(mark: Mark) -> Document:
    if not isinstance(mark, MarketMark):
        return {"last_price": show(mark.price), "last_trade_ts": mark.ts}
    last = mark.ledger
    document: Document = {"last_price": show(last.price), "last_trade_ts": last.ts} if last.ts else {}
    of_market = {"price": show(mark.price), "ts": mark.ts, "source": mark.source, "stale": mark.is_stale}
    return {**document, "mark": of_market}


def _totals_of_positions(moment: StateSnapshot) -> list[list[TotalsSnapshot]]:
    """The counters of each position: of all symbols as sent that belong to it.

    Positions of the two sides of one symbol share counters; the first of them has them.
    """
    by_key = {(held.account, held.strategy, held.symbol): held for held in moment.totals}
    totals: list[list[TotalsSnapshot]] = [[] for _ in moment.positions]
    for line in moment.lines:
        held = by_key.pop(line.key[:3], None)
        if held is not None:
            totals[line.position].append(held)
    return totals


@exactly
def _position_documents(
    moment: StateSnapshot, start: int, totals: list[list[TotalsSnapshot]], sums: "CurrencySums"
) -> list[Document]:
    documents = []
    for index, held in enumerate(moment.positions[start : start + SLICE], start):
        mark = moment.last[held.market]
        shown = figures(held, mark_of(held, mark))
        sums.add(held, shown)
        documents.append(_position_document(held, mark, shown, totals[index]))
    return documents


def _position_document(held: PositionSnapshot, mark: Mark, shown: Figures, totals: list[TotalsSnapshot]) -> Document:
    key, terms, price = held.key, held.terms, mark_of(held, mark)
    document: Document = {
        "account": key.account,
        "strategy": key.strategy,
        "symbol": key.symbol,
        **_totals_document(_sum_of(totals, held)),
        "fees": _amounts(held.state.fees),
        "position": show(held.state.quantity),
        "average_entry_price": show(shown.average_entry_price),
        "last_price": _or_null(price),
        "realized_pnl": show(shown.realized_pnl),
        "unrealized_pnl": _or_null(shown.unrealized_pnl),
        "net_pnl": _or_null(shown.net_pnl),
        "currency": key.currency or None,
        "fees_in_net": show(shown.fees),
        "fees_outside_net": _amounts(held.state.fees_outside),
        "cash": show(shown.cash),
        "exposure": _or_null(None if price is None else exposure(held, price)),
        "last_price_ts": mark.ts or None,
        "multiplier": show(terms.multiplier),
        "unit": "points" if terms.in_points else key.currency or None,
        "flags": [*flags(held), *_mark_flags(held, mark, shown)],
    }
    if isinstance(mark, MarketMark):
        document["mark_source"] = mark.source
    if key.position_side:
        document["position_side"] = key.position_side
    if terms.inverse:
        document["inverse"] = True
    if shown.rounded:
        document["rounded"] = True
    if aliases := sorted({one.symbol for one in totals} - {key.symbol}):
        document["symbols_as_sent"] = aliases
    return document


def _mark_flags(held: PositionSnapshot, mark: Mark, shown: Figures) -> list[str]:
    if shown.unrealized_pnl is None:
        return [NO_MARK]
    if isinstance(mark, MarketMark) and mark.is_stale and held.state.quantity:
        return [NO_MARKET_PRICE if mark.is_missing else STALE_MARK]
    return []


class CurrencySums:
    """The sums of the figures by currency: amounts of different or unknown currencies are never added.

    What is in points, or in an unknown currency, is under `unknown` by symbol. Where open positions have no mark,
    `unmarked` says how many, and what depends on them is null.
    """

    def __init__(self, moment: StateSnapshot) -> None:
        self._sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        self._outside: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        self._income: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._unknown: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        self._moment = moment
        self._dated: dict[str, Dated] = {}
        for key, amount in moment.cash:
            if key.is_income:
                self._income[key.currency] += amount

    def add(self, held: PositionSnapshot, shown: Figures) -> None:
        """Add a position. Call it under the EXACT context."""
        unknown = held.terms.in_points or not held.key.currency
        dated = held.state.dated
        if dated is not None and not unknown:
            self._dated[held.key.currency] = self._dated.get(held.key.currency, NOTHING_DATED) + dated
        sums = self._unknown[held.key.symbol] if unknown else self._sums[held.key.currency]
        sums["realized_pnl"] += shown.realized_pnl
        sums["fees"] += shown.fees
        sums["income"] += held.state.income
        sums["rounded"] += shown.rounded
        if shown.unrealized_pnl is None:
            sums["unmarked"] += 1
        else:
            sums["unrealized_pnl"] += shown.unrealized_pnl
        for currency, fee in held.state.fees_outside.items():
            self._outside[held.key.symbol if unknown else held.key.currency][currency] += fee

    @exactly
    def document(self) -> Document:
        """The sums by currency: net = realised + unrealised − fees + cash, where cash is all income in the currency."""
        document: Document = {
            currency: self._one(self._sums[currency], self._income[currency], self._outside[currency])
            for currency in sorted({*self._sums, *self._income})
        }
        unknown = {
            symbol: self._one(sums, ZERO, self._outside[symbol]) for symbol, sums in sorted(self._unknown.items())
        }
        return {**document, "unknown": unknown} if unknown else document

    @exactly
    def base_totals(self, rates: Rates, now: str) -> Totals:
        """The totals in the base currency."""
        base, cash_sums = self._moment.base_currency, self._moment.dated_cash_sums
        held = []
        for currency in {*self._sums, *self._income}:
            sums = self._sums[currency]
            dated = self._dated.get(currency, NOTHING_DATED)
            if same_currency(currency, base):
                dated = Dated(DatedSum(sums["realized_pnl"]), DatedSum(sums["fees"]), DatedSum(sums["income"]))
            cash = cash_sums.get(currency, NOTHING) + dated.income
            amounts = _base_amounts(sums, self._income[currency])
            outside, unmarked, rounded = self._outside[currency], bool(sums["unmarked"]), bool(sums["rounded"])
            held.append(Held(currency, amounts, dated.realized_pnl, dated.fees, cash, outside, unmarked, rounded))
        for symbol, sums in self._unknown.items():
            amounts = _base_amounts(sums, ZERO)
            realized, fees, income = (
                DatedSum(without_rate=one) for one in (amounts.realized_pnl, amounts.fees, amounts.cash)
            )
            outside, unmarked, rounded = self._outside[symbol], bool(sums["unmarked"]), bool(sums["rounded"])
            held.append(Held("", amounts, realized, fees, income, outside, unmarked, rounded))
        return totals(held, base, rates, now)

    def _one(self, sums: dict[str, Decimal], cash: Decimal, outside: dict[str, Decimal]) -> Document:
        realized, fees, cash = sums["realized_pnl"], sums["fees"], cash + sums["income"]
        unrealized = None if sums["unmarked"] else sums["unrealized_pnl"]
        return {
            "realized_pnl": show(realized),
            "unrealized_pnl": _or_null(unrealized),
            "fees": show(fees),
            "cash": show(cash),
            "net_pnl": None if unrealized is None else show(realized + unrealized - fees + cash),
            "unmarked": int(sums["unmarked"]),
            "not_in_net": _amounts(outside),
        }


def sum_by_currency(moment: StateSnapshot) -> Generator[None, None, CurrencySums]:
    """The sums over all positions, in slices of SLICE."""
    sums = CurrencySums(moment)
    for start in range(0, len(moment.positions), SLICE):
        _add_slice(sums, moment, start)
        yield
    return sums


@exactly
def _add_slice(sums: CurrencySums, moment: StateSnapshot, start: int) -> None:
    for held in moment.positions[start : start + SLICE]:
        sums.add(held, figures(held, mark_of(held, moment.last[held.market])))


def _base_amounts(sums: dict[str, Decimal], cash: Decimal) -> Amounts:
    return Amounts(sums["realized_pnl"], sums["unrealized_pnl"], sums["fees"], cash + sums["income"])


def _sum_of(totals: list[TotalsSnapshot], held: PositionSnapshot) -> TotalsSnapshot:
    """The sum of counters: of the symbols as sent of one position."""
    if len(totals) == 1:
        return totals[0]
    key = held.key
    return TotalsSnapshot(
        key.account,
        key.strategy,
        key.symbol,
        sum(one.buy_trades for one in totals),
        sum((one.buy_volume for one in totals), ZERO),
        sum((one.buy_notional for one in totals), ZERO),
        sum(one.sell_trades for one in totals),
        sum((one.sell_volume for one in totals), ZERO),
        sum((one.sell_notional for one in totals), ZERO),
    )


def _totals_document(held: TotalsSnapshot) -> Document:
    return {
        "trades": {"buy": held.buy_trades, "sell": held.sell_trades},
        "volume": {"buy": show(held.buy_volume), "sell": show(held.sell_volume)},
        "notional": {"buy": show(held.buy_notional), "sell": show(held.sell_notional)},
    }


def _or_null(amount: Decimal | None) -> str | None:
    return None if amount is None else show(amount)


def _amounts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {currency: show(amount) for currency, amount in amounts.items()}


def _cash_document(key: CashKey, amount: Decimal) -> Document:
    return {**{name: value for name, value in key._asdict().items() if value}, "amount": show(amount)}

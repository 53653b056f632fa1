"""Marks by the market, where an instrument says so: laid over a moment of the ledger when it is shown. No I/O.

The ledger's state never holds them, so no market can hold it up, and a rebuild does not depend on one. A pair that is
held is marked by the spot market with the same base and quote currency, never a contract. While the price of the market
is recent, that is the mark. Else the mark is the later one of the market's price and the ledger's own, and it is stale.
"""

from collections.abc import Generator

import msgspec

from trading_model.accounting.marks import Mark
from trading_model.accounting.order import order_of_other
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.instruments import Terms
from trading_model.market_prices import MarketPrice, MarketPrices, Pair

MARKET = "market"
"""What the member `mark` of an instrument says."""

LAST = "last"
"""The source of a mark that is the ledger's own last price."""

NANOSECONDS = 1_000_000_000

SLICE = 64
"""Positions or markets between two yields: a fraction of a millisecond."""


class MarketMark(Mark, frozen=True, gc=False):
    """The mark of a symbol that the market marks. `source` is the venue, or LAST; `ledger` is the ledger's own mark.

    `is_missing`: the market has no price for it.
    """

    source: str
    is_stale: bool
    is_missing: bool
    ledger: Mark


def with_market_marks(
    moment: StateSnapshot, prices: MarketPrices, now_ns: int, max_age_seconds: float
) -> Generator[None, None, StateSnapshot]:
    """The moment with the marks of the market in their places in `last`; in slices, for many positions."""
    wanted: dict[str, Terms] = {}
    for start in range(0, len(moment.positions), SLICE):
        for held in moment.positions[start : start + SLICE]:
            if held.terms.mark == MARKET:
                wanted[held.market] = held.terms
        yield
    marks, recent_ns = moment.last.copy(), now_ns - int(max_age_seconds * NANOSECONDS)
    for number, (market, terms) in enumerate(wanted.items(), 1):
        marks[market] = _mark(marks[market], _price_of(terms, prices), recent_ns)
        if number % SLICE == 0:
            yield
    return msgspec.structs.replace(moment, last=marks)


def _price_of(terms: Terms, prices: MarketPrices) -> MarketPrice | None:
    """The price of the spot market that marks a symbol; None for a contract, or where the currency is unknown."""
    return prices.of(Pair(terms.base, terms.quote)) if terms.spot and terms.currency else None


def _mark(ledger: Mark, price: MarketPrice | None, recent_ns: int) -> MarketMark:
    if price is None:
        return MarketMark(ledger.price, ledger.ts, LAST, is_stale=True, is_missing=True, ledger=ledger)
    is_stale = price.at_ns < recent_ns
    if is_stale and ledger.ts and _time(ledger.ts) > _time(price.ts):
        return MarketMark(ledger.price, ledger.ts, LAST, is_stale=True, is_missing=False, ledger=ledger)
    return MarketMark(price.price, price.ts, price.venue, is_stale=is_stale, is_missing=False, ledger=ledger)


def _time(ts: str) -> str:
    return order_of_other(ts, 0, 0).time

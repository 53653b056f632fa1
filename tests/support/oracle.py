"""The books, kept the plain way: one trade after the other, with fractions, straight from the definitions.

It shares nothing with the product but the rules of the accounting, so that an error is not made twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any


@dataclass
class Book:
    """One account, strategy and symbol."""

    trades: dict[str, int] = field(default_factory=lambda: {"buy": 0, "sell": 0})
    volume: dict[str, Fraction] = field(default_factory=lambda: {"buy": Fraction(), "sell": Fraction()})
    notional: dict[str, Fraction] = field(default_factory=lambda: {"buy": Fraction(), "sell": Fraction()})
    fees: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    position: Fraction = Fraction()
    average: Fraction = Fraction()
    realized: Fraction = Fraction()
    base_fees: Fraction = Fraction()

    def unrealized(self, mark: Fraction) -> Fraction:
        """What closing at `mark` would bring."""
        return self.position * (mark - self.average)

    def fill(self, side: str, price: Fraction, qty: Fraction) -> None:
        """Count a fill, and move the position."""
        self.trades[side] += 1
        self.volume[side] += qty
        self.notional[side] += price * qty
        self.move(side, price, qty)

    def charge_base(self, price: Fraction, fee: Fraction) -> None:
        """A fee in the base of a spot comes off the position, valued at the price of its fill."""
        if fee:
            self.move("sell" if fee > 0 else "buy", price, abs(fee))
        self.base_fees += fee * price

    def move(self, side: str, price: Fraction, qty: Fraction) -> None:
        """Average cost: with the position the average moves, against it P&L is realised, the rest opens there."""
        signed = qty if side == "buy" else -qty
        if self.position * signed >= 0:
            total = abs(self.position) + qty
            self.average = (abs(self.position) * self.average + qty * price) / total
            self.position += signed
            return
        closed = min(qty, abs(self.position))
        self.realized += closed * (price - self.average) * (1 if self.position > 0 else -1)
        self.position += signed
        if self.position == 0:
            self.average = Fraction()
        elif closed < qty:
            self.average = price


@dataclass
class Books:
    """All of them, and the last price of each symbol."""

    books: dict[tuple[str, str, str], Book] = field(default_factory=lambda: defaultdict(Book))
    marks: dict[str, Fraction] = field(default_factory=dict)
    count: int = 0


def keep_books(trades: Iterable[Mapping[str, Any]]) -> Books:
    """The books of trades as sent; numbers as text or as parsed with `parse_float=str`."""
    kept = Books()
    for trade in trades:
        key = (trade.get("account", "default"), trade.get("strategy", "default"), trade["symbol"])
        price, qty = Fraction(str(trade["price"])), Fraction(str(trade["qty"]))
        kept.books[key].fill(trade["side"], price, qty)
        if trade.get("fee") is not None:
            fee, currency = Fraction(str(trade["fee"])), trade.get("fee_currency", "quote")
            kept.books[key].fees[currency] += fee
            if currency == _base(trade["symbol"]):
                kept.books[key].charge_base(price, fee)
        kept.marks[trade["symbol"]] = price
        kept.count += 1
    return kept


def shows(text: str, exact: Fraction) -> bool:
    """Whether a figure, as shown, is the exact one rounded (half to even) to the digits shown."""
    decimals = len(text.partition(".")[2])
    return Fraction(text) == Fraction(round(exact * 10**decimals), 10**decimals)


def expected_samples(kept: Books) -> dict[str, Fraction]:
    """Every sample of the contract that the books give, by its name and labels as exposed."""
    samples: dict[str, Fraction] = {}
    for (account, strategy, symbol), book in kept.books.items():
        labels = f'account="{account}",strategy="{strategy}",symbol="{symbol}"'
        for side in ("buy", "sell"):
            samples[f'trading_trades_total{{{labels},side="{side}"}}'] = Fraction(book.trades[side])
            samples[f'trading_volume_total{{{labels},side="{side}"}}'] = book.volume[side]
            samples[f'trading_notional_total{{{labels},side="{side}"}}'] = book.notional[side]
        for currency, fee in book.fees.items():
            samples[f'trading_fees{{{labels},currency="{currency}"}}'] = fee
        unrealized = book.unrealized(kept.marks[symbol])
        in_quote = sum((fee for currency, fee in book.fees.items() if _is_quote(currency, symbol)), Fraction())
        samples[f"trading_position{{{labels}}}"] = book.position
        samples[f"trading_average_entry_price{{{labels}}}"] = book.average
        samples[f"trading_realized_pnl{{{labels}}}"] = book.realized
        samples[f"trading_unrealized_pnl{{{labels}}}"] = unrealized
        samples[f"trading_net_pnl{{{labels}}}"] = book.realized + unrealized - in_quote - book.base_fees
    for symbol, mark in kept.marks.items():
        samples[f'trading_last_price{{symbol="{symbol}"}}'] = mark
    return samples


def _base(symbol: str) -> str:
    return {"BTCUSDT": "BTC"}.get(symbol, symbol.replace("-", "/").partition("/")[0])


def _is_quote(currency: str, symbol: str) -> bool:
    """The tests' symbols are `BASE/QUOTE`, `BASE-QUOTE` and BTCUSDT."""
    quote = {"BTCUSDT": "USDT"}.get(symbol, symbol.replace("-", "/").partition("/")[2])
    return currency in ("quote", quote)

"""A simulated market and two strategies that trade in it. No I/O: the same seed gives the same trades on every machine.

Prices and quantities are whole ticks and lots until they are written, so every amount is exact. Random numbers are
integers: floating point could differ in the last digit between machines.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from random import Random
from typing import Literal, NamedTuple

_EXACT = Context(prec=38, rounding=ROUND_HALF_EVEN)
_FEE_STEP = Decimal("0.00000001")
_AVERAGED = 8  # the slow average's time constant, in moves

MAKER_FEE = Decimal("-0.00005")
"""The market maker's share of the notional: a rebate."""

TAKER_FEE = Decimal("0.00075")
"""The trend follower's share of the notional."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol and its simulation. `start` is its first price; `tick` and `lot` the steps of price and quantity.

    `step` is the maximum random move between two trades and `spread` half the maker's spread, both in ticks. `clip` is
    the maximum usual trade, in lots.
    """

    symbol: str
    start: Decimal
    tick: Decimal
    lot: Decimal
    step: int
    spread: int
    clip: int

    @property
    def base(self) -> str:
        """The currency of its quantities."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency of its prices."""
        return self.symbol.partition("/")[2]


INSTRUMENTS = (
    Instrument("BTC/USDT", Decimal("64250.00"), Decimal("0.01"), Decimal("0.00001"), 1_500, 150, 20_000),
    Instrument("ETH/USDT", Decimal("3120.00"), Decimal("0.01"), Decimal("0.0001"), 120, 12, 30_000),
    Instrument("SOL/USDT", Decimal("148.00"), Decimal("0.01"), Decimal("0.001"), 8, 1, 40_000),
    Instrument("BNB/USDT", Decimal("585.00"), Decimal("0.01"), Decimal("0.001"), 20, 2, 5_000),
    Instrument("XRP/ETH", Decimal("0.00018500"), Decimal("0.00000001"), Decimal("0.1"), 10, 1, 30_000),
)


class DemoTrade(NamedTuple):
    """One simulated fill; the amounts are as in a Trade."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Decimal
    qty: Decimal
    strategy: str
    fee: Decimal
    fee_currency: str


class Fee(NamedTuple):
    """A share of the notional, paid in `currency`; `price` is that currency's price in the quote currency."""

    share: Decimal
    currency: str
    price: Decimal = Decimal(1)


PriceOf = Callable[[str, str], Decimal | None]
"""The price of a base currency in a quote currency; None if there is none."""


def no_price(_base: str, _quote: str) -> None:
    """No market is followed: all prices are made up here."""


def trades(seed: int, price_of: PriceOf = no_price) -> Iterator[DemoTrade]:
    """An endless stream of trades, at the prices of a followed market where it has one."""
    chance = Random(seed)
    market = _Market()
    maker, follower = _MarketMaker(chance), _TrendFollower(market, chance)
    while True:
        book = chance.choice(market.books)
        known = price_of(book.instrument.base, book.instrument.quote)
        if known is None:
            book.move(chance)
        else:
            book.set(known)
        followed = follower.trade(book) if chance.randrange(3) == 0 else None
        yield followed or maker.trade(book)


class _Book:
    """One instrument's price and current drift, in ticks."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.price = int(instrument.start / instrument.tick)
        self._sum = self.price * _AVERAGED
        self._min_price = self.price // 4
        self._drift = 0

    def move(self, chance: Random) -> None:
        """Move the price: a random walk with a drift that changes now and then, so that the trend follower trades."""
        step = self.instrument.step
        if chance.randrange(60) == 0:
            self._drift = chance.randint(-step // 4, step // 4)
        self._take(max(self._min_price, self.price + chance.randint(-step, step) + self._drift))

    def set(self, price: Decimal) -> None:
        """Take the price of a followed market, to the tick."""
        self._take(max(1, int(price / self.instrument.tick)))

    def _take(self, price: int) -> None:
        self.price = price
        self._sum += self.price - self.average

    @property
    def average(self) -> int:
        """The slow average of the price, in ticks."""
        return self._sum // _AVERAGED

    def trade(self, strategy: str, lots: int, ticks: int, fee: Fee) -> DemoTrade:
        """A fill of `lots` (negative: a sale) at a price of `ticks`."""
        instrument = self.instrument
        price, qty = _EXACT.multiply(ticks, instrument.tick), _EXACT.multiply(abs(lots), instrument.lot)
        side: Literal["buy", "sell"] = "buy" if lots > 0 else "sell"
        amount = _fee_amount(price, qty, fee)
        return DemoTrade(instrument.symbol, side, price, qty, strategy, amount, fee.currency)


class _Market:
    """The books of all instruments."""

    def __init__(self) -> None:
        self.books = [_Book(instrument) for instrument in INSTRUMENTS]
        self._by_symbol = {book.instrument.symbol: book for book in self.books}

    def price(self, base: str, quote: str) -> Decimal:
        """The current price of one currency in another, through USDT."""
        return _EXACT.divide(self._in_usdt(base), self._in_usdt(quote))

    def _in_usdt(self, currency: str) -> Decimal:
        if currency == "USDT":
            return Decimal(1)
        book = self._by_symbol[f"{currency}/USDT"]
        return _EXACT.multiply(book.price, book.instrument.tick)


class _MarketMaker:
    """Quotes both sides and earns rebates. The larger its position, the likelier its next fill reduces it."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._positions: dict[str, int] = {}

    def trade(self, book: _Book) -> DemoTrade:
        instrument = book.instrument
        held = self._positions.get(instrument.symbol, 0)
        limit = 4 * instrument.clip
        buys = self._chance.randint(-limit, limit) >= held
        size = self._chance.randint(1, instrument.clip)
        if self._chance.randrange(6) == 0 and held and buys == (held < 0):
            size = abs(held)  # closes exactly
        lots = size if buys else -size
        self._positions[instrument.symbol] = held + lots
        ticks = book.price - instrument.spread if buys else book.price + instrument.spread
        return book.trade("market-maker", lots, ticks, Fee(MAKER_FEE, instrument.quote))


class _TrendFollower:
    """Follows the trend, long or short, and is flat without one. Pays fees, mostly in BNB."""

    def __init__(self, market: _Market, chance: Random) -> None:
        self._market = market
        self._chance = chance
        self._positions: dict[str, int] = {}

    def trade(self, book: _Book) -> DemoTrade | None:
        """The bot's fill, or None while its position suits the trend."""
        instrument = book.instrument
        held = self._positions.get(instrument.symbol, 0)
        trend = self._trend(book)
        patient = trend == 0 and self._chance.randrange(8) > 0  # waits a little: a trend that fades may come back
        if patient or trend == _sign(held):
            return None
        target = trend * self._chance.randint(instrument.clip, 2 * instrument.clip)
        self._positions[instrument.symbol] = target
        return book.trade("trend-follower", target - held, book.price, self._fee(instrument.quote))

    def _trend(self, book: _Book) -> int:
        distance = book.price - book.average
        return _sign(distance) if abs(distance) > book.instrument.step else 0

    def _fee(self, quote: str) -> Fee:
        if self._chance.randrange(4) == 0:
            return Fee(TAKER_FEE, quote)
        return Fee(TAKER_FEE, "BNB", self._market.price("BNB", quote))


def _fee_amount(price: Decimal, qty: Decimal, fee: Fee) -> Decimal:
    in_quote = _EXACT.multiply(_EXACT.multiply(price, qty), fee.share)
    return _EXACT.quantize(_EXACT.divide(in_quote, fee.price), _FEE_STEP)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)

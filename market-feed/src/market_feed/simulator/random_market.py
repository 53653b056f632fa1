"""A believable market, endless: prices wander, trades come in bursts. No I/O: the same seed gives the same ticks.

Prices and quantities are whole ticks and lots until they are written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from market_feed.simulator.tape import FIRST_AGGREGATE, Tick
from market_feed.times import Unit, as_text

STARTS = {"BTC": 6_425_000, "ETH": 312_000, "SOL": 14_800, "BNB": 58_500}
"""First prices by base currency, in hundredths of the quote currency; 10,000 for others."""

BURST, CALM = 0.15, 2.5
"""Share of trades that follow within milliseconds, and how much longer than the average the others wait."""


MINUTE_MS = 60_000
LOTS = 100_000
"""Lots of one unit of the base currency."""


@dataclass(slots=True)
class _Minute:
    """The candle of a minute that is not over."""

    number: int
    prices: list[int] = field(default_factory=list)
    lots: int = 0


@dataclass(slots=True)
class _Book:
    symbol: str
    price: int
    number: int = 0
    aggregate: int = FIRST_AGGREGATE - 1
    minute: _Minute | None = None

    @property
    def code(self) -> str:
        return self.symbol.replace("-", "")


def random_ticks(symbols: Sequence[str], rate: float, start_ns: int, seed: int) -> Iterator[Tick]:
    """Trades, aggregates, best prices, matches and closed candles of these symbols (BASE-QUOTE), in order of time.

    `rate` is trades a second in all; `start_ns` is Unix time in nanoseconds.
    """
    chance = Random(seed)
    books = [_Book(symbol, STARTS.get(symbol.partition("-")[0], 10_000)) for symbol in symbols]
    now_ns = float(start_ns)
    while True:
        average = 1e9 / rate
        now_ns += average * 0.02 if chance.random() < BURST else chance.expovariate(1 / (average * 1.17))
        yield from _one(chance.choice(books), chance, int(now_ns))


def _one(book: _Book, chance: Random, now_ns: int) -> Iterator[Tick]:
    """A trade and what goes with it."""
    step = max(book.price // 20_000, 1)
    book.price = max(book.price + chance.randint(-step, step), 100)
    book.number += 1
    book.aggregate += 1
    maker_buys = chance.random() < 0.5
    lots = chance.randint(1, LOTS - 1)
    price, qty = _price(book.price), _qty(lots)
    time_ms, code = now_ns // 1_000_000, book.code
    yield from _candle(book, now_ns, lots)
    number, stream = book.number, code.lower()
    # The members in the venue's order: readers may rely on it to be quick.
    said, end = {"p": price, "q": qty}, {"T": time_ms, "m": maker_buys, "M": True}
    single = {"e": "trade", "E": time_ms, "s": code, "t": number, **said, **end}
    ids = {"f": number, "l": number}
    aggregate = {"e": "aggTrade", "E": time_ms, "s": code, "a": book.aggregate, **said, **ids, **end}
    yield Tick(now_ns, f"{stream}@trade", single)
    yield Tick(now_ns, f"{stream}@aggTrade", aggregate)
    ask = book.price + 1
    quote = {"u": number, "s": code, "b": price, "B": qty, "a": _price(ask), "A": qty}
    yield Tick(now_ns, f"{stream}@bookTicker", quote)
    match = {"type": "match", "trade_id": number, "sequence": 2 * number, "product_id": book.symbol, "size": qty}
    match |= {"price": price, "side": "buy" if maker_buys else "sell", "time": as_text(time_ms, Unit.MILLISECOND)}
    yield Tick(now_ns, f"{book.symbol}@matches", match)


def _candle(book: _Book, now_ns: int, lots: int) -> Iterator[Tick]:
    """Add a trade to the candle of its minute; the candle before it, once a minute is over."""
    number = now_ns // 1_000_000 // MINUTE_MS
    minute = book.minute
    if minute is not None and minute.number != number:
        start_ms, prices = minute.number * MINUTE_MS, minute.prices
        kline = {"t": start_ms, "T": start_ms + MINUTE_MS - 1, "s": book.code, "i": "1m", "n": len(prices), "x": True}
        kline |= {"o": _price(prices[0]), "h": _price(max(prices)), "l": _price(min(prices)), "c": _price(prices[-1])}
        data = {"e": "kline", "E": now_ns // 1_000_000, "s": book.code, "k": kline | {"v": _qty(minute.lots)}}
        yield Tick(now_ns, f"{book.code.lower()}@kline_1m", data)
    if minute is None or minute.number != number:
        minute = book.minute = _Minute(number)
    minute.prices.append(book.price)
    minute.lots += lots


def _price(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}000000"


def _qty(lots: int) -> str:
    return f"{lots // LOTS}.{lots % LOTS:05d}000"

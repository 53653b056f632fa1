"""A believable market, endless: prices wander, trades come in bursts. No I/O: the same seed gives the same ticks.

Prices and quantities are whole ticks and lots until they are written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from market_feed.simulator.tape import FIRST_AGGREGATE, Tick
from market_feed.times import Unit, as_text

STARTS = {"BTC": 6_425_000, "ETH": 312_000, "SOL": 14_800, "BNB": 58_500}
"""First prices by base currency, in hundredths of the quote currency; 10,000 for others."""

BURST, CALM = 0.15, 2.5
"""Share of trades that follow within milliseconds, and how much longer than the average the others wait."""


@dataclass(slots=True)
class _Book:
    symbol: str
    price: int
    number: int = 0
    aggregate: int = FIRST_AGGREGATE - 1

    @property
    def code(self) -> str:
        return self.symbol.replace("-", "")


def random_ticks(symbols: Sequence[str], rate: float, start_ns: int, seed: int) -> Iterator[Tick]:
    """Trades, aggregates, best prices and matches of these symbols (BASE-QUOTE), in order of time.

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
    price, qty = f"{book.price // 100}.{book.price % 100:02d}000000", f"0.{chance.randint(1, 99_999):05d}000"
    time_ms, code = now_ns // 1_000_000, book.code
    trade = {"E": time_ms, "s": code, "p": price, "q": qty, "T": time_ms, "m": maker_buys, "M": True}
    number, stream = book.number, code.lower()
    yield Tick(now_ns, f"{stream}@trade", {"e": "trade", "t": number, **trade})
    yield Tick(now_ns, f"{stream}@aggTrade", {"e": "aggTrade", "a": book.aggregate, "f": number, "l": number, **trade})
    ask = book.price + 1
    quote = {"u": number, "s": code, "b": price, "B": qty, "a": f"{ask // 100}.{ask % 100:02d}000000", "A": qty}
    yield Tick(now_ns, f"{stream}@bookTicker", quote)
    match = {"type": "match", "trade_id": number, "sequence": 2 * number, "product_id": book.symbol, "size": qty}
    match |= {"price": price, "side": "buy" if maker_buys else "sell", "time": as_text(time_ms, Unit.MILLISECOND)}
    yield Tick(now_ns, f"{book.symbol}@matches", match)

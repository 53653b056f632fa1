"""A made-up past of some weeks: three accounts, as a ledger gets to know them, with all that goes wrong. No I/O.

The bots are those of `market`; here they trade at prices that have a course over time. Equal arguments give equal
events on every machine: random numbers are integers, amounts are decimals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice
from random import Random
from typing import Any, NamedTuple

from trading_app.client import market
from trading_model.decimals import EXACT
from trading_model.field_rules import format_timestamp

Event = dict[str, Any]

MILLISECOND, SECOND, HOUR, DAY = 10**6, 10**9, 3_600 * 10**9, 86_400 * 10**9
"""Nanoseconds."""

TRADES_A_DAY = 60
"""Trades of the bots of `main`."""

TAKEN, TAKEN_BACK = "seed-broker", "seed-mistake"
"""Imports: the broker's first fills, and a file that was taken back."""

SHARES = {"AAPL": Decimal("228.40"), "MSFT": Decimal("417.10"), "NVDA": Decimal("141.90")}
SPLIT, DIVIDEND = "NVDA", "MSFT"
PERPETUAL = "ETH/USDT:USDT"


class Item(NamedTuple):
    """What is sent: a fill, or an event with its `kind`. `import_id` is that of the fill's import."""

    event: Event
    import_id: str = ""


@dataclass(eq=False)
class _Arrival:
    """An event and when it comes; `target` is an earlier one that it concerns."""

    at_ns: int
    event: Event
    import_id: str = ""
    target: "_Arrival | None" = None


def past(seed: int, end: datetime, days: int) -> list[Item]:
    """What happened in the `days` before `end`, in the order of arrival: sequences of an empty ledger are from 1 on."""
    arrivals = sorted(_Past(seed, end, days).arrivals(), key=lambda one: one.at_ns)
    sequences = {id(one): number for number, one in enumerate(arrivals, 1)}
    return [
        Item(one.event if one.target is None else one.event | {"target": sequences[id(one.target)]}, one.import_id)
        for one in arrivals
    ]


class _Course:
    """A price over time: a random walk by the hour, with trends that last some days."""

    def __init__(self, chance: Random, start: Decimal, tick: Decimal, hours: int) -> None:
        self._tick = tick
        self._start_ticks = price = int(start / tick)
        self._ticks = [price]
        drift = 0
        for _ in range(hours + 1):
            if chance.randrange(60) == 0:
                drift = chance.randint(-14, 14)
            price = max(price * (10_000 + chance.randint(-90, 90) + drift) // 10_000, self._start_ticks // 4)
            self._ticks.append(price)

    def at(self, after_ns: int) -> Decimal:
        """The price at a time after the beginning."""
        hour, rest = divmod(after_ns, HOUR)
        before, after = self._ticks[hour], self._ticks[hour + 1]
        return EXACT.multiply(self._tick, before + (after - before) * rest // HOUR)


class _Past:
    """Writes one past."""

    def __init__(self, seed: int, end: datetime, days: int) -> None:
        self._chance = Random(seed)
        self._days = days
        self._begin_ns = int((end - timedelta(days=days)).timestamp()) * SECOND
        hours = days * 24
        self._courses = {
            (one.base, one.quote): _Course(self._chance, one.start, one.tick, hours) for one in market.INSTRUMENTS
        }
        self._shares = {name: _Course(self._chance, price, Decimal("0.01"), hours) for name, price in SHARES.items()}
        self._numbers = count(1)

    def arrivals(self) -> Iterator[_Arrival]:
        """All, in any order."""
        yield from self._instruments_and_deposits()
        yield from self._bots(self._seeded_bots())
        yield from self._carry()
        yield from self._broker()
        yield from self._mistake()

    def _instruments_and_deposits(self) -> Iterator[_Arrival]:
        for symbol in SHARES:
            yield self._say(-60, "instrument", symbol=symbol, currency="USD", multiplier="1")
        for account, amount, currency in (
            ("main", "50000", "USDT"),
            ("perps", "20000", "USDT"),
            ("broker", "60000", "USD"),
        ):
            yield self._cash(-30, "deposit", amount, currency, account=account)
        yield self._cash(self._days * 20 * 3_600, "withdrawal", "-5000", "USDT", account="main")

    # The bots of the demonstration: late fills, doubled ones that are taken back, wrong prices that are put right.

    def _seeded_bots(self) -> Iterator[tuple[int, market.DemoTrade]]:
        """The trades of the bots, with nanoseconds after the beginning."""
        now = 0

        def price_of(base: str, quote: str) -> Decimal | None:
            course = self._courses.get((base, quote))
            return None if course is None else course.at(now)

        trades = market.trades(self._chance.randrange(10**6), price_of)
        number = self._days * TRADES_A_DAY
        every = self._days * DAY // number
        for index in range(number):
            now = index * every + self._chance.randrange(every // 2 // MILLISECOND) * MILLISECOND
            yield now, next(trades)

    def _bots(self, trades: Iterator[tuple[int, market.DemoTrade]]) -> Iterator[_Arrival]:
        for after_ns, trade in trades:
            amounts = {name: format(getattr(trade, name), "f") for name in ("price", "qty", "fee")}
            event: Event = {"account": "main", "venue": "demo", **trade._asdict(), **amounts}
            if trade.strategy == "trend-follower" and self._chance.randrange(3) == 0:
                event["tags"] = ["breakout"]
            delay = self._chance.randint(1, 6) * HOUR if self._chance.randrange(120) == 0 else SECOND // 5
            sent = self._fill(after_ns, event, delay)
            what = self._chance.randrange(500)
            if what == 0:
                twice = self._fill(after_ns, dict(sent.event) | {"tags": ["sent-twice"]}, delay + 2 * SECOND)
                yield twice
                yield self._correct(twice, "void", reason="sent twice by the bot")
            elif what == 1:
                right = sent.event["price"]
                sent.event["price"] = format(EXACT.multiply(Decimal(right), Decimal("1.01")), "f")
                yield self._correct(sent, "replace", price=right, reason="price as the exchange has it")
            yield sent

    # A strategy that holds a perpetual for days, and pays or gets funding each eight hours.

    def _carry(self) -> Iterator[_Arrival]:
        owner = {"account": "perps", "strategy": "carry", "symbol": PERPETUAL}
        course = self._courses["ETH", "USDT"]
        held = 0  # hundredths
        for hour in range(0, self._days * 24, 4):
            after_ns = hour * HOUR
            price = course.at(after_ns)
            if hour % 8 == 0 and held:
                share = Decimal(self._chance.choice((-3, -1, 1, 2, 4, 7, 9))).scaleb(-5)
                amount = EXACT.multiply(EXACT.multiply(price, share), Decimal(-held).scaleb(-2))
                yield self._cash(hour * 3_600, "funding", format(amount, "f"), "USDT", **owner)
            choice = self._chance.randrange(8)
            lots = (
                -held if choice == 0 else self._chance.randint(10, 120) * (1 if held >= 0 else -1) if choice < 3 else 0
            )
            if choice == 1 and abs(held) > 300:
                lots = -held * 2  # turns around
            if lots:
                held += lots
                qty = Decimal(abs(lots)).scaleb(-2)
                fee = EXACT.multiply(EXACT.multiply(price, qty), Decimal("0.0005"))
                event: Event = {
                    "side": "buy" if lots > 0 else "sell",
                    "price": format(price, "f"),
                    "qty": format(qty, "f"),
                }
                event |= {"fee": format(fee, "f"), "fee_currency": "USDT", "venue": "demo"}
                yield self._fill(after_ns + self._chance.randrange(60) * SECOND, owner | event)

    # Shares on weekdays. The first third comes as a file of the broker, later.

    def _broker(self) -> Iterator[_Arrival]:
        held = dict.fromkeys(SHARES, 0)
        filed: list[_Arrival] = []
        split_day = self._weekday(self._days // 2)
        for day in range(self._days):
            if day == split_day:
                yield self._say(day * 86_400, "split", symbol=SPLIT, n=4, d=1, account="broker", strategy="swing")
                held[SPLIT] *= 4
            if day == split_day + 7 and held[DIVIDEND]:
                owner = {"account": "broker", "strategy": "swing", "symbol": DIVIDEND}
                gross = EXACT.multiply(Decimal("0.83"), held[DIVIDEND])
                tax = -EXACT.multiply(gross, Decimal("0.15"))
                yield self._cash(day * 86_400 + 50_400, "dividend", format(gross, "f"), "USD", **owner)
                yield self._cash(day * 86_400 + 50_400, "tax", format(tax, "f"), "USD", **owner)
            if day != self._weekday(day):
                continue
            for symbol in islice(sorted(SHARES, key=lambda _: self._chance.random()), 2):
                sold = self._shares_traded(day, symbol, held, after_split=day >= split_day)
                (filed if day < self._days // 3 else [sold]).append(sold)
                if day >= self._days // 3:
                    yield sold
        yield from self._file(TAKEN, "broker-statement.csv", filed, self._days // 3 * 86_400 + 3_600)

    def _shares_traded(self, day: int, symbol: str, held: dict[str, int], *, after_split: bool) -> _Arrival:
        after_ns = day * DAY + 52_200 * SECOND + self._chance.randrange(23_000) * SECOND  # within 14:30 to 21:00 UTC
        price, most = self._shares[symbol].at(after_ns), 12
        if symbol == SPLIT and after_split:
            price, most = (price / 4).quantize(Decimal("0.01")), 48
        buys = held[symbol] < most or (held[symbol] < 3 * most and self._chance.randrange(2) == 0)
        quantity = self._chance.randint(most // 3, most) if buys else self._chance.choice((held[symbol], most // 2))
        held[symbol] += quantity if buys else -quantity
        event: Event = {"account": "broker", "strategy": "swing", "symbol": symbol, "side": "buy" if buys else "sell"}
        event |= {"price": format(price, "f"), "qty": str(quantity), "fee": "1.00", "fee_currency": "USD"}
        return self._fill(after_ns, event)

    def _weekday(self, day: int) -> int:
        """The day, or the first after it, that is no weekend."""
        while datetime.fromtimestamp((self._begin_ns + day * DAY) / SECOND, UTC).weekday() > 4:
            day += 1
        return day

    def _mistake(self) -> Iterator[_Arrival]:
        """A file that was taken for the wrong account, and taken back a day later."""
        fills = []
        for number in range(12):
            after_ns = number * 5 * HOUR
            price = self._courses["SOL", "USDT"].at(after_ns)
            event: Event = {"account": "main", "strategy": "manual", "symbol": "SOL/USDT", "price": format(price, "f")}
            fills.append(self._fill(after_ns, event | {"side": "buy" if number % 2 else "sell", "qty": "3.5"}))
        taken = list(self._file(TAKEN_BACK, "someone-elses.csv", fills, (self._days - 5) * 86_400))
        yield from taken
        yield self._correct(taken[0], "void", reason="the file of another account")

    def _file(self, name: str, file: str, fills: list[_Arrival], after: int) -> Iterator[_Arrival]:
        """An import and its fills, which come `after` seconds after the beginning."""
        rows = {"rows": len(fills), "taken": len(fills), "skipped": 0}
        begun = self._say(after, "import", id=name, name=file, digest="00", **rows)
        del begun.event["ts"]
        yield begun
        for number, fill in enumerate(fills, 1):
            fill.at_ns, fill.import_id = begun.at_ns + number, name
            yield fill

    def _fill(self, after_ns: int, event: Event, delay_ns: int = SECOND) -> _Arrival:
        at_ns = self._begin_ns + after_ns
        made = event | {"trade_id": f"seed-{next(self._numbers)}", "ts": format_timestamp(at_ns)}
        return _Arrival(at_ns + delay_ns, made)

    def _say(self, after: int, kind: str, **content: Any) -> _Arrival:
        """An event of a kind, `after` seconds after the beginning."""
        at_ns = self._begin_ns + after * SECOND
        own: Event = {"kind": kind, "id": f"seed-{next(self._numbers)}"}
        return _Arrival(at_ns, own | ({} if kind == "instrument" else {"ts": format_timestamp(at_ns)}) | content)

    def _cash(self, after: int, reason: str, amount: str, currency: str, **more: str) -> _Arrival:
        return self._say(after, "cash", reason=reason, amount=amount, currency=currency, **more)

    def _correct(self, target: _Arrival, kind: str, **content: str) -> _Arrival:
        """A day later."""
        own: Event = {"kind": kind, "id": f"seed-{next(self._numbers)}"}
        return _Arrival(target.at_ns + DAY, own | content, target=target)

"""Random ledgers of all kinds of events, the same for the same seed.

Times are distinct, the order of arrival is any, corrections come after their targets. What the accounting rules leave
open does not occur: a broker's quantity at a split only where no late event can change the position before it, prices
and multipliers of one key that contradict each other, inverse instruments that are taken back while a position is open.
"""

import random
from dataclasses import dataclass
from typing import Any

from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_oracle import voided_sequences

MINUTES = 100_000
"""The span of the times, in minutes; each is used once."""


@dataclass(frozen=True)
class Symbol:
    """How fills of a symbol look. `instrument` is said at the start; `more` are further members of each fill."""

    name: str
    price: float
    instrument: dict[str, Any] | None = None
    more: dict[str, Any] | None = None
    fee_currencies: tuple[str, ...] = ("",)
    hedged: bool = False
    splits: bool = False
    inverse: bool = False


SYMBOLS = (
    Symbol("BTC/USDT", 60_000, fee_currencies=("", "USDT", "BTC", "BNB", "XRP")),
    Symbol("ETH/BTC", 0.05, {"aliases": ["ETHXBT-ALT"], "lot": "0.01"}, fee_currencies=("BTC", "XBT", "ETH", "BNB")),
    Symbol("ETHXBT-ALT", 0.05, fee_currencies=("BTC", "ETH")),
    Symbol(
        "BTC/USDT:USDT",
        60_000,
        {"multiplier": "0.001"},
        {"multiplier": "0.001"},
        fee_currencies=("USDT", "BNB"),
        hedged=True,
    ),
    Symbol("SOL/USDT:USDT", 150, fee_currencies=("USDT",), hedged=True),
    Symbol(
        "BTC/USD:BTC",
        60_000,
        {"currency": "BTC", "multiplier": "100", "settlement": "inverse"},
        fee_currencies=("BTC", "XBT"),
        inverse=True,
    ),
    Symbol("ETH/USD:BTC", 3_000, {"currency": "BTC", "multiplier": "0.000001", "settlement": "linear"}),
    Symbol("AAPL", 200, {"currency": "USD", "multiplier": "1"}, fee_currencies=("USD", "EUR"), splits=True),
    Symbol("XCHG", 400, more={"currency": "HKD"}, fee_currencies=("HKD", "USD"), splits=True),
    Symbol("TeSLa", 300, {"currency": "USD", "mark": "account"}, fee_currencies=("",)),
    Symbol("MISC", 7, fee_currencies=("", "USD")),
    Symbol("SPREAD", 1, {"currency": "USD", "multiplier": "1000", "negative_prices": True}),
    Symbol("PENCE", 70, {"currency": "GBP", "multiplier": "0.01"}),
)
PATTERN = {"pattern": "MIS*", "multiplier": "2"}
BROKER = {"account": "broker", "strategy": "default", "symbol": "SHARE"}
ACCOUNTS = ("main", "hedge")
STRATEGIES = ("default", "trend")
OWNERS = {"account": ACCOUNTS, "strategy": STRATEGIES}
RATES = {("BNB", "USDT"): 600.0, ("EUR", "USD"): 1.1, ("BNB", "BTC"): 0.01, ("HKD", "USD"): 0.128}


def random_ledger(seed: int, count: int) -> list[Event]:
    """A ledger of at least `count` events."""
    return _Random(seed).ledger(count)


class _Random:
    """Writes one ledger."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ledger_so_far = LedgerBuilder()
        self.times = self.chance.sample(range(MINUTES), MINUTES // 10)
        self.broker_times = sorted(self.chance.sample(range(MINUTES), MINUTES // 10))
        self.broker_held = 0
        self.correctable: list[int] = []
        self.fills: list[int] = []
        self.imports: list[str] = []
        self.takings: list[int] = []
        """Of each import, the event that was said of it last: itself, or a void of a void of it."""

    def ledger(self, count: int) -> list[Event]:
        """Instruments first, then anything."""
        built = self.ledger_so_far
        for symbol in SYMBOLS:
            if symbol.instrument is not None:
                built.say("instrument", symbol=symbol.name, **symbol.instrument)
        built.say("instrument", **PATTERN)
        built.say("instrument", symbol="SHARE", currency="USD")
        doings = {
            self._fill: 60,
            self._void: 6,
            self._replace: 7,
            self._cash: 5,
            self._opening: 2,
            self._move: 4,
            self._split: 1,
            self._price: 4,
            self._rate: 5,
            self._import: 1,
            self._take_back: 2,
            self._instrument: 1,
            self._broker: 3,
            self._aside: 2,
        }
        while len(built.events) < count:
            self.chance.choices(list(doings), list(doings.values()))[0]()
        return built.events

    def _time(self) -> str:
        """Half a minute apart from the broker's, which are whole."""
        return minute(self.times.pop() + 0.5)

    def _fill(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        more: dict[str, Any] = {"ts": self._time(), **self._owner(), **(symbol.more or {})}
        if symbol.hedged and self.chance.random() < 0.5:
            more["position_side"] = self.chance.choice(("long", "short"))
        if self.chance.random() < 0.6:
            more |= self._fee(symbol)
        if self.imports and self.chance.random() < 0.2:
            more["import_id"] = self.chance.choice(self.imports)
        if self.chance.random() < 0.5:
            more["trade_id"] = str(len(self.ledger_so_far.events))
        if self.chance.random() < 0.1:
            more |= {"venue": self.chance.choice(("kraken", "okx")), "tags": ["test"]}
        self._keep(self.ledger_so_far.fill(self._side(), self._quantity(), self._price_of(symbol), symbol.name, **more))
        self.fills.append(len(self.ledger_so_far.events))

    def _fee(self, symbol: Symbol) -> dict[str, str]:
        currency = self.chance.choice(symbol.fee_currencies)
        fee = f"{self.chance.randint(-20, 100)}e-4"
        return {"fee": fee, "fee_currency": currency} if currency else {"fee": fee}

    def _void(self) -> None:
        if self.correctable:
            target = self.correctable.pop(self.chance.randrange(len(self.correctable)))
            self._keep(self.ledger_so_far.void(target))

    def _replace(self) -> None:
        if not self.fills:
            return
        target = self.chance.choice(self.fills)
        fill = self.ledger_so_far.events[target - 1]
        gone = voided_sequences(self.ledger_so_far.events)
        imports = {event["id"] for event in self.ledger_so_far.events if event["seq"] in gone and "import" in event}
        if target in gone or fill.get("import_id") in imports:
            return  # the API asks to restore it first
        symbol = next(one for one in SYMBOLS if one.name == fill["symbol"])
        changes: dict[str, Any] = {
            "price": {"price": self._price_of(symbol)},
            "qty": {"qty": self._quantity()},
            "side": {"side": self._side()},
            "owner": self._owner(),
            "ts": {"ts": self._time()},
            "fee": self._fee(symbol),
        }
        chosen = self.chance.sample(list(changes), self.chance.randint(1, 2))
        changed = {name: value for one in chosen for name, value in changes[one].items()}
        if "fee" in changed and "fee_currency" not in changed:
            changed |= {"fee_currency": fill["fee_currency"]} if "fee_currency" in fill else {}
        if any(fill.get(name) != value for name, value in changed.items()):
            self._keep(self.ledger_so_far.replace(target, **changed))

    def _cash(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        reasons = ("funding", "interest", "dividend", "tax", "rebate", "deposit", "withdrawal", "adjustment")
        content: dict[str, Any] = {"account": self.chance.choice(ACCOUNTS)}
        content["currency"] = self.chance.choice(("USDT", "USD", "BTC", "BNB"))
        content["amount"] = f"{self.chance.randint(-900, 900) or 1}e-3"  # none is 0
        if self.chance.random() < 0.7:
            content["strategy"] = self.chance.choice(STRATEGIES)
        if self.chance.random() < 0.7:
            content["symbol"] = symbol.name
            if symbol.hedged and self.chance.random() < 0.5:
                content["position_side"] = self.chance.choice(("long", "short"))
        self._keep(self.ledger_so_far.say("cash", ts=self._time(), reason=self.chance.choice(reasons), **content))

    def _opening(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        quantity = f"{self.chance.randint(-90, 90)}e-1"
        content = {"quantity": quantity, "average": self._price_of(symbol), **self._holder(symbol)}
        self._keep(self.ledger_so_far.say("opening", ts=self._time(), **content))

    def _move(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        sign = "" if self.chance.random() < 0.7 else "-"  # a short position moves as a negative quantity
        holder = self._holder(symbol) | {"quantity": sign + self._quantity()}
        changed = self.chance.choice((("strategy",), ("account",), ("account", "strategy")))
        sink = holder | {name: next(other for other in OWNERS[name] if other != holder[name]) for name in changed}
        content: dict[str, Any] = {"reason": "transfer", "source": holder, "sink": sink}
        way = self.chance.random()
        if way < 0.2:
            content = {"reason": "reward", "sink": holder, "price": self._price_of(symbol)}
        elif way < 0.3:
            content = {"reason": "transfer", "source": holder}
        elif way < 0.6:
            content["price"] = self._price_of(symbol)
        self._keep(self.ledger_so_far.say("move", ts=self._time(), **content))

    def _split(self) -> None:
        symbol = self.chance.choice([one for one in SYMBOLS if one.splits])
        content: dict[str, Any] = {"symbol": symbol.name}
        content["n"], content["d"] = self.chance.choice(((2, 1), (4, 1), (1, 4), (3, 2), (1, 3)))
        if self.chance.random() < 0.4:
            content["account"] = self.chance.choice(ACCOUNTS)
        self._keep(self.ledger_so_far.say("split", ts=self._time(), **content))

    def _price(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        self._keep(self.ledger_so_far.say("price", symbol=symbol.name, price=self._price_of(symbol), ts=self._time()))

    def _rate(self) -> None:
        (base, quote), about = self.chance.choice(list(RATES.items()))
        rate = f"{about * self.chance.uniform(0.5, 2):.6f}"
        self._keep(
            self.ledger_so_far.say("rate", base=base, quote=quote, rate=rate, ts=self._time(), max_age=40 * 60 * 60)
        )

    def _import(self) -> None:
        name = f"file-{len(self.ledger_so_far.events)}"
        content = {"name": f"{name}.csv", "digest": "00", "rows": 3, "taken": 2, "skipped": 1}
        self.takings.append(self.ledger_so_far.say("import", id=name, **content))
        self.imports.append(name)

    def _take_back(self) -> None:
        """An import is taken back, or restored."""
        if self.takings:
            index = self.chance.randrange(len(self.takings))
            self.takings[index] = self.ledger_so_far.void(self.takings[index])

    def _instrument(self) -> None:
        """A change for the whole history: another multiplier or currency, or an alias less and one more."""
        content = self.chance.choice(
            (
                {"symbol": "BTC/USDT:USDT", "multiplier": "0.01"},
                {"symbol": "SOL/USDT:USDT", "multiplier": "10"},
                {"symbol": "ETH/BTC", "aliases": []},
                {"symbol": "ETH/BTC", "aliases": ["ETHXBT-ALT"]},
                {"symbol": "MISC", "currency": "USD", "multiplier": "3"},
                {"symbol": "TeSLa", "currency": "EUR", "mark": "last"},
                {"symbol": "PENCE", "currency": "GBP", "multiplier": "1"},
                {"pattern": "MIS*", "multiplier": "5"},
            )
        )
        self._keep(self.ledger_so_far.say("instrument", **content))

    def _broker(self) -> None:
        """A broker's account, in order and never corrected, so that the quantity booked at a split fits."""
        ts = minute(self.broker_times.pop(0))
        if self.broker_held >= 8 and self.chance.random() < 0.3:
            booked = self.broker_held // 4
            cash = f"{self.chance.randint(0, 500)}e-1"
            self.ledger_so_far.say("split", ts=ts, n=1, d=4, quantity=str(booked), cash=cash, **BROKER)
            self.broker_held = booked
            return
        quantity, price = self.chance.randint(1, 12), f"{self.chance.randint(100, 900)}e-1"
        buys = quantity > self.broker_held or self.chance.random() < 0.6
        self.broker_held += quantity if buys else -quantity
        self.ledger_so_far.fill("buy" if buys else "sell", str(quantity), price, ts=ts, **BROKER)

    def _aside(self) -> None:
        target = self.chance.choice(self.fills) if self.fills else 1
        self.ledger_so_far.aside("note", {"text": "looks odd"}, target)

    def _keep(self, sequence: int) -> None:
        self.correctable.append(sequence)

    def _owner(self) -> dict[str, str]:
        return {"account": self.chance.choice(ACCOUNTS), "strategy": self.chance.choice(STRATEGIES)}

    def _holder(self, symbol: Symbol) -> dict[str, Any]:
        holder: dict[str, Any] = {"symbol": symbol.name, **self._owner()}
        if symbol.more and "currency" in symbol.more:
            holder["currency"] = symbol.more["currency"]
        if symbol.hedged and self.chance.random() < 0.5:
            holder["position_side"] = self.chance.choice(("long", "short"))
        return holder

    def _side(self) -> str:
        return self.chance.choice(("buy", "sell"))

    def _quantity(self) -> str:
        return f"{self.chance.randint(1, 90)}e-{self.chance.randint(0, 2)}"

    def _price_of(self, symbol: Symbol) -> str:
        price = f"{symbol.price * self.chance.uniform(0.5, 1.5):.{self.chance.randint(3, 6)}f}"
        if symbol.name == "SPREAD" and self.chance.random() < 0.5:
            return "-" + price
        return "0" if symbol.name in ("SPREAD", "MISC") and self.chance.random() < 0.1 else price

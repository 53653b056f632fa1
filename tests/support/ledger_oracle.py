"""Every figure of a ledger by the plain way: sort the events by time, fold them with fractions, one rule after another.

It shares no code with the product, so that an error is not made twice. Input are events as journaled, as dicts in the
order of arrival. Comments name the accounting rule that a line follows.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from tests.support.ledger_figures import CashKey, Count, CounterKey, Figures, Position, PositionKey, Total

Event = Mapping[str, Any]
Order = tuple[int, int, Fraction, int]
"""Time in ns, class, ordinal and sequence: the order of trading."""

ZERO = Fraction()
SAME_CURRENCY = {"XBT": "BTC"}
FLOWS = ("deposit", "withdrawal")
CLASSES = {"opening": 0, "split": 1, "move": 2, "fill": 3, "price": 4}
NO_ORDINAL = Fraction(10**200)
"""Sorts a trade id that is not a number behind all that are."""


@dataclass(frozen=True)
class Terms:
    """What a symbol is. `multiplier` is None where nothing says it; `derivative` is what its form shows."""

    canonical: str
    currency: str
    multiplier: Fraction | None
    inverse: bool
    spot: bool
    derivative: bool
    base: str
    mark: str

    def worth(self, quantity: Fraction, price: Fraction, multiplier: Fraction) -> Fraction:
        """What a signed quantity is worth in the P&L's currency: m·q·u(p), where u is p or −1/p (rules 1 and 3)."""
        return multiplier * quantity * (-1 / price if self.inverse else price)


class Moment(NamedTuple):
    """A book right after an entry at a time in ns."""

    time: int
    quantity: Fraction
    realised: Fraction
    fees: Fraction


@dataclass
class Book:
    """One position: Q, C, F and B of rule 1, what was charged and received, and the mark."""

    terms: Terms
    multiplier: Fraction
    quantity: Fraction = ZERO
    cost: Fraction = ZERO
    cash_flow: Fraction = ZERO
    basis_brought_in: Fraction = ZERO
    fees: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    fees_in_net: Fraction = ZERO
    fees_outside: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    income: Fraction = ZERO
    rewards: Fraction = ZERO
    mark: Fraction | None = None
    side: str = ""
    history: list[Moment] = field(default_factory=list)

    @property
    def average(self) -> Fraction | None:
        """C/(mQ), or −mQ/C for an inverse contract; None while flat, or where an inverse cost is 0."""
        if not self.quantity:
            return None
        if not self.terms.inverse:
            return self.cost / (self.multiplier * self.quantity)
        return -self.multiplier * self.quantity / self.cost if self.cost else None

    @property
    def realised(self) -> Fraction:
        """F + C − B."""
        return self.cash_flow + self.cost - self.basis_brought_in

    @property
    def unrealised(self) -> Fraction | None:
        """m·Q·u(M) − C; None if there is a position and no mark."""
        if not self.quantity:
            return ZERO
        if self.mark is None:
            return None
        return self.terms.worth(self.quantity, self.mark, self.multiplier) - self.cost

    @property
    def net(self) -> Fraction | None:
        """Realised + unrealised − fees + cash."""
        unrealised = self.unrealised
        return None if unrealised is None else self.realised + unrealised - self.fees_in_net + self.income

    @property
    def in_points(self) -> bool:
        """A derivative by its form, of which nobody said the multiplier."""
        return self.terms.derivative and self.terms.multiplier is None

    def figures(self) -> Position:
        """What is shown of it."""
        return Position(
            self.quantity,
            self.average,
            self.realised,
            self.unrealised,
            self.net,
            self.fees_in_net,
            dict(self.fees),
            dict(self.fees_outside),
            self.income,
            self.terms.spot and self.quantity < 0,  # rule 10
            (self.side == "long" and self.quantity < 0) or (self.side == "short" and self.quantity > 0),  # rule 8
            self.in_points,
        )

    def change(self, quantity: Fraction, worth: Fraction) -> None:
        """Move the position by a signed quantity of that worth: what opens adds cost, what closes takes cost off."""
        if self.quantity * quantity >= 0:
            self.cost += worth
        elif abs(quantity) <= abs(self.quantity):
            self.cost -= self.cost * abs(quantity) / abs(self.quantity)
        else:  # a flip closes all, then opens (rule 2)
            self.cost = worth * (self.quantity + quantity) / quantity
        self.quantity += quantity

    def trade(self, quantity: Fraction, price: Fraction) -> None:
        """A signed quantity bought or sold at a price."""
        worth = self.terms.worth(quantity, price, self.multiplier)
        self.change(quantity, worth)
        self.cash_flow -= worth

    def bring(self, quantity: Fraction, worth: Fraction) -> None:
        """A signed quantity of that worth comes or goes without a payment (rules 6 and 7)."""
        self.change(quantity, worth)
        self.basis_brought_in += worth

    def open(self, quantity: Fraction, average: Fraction) -> None:
        """The position is that much at that average; what was realised stays (rule 6)."""
        cost = self.terms.worth(quantity, average, self.multiplier) if quantity else ZERO
        self.basis_brought_in += cost - self.cost
        self.quantity, self.cost = quantity, cost

    def split(self, ratio: Fraction, booked: Fraction | None, paid: Fraction) -> None:
        """Q·n/d at the same cost; down to the broker's quantity the fraction closes for what was paid (rule 20)."""
        self.quantity *= ratio
        if booked is not None and self.quantity:
            assert 0 <= booked / self.quantity <= 1, "the broker booked a fraction less"
            self.cost *= booked / self.quantity
            self.quantity = booked
            self.cash_flow += paid


def figures(events: Iterable[Event]) -> Figures:
    """The figures of a ledger."""
    return Ledger(list(events)).figures()


def nanoseconds(ts: str) -> int:
    """Unix time in ns of an RFC 3339 time in UTC."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", ts)
    assert found, ts
    return int(datetime.fromisoformat(found[1] + "+00:00").timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))


def content_of(event: Event) -> Event:
    """What an event of another kind than a fill says."""
    content: Event = event["mark" if event["kind"] == "price" else event["kind"]]
    return content


def voided_sequences(events: Iterable[Event]) -> set[int]:
    """The sequences of events that an event in force says never happened. Only later events void, voids too."""
    voided: set[int] = set()
    for event in sorted(events, key=lambda one: -int(one["seq"])):
        if event.get("kind") == "void" and event["seq"] not in voided:
            voided.add(event["target"])
    return voided


class Ledger:
    """One pass over a ledger, up to a time in ns if one is given: what happened later is left out."""

    def __init__(self, events: list[Event], until: int = 2**63) -> None:
        self.until = until
        self.events = events
        voided = voided_sequences(events)
        self.in_force = [event for event in events if event["seq"] not in voided]
        self.fills = self._fills_in_force()
        self.instruments = _Instruments(self.of_kind("instrument"))
        self.rates = _Rates(content for _, content in self.of_kind("rate"))
        self.books: dict[PositionKey, Book] = {}
        self.marks: dict[str, list[tuple[Order, Fraction, str]]] = defaultdict(list)
        self.splits: dict[str, list[tuple[Order, Fraction, str, str]]] = defaultdict(list)
        self.cash: dict[CashKey, Fraction] = defaultdict(Fraction)
        self.income: dict[str, Fraction] = defaultdict(Fraction)
        self.multipliers: dict[PositionKey, Fraction] = {}
        self.touched: list[Book] = []
        self._fold()

    def figures(self) -> Figures:
        """What is shown of all."""
        counters = _Counters(self.events)
        return Figures(
            {key: book.figures() for key, book in self.books.items()},
            counters.accepted,
            counters.removed,
            counters.added,
            dict(self.cash),
            self._totals(),
            {
                symbol: self._last(symbol)
                for symbol in {key.symbol for key in self.books} & self.marks.keys()
                if self.instruments.terms(symbol, "").mark == "last"
            },
            max((int(event["seq"]) for event in self.events), default=0),
        )

    def _fold(self) -> None:
        """Fold everything in the order of trading."""
        for _, _, fill in sorted(self.fills, key=lambda entry: entry[0]):  # one key, one m (rule 4)
            if "multiplier" in fill:
                self.multipliers.setdefault(self._key(fill), Fraction(fill["multiplier"]))
        for order, kind, content in sorted(self._entries(), key=lambda entry: entry[0]):
            if order[0] >= self.until:
                break
            self.touched.clear()
            getattr(self, f"_{kind}")(order, content)
            for book in self.touched:
                book.history.append(Moment(order[0], book.quantity, book.realised, book.fees_in_net))
        for _, content in self.of_kind("cash"):
            if nanoseconds(content["ts"]) < self.until:
                self._cash(content)
        for key, book in self.books.items():
            book.mark = self._mark(key)

    def _totals(self) -> dict[str, Total]:
        """Sums by currency. Unknown currencies and P&L in points are in none (rule 21)."""
        totals = {currency: Total(cash=amount, net=amount) for currency, amount in self.income.items()}
        for key, book in self.books.items():
            if not key.currency or book.in_points:
                continue
            total, unrealised, net = totals.get(key.currency, Total()), book.unrealised, book.net
            unknown = unrealised is None or net is None or total.unrealised is None or total.net is None
            totals[key.currency] = Total(
                total.realised + book.realised,
                None if unknown else _sum(total.unrealised, unrealised),
                total.fees + book.fees_in_net,
                total.cash + book.rewards,
                None if unknown else _sum(total.net, net, book.rewards - book.income),  # other cash is in it already
            )
        return totals

    def of_kind(self, kind: str) -> Iterator[tuple[Event, Event]]:
        """The events of a kind that are in force, each with its content."""
        return ((event, content_of(event)) for event in self.in_force if event.get("kind") == kind)

    def _fills_in_force(self) -> list[tuple[Order, str, Event]]:
        """Fills with the content of their last replacement in force (design, "Kinds"); rule 11 gives their order."""
        replaced: dict[int, Event] = {}
        for event, content in self.of_kind("replace"):
            replaced[event["target"]] = content["fill"]
        all_imports = {event["id"] for event in self.events if event.get("kind") == "import"}
        imports = {event["id"] for event in self.in_force if event.get("kind") == "import"}
        fills = []
        for event in self.in_force:
            if "kind" in event or event.get("import_id") in all_imports - imports:
                continue
            fill = replaced.get(event["seq"], event)
            trade_id = event["trade_id"]
            ordinal = Fraction(trade_id) if re.fullmatch("[0-9]+", trade_id) else NO_ORDINAL
            fills.append(((nanoseconds(fill["ts"]), CLASSES["fill"], ordinal, event["seq"]), "fill", fill))
        return fills

    def _entries(self) -> Iterator[tuple[Order, str, Event]]:
        yield from self.fills
        for kind in ("opening", "split", "move", "price"):
            for event, content in self.of_kind(kind):
                yield (nanoseconds(content["ts"]), CLASSES[kind], NO_ORDINAL, event["seq"]), kind, content

    def _key(self, holder: Event) -> PositionKey:
        terms = self.instruments.terms(holder["symbol"], holder.get("currency", ""))
        account, strategy = holder.get("account", "default"), holder.get("strategy", "default")
        return PositionKey(account, strategy, terms.canonical, holder.get("position_side", ""), terms.currency)

    def _book(self, holder: Event) -> Book:
        key = self._key(holder)
        if key not in self.books:
            terms = self.instruments.terms(holder["symbol"], key.currency)
            said = self.multipliers.get(key) if terms.multiplier is None else terms.multiplier
            terms = Terms(**{**vars(terms), "multiplier": said})
            self.books[key] = Book(terms, Fraction(1) if said is None else said, side=key.side)
        self.touched.append(self.books[key])
        return self.books[key]

    def _opening(self, _order: Order, opening: Event) -> None:
        self._book(opening).open(Fraction(opening["quantity"]), Fraction(opening["average"]))

    def _split(self, order: Order, split: Event) -> None:
        symbol = self.instruments.terms(split["symbol"], "").canonical
        ratio = Fraction(split["n"], split["d"])
        account, strategy = split.get("account", ""), split.get("strategy", "")
        self.splits[symbol].append((order, 1 / ratio, account, strategy))
        booked = Fraction(split["quantity"]) if "quantity" in split else None
        for key, book in self.books.items():
            if key.symbol == symbol and account in ("", key.account) and strategy in ("", key.strategy):
                book.split(ratio, booked, Fraction(split.get("cash", 0)))
                self.touched.append(book)

    def _move(self, _order: Order, move: Event) -> None:
        source, sink = move.get("from"), move.get("to")
        price = Fraction(move["price"]) if "price" in move else None
        worth = None
        if source is not None:
            book, quantity = self._book(source), -Fraction(source["quantity"])
            if price is not None:  # closes there
                worth = book.terms.worth(quantity, price, book.multiplier)
            else:  # the cost moves along
                worth = book.cost / book.quantity * quantity if book.quantity else ZERO
            book.bring(quantity, worth)
        if sink is not None:
            book, quantity = self._book(sink), Fraction(sink["quantity"])
            if price is not None:
                worth = -book.terms.worth(quantity, price, book.multiplier)
            book.bring(quantity, -worth if worth is not None else ZERO)
            if source is None and move["reason"] == "reward" and worth is not None:
                book.income -= worth  # a reward with a basis is income (rule 7)
                book.rewards -= worth

    def _fill(self, order: Order, fill: Event) -> None:
        book, price, quantity = self._book(fill), Fraction(fill["price"]), Fraction(fill["qty"])
        book.trade(quantity if fill["side"] == "buy" else -quantity, price)
        if "fee" in fill:
            self._charge(book, Fraction(fill["fee"]), fill.get("fee_currency", ""), price, order[0])
        self.marks[book.terms.canonical].append((order, price, fill.get("account", "default")))

    def _charge(self, book: Book, fee: Fraction, currency: str, price: Fraction, when: int) -> None:
        """Rules 13 and 14, tested in their order."""
        terms = book.terms
        plain = SAME_CURRENCY.get(currency, currency)
        book.fees[plain] += fee
        if plain in ("", terms.currency):
            book.fees_in_net += fee
        elif terms.spot and plain == terms.base:
            book.trade(-fee, price)
            book.fees_in_net += terms.worth(fee, price, book.multiplier)
        else:
            rate = self.rates.at(plain, terms.currency, when)
            if rate is None:
                book.fees_outside[plain] += fee
            else:
                book.fees_in_net += fee * rate

    def _price(self, order: Order, price: Event) -> None:
        symbol = self.instruments.terms(price["symbol"], "").canonical
        self.marks[symbol].append((order, Fraction(price["price"]), ""))

    def _cash(self, cash: Event) -> None:
        """Income in the currency of its symbol's P&L is in that position's net (rule 16)."""
        amount, reason, sent = Fraction(cash["amount"]), cash["reason"], str(cash["currency"])
        currency = SAME_CURRENCY.get(sent, sent)
        account, strategy = cash.get("account", "default"), cash.get("strategy", "")
        symbol, side = cash.get("symbol", ""), cash.get("position_side", "")
        self.cash[CashKey(account, strategy, symbol, side, currency, reason)] += amount
        if reason in FLOWS:
            return
        self.income[currency] += amount
        of = self.instruments.terms(cash["symbol"], "").currency if "symbol" in cash else None
        if "strategy" in cash and of is not None and of in ("", currency):
            book = self.books.get(self._key(cash))  # cash alone makes no position
            if book is not None:
                book.income += amount

    def _mark(self, key: PositionKey) -> Fraction | None:
        """The last price by time, in units after the splits since (rule 20)."""
        own = self.books[key].terms.mark == "account"
        prices = [one for one in self.marks.get(key.symbol, ()) if not own or one[2] in ("", key.account)]
        if not prices:
            return None
        order, price, _ = prices[-1]
        for since, factor, account, strategy in self.splits.get(key.symbol, ()):
            if since > order and account in ("", key.account) and strategy in ("", key.strategy):
                price *= factor
        return price

    def _last(self, symbol: str) -> Fraction:
        order, price, _ = self.marks[symbol][-1]
        for since, factor, account, _ in self.splits.get(symbol, ()):
            if since > order and not account:
                price *= factor
        return price


def _sum(*amounts: Fraction | None) -> Fraction:
    return sum((amount for amount in amounts if amount is not None), ZERO)


class _Instruments:
    """What the instrument events in force say, member by member: the last one for the symbol, else for a pattern, the
    longest first. A symbol's aliases are those that the last one lists.
    """

    def __init__(self, said: Iterable[tuple[Event, Event]]) -> None:
        self.by_symbol: dict[str, dict[str, Any]] = defaultdict(dict)
        self.by_pattern: dict[str, dict[str, Any]] = {}
        self.canonical: dict[str, str] = {}
        self.known: dict[tuple[str, str], Terms] = {}
        for _, content in said:
            members = {name: value for name, value in content.items() if name not in ("symbol", "pattern")}
            if "symbol" in content:
                symbol = content["symbol"].upper()
                self.by_symbol[symbol].update(members)
                if "aliases" in members:
                    self.canonical = {alias: of for alias, of in self.canonical.items() if of != symbol}
                    self.canonical |= {alias.upper(): symbol for alias in members["aliases"]}
            else:
                pattern = content["pattern"].upper()
                self.by_pattern[pattern] = self.by_pattern.pop(pattern, {}) | members

    def terms(self, symbol: str, currency: str) -> Terms:
        """The terms of a symbol as sent whose fill names that currency (rule 5)."""
        asked = (symbol.upper(), currency)
        if asked not in self.known:
            self.known[asked] = self._terms(*asked)
        return self.known[asked]

    def _terms(self, symbol: str, currency: str) -> Terms:
        canonical = self.canonical.get(symbol, symbol)
        said: dict[str, Any] = {}
        for pattern, members in sorted(self.by_pattern.items(), key=lambda one: len(one[0])):
            if re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), canonical):
                said |= members
        said |= self.by_symbol.get(canonical, {})
        base, quote, settled = _form(canonical)
        multiplier = said.get("multiplier")
        return Terms(
            canonical,
            said.get("currency") or currency or (quote if settled in ("", quote) else ""),
            None if multiplier is None else Fraction(multiplier),
            said.get("settlement") == "inverse",
            bool(quote) and not settled and "settlement" not in said,
            bool(settled) or "settlement" in said,
            base,
            said.get("mark", "last"),
        )


def _form(symbol: str) -> tuple[str, str, str]:
    """Base, quote and settlement currency of BASE/QUOTE:SETTLEMENT or BASE-USD; other forms say nothing here."""
    found = re.fullmatch("([A-Z0-9]+)(?:/|-(?=USD$))([A-Z0-9]+)(?::([A-Z0-9]+))?", symbol)
    return (found[1], found[2], found[3] or "") if found else ("", "", "")


class _Rates:
    """Rates by pair and time."""

    def __init__(self, said: Iterable[Event]) -> None:
        self.by_pair: dict[tuple[str, str], list[tuple[int, Fraction, int]]] = defaultdict(list)
        for rate in said:
            start = nanoseconds(rate["ts"])
            end = start + rate["max_age"] * 10**9 if "max_age" in rate else 2**63
            value = Fraction(rate["rate"])
            self.by_pair[rate["base"], rate["quote"]].append((start, value, end))
            self.by_pair[rate["quote"], rate["base"]].append((start, 1 / value, end))
        for rates in self.by_pair.values():
            rates.sort()

    def at(self, base: str, quote: str, when: int) -> Fraction | None:
        """The last rate at or before a time, if that is within its max age (rule 14: no future rates)."""
        rates = self.by_pair.get((base, quote), [])
        index = bisect_right(rates, when, key=lambda rate: rate[0]) - 1
        return rates[index][1] if index >= 0 and when <= rates[index][2] else None


class _Counters:
    """Fills counted as they arrive, and what corrections took away and added since: right = accepted − removed + added.

    After each event the content in force of the fills it concerns is compared with the one before.
    """

    def __init__(self, events: list[Event]) -> None:
        self.accepted: dict[CounterKey, Count] = defaultdict(Count)
        self.removed: dict[CounterKey, Count] = defaultdict(Count)
        self.added: dict[CounterKey, Count] = defaultdict(Count)
        self.by_sequence: dict[int, Event] = {}
        self.voids: dict[int, int] = {}
        self.replacements: dict[int, list[int]] = defaultdict(list)
        self.imports: dict[str, int] = {}
        self.imported: dict[str, list[int]] = defaultdict(list)
        self.now: dict[int, Event | None] = {}
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        sequence, kind = event["seq"], event.get("kind")
        self.by_sequence[sequence] = event
        if kind is None:
            self.accepted[_counter(event)] += _count(event)
            self.now[sequence] = event
            self.imported[event.get("import_id", "")].append(sequence)
        elif kind == "void":
            self.voids[event["target"]] = sequence
        elif kind == "replace":
            self.replacements[event["target"]].append(sequence)
        elif kind == "import":
            self.imports[event["id"]] = sequence
        for fill in self._concerned(event):
            self._compare(fill)

    def _concerned(self, event: Event) -> list[int]:
        """The fills that an event may change."""
        while event.get("kind") == "void":
            event = self.by_sequence[event["target"]]
        if event.get("kind") == "replace":
            return [event["target"]]
        if event.get("kind") == "import":
            return self.imported.get(event["id"], [])
        return [] if "kind" in event else [event["seq"]]

    def _compare(self, fill: int) -> None:
        before, after = self.now[fill], self._content(fill)
        if _accounted(before) == _accounted(after):
            return
        if before is not None:
            self.removed[_counter(before)] += _count(before)
        if after is not None:
            self.added[_counter(after)] += _count(after)
        self.now[fill] = after

    def _content(self, fill: int) -> Event | None:
        imported_by = self.imports.get(self.by_sequence[fill].get("import_id", ""))
        if not self._holds(fill) or (imported_by is not None and not self._holds(imported_by)):
            return None
        for replacement in reversed(self.replacements[fill]):
            if self._holds(replacement):
                content: Event = self.by_sequence[replacement]["replace"]["fill"]
                return content
        return self.by_sequence[fill]

    def _holds(self, sequence: int) -> bool:
        void = self.voids.get(sequence)
        return void is None or not self._holds(void)


def _counter(fill: Event) -> CounterKey:
    return CounterKey(fill.get("account", "default"), fill.get("strategy", "default"), fill["symbol"], fill["side"])


def _accounted(fill: Event | None) -> dict[str, Any] | None:
    """The members of a fill that figures depend on, numbers by value."""
    if fill is None:
        return None
    numbers = {name: Fraction(fill[name]) for name in ("price", "qty", "fee", "multiplier") if name in fill}
    return {name: fill[name] for name in fill if name not in ("seq", "venue", "order_id", "tags")} | numbers


def _count(fill: Event) -> Count:
    price, quantity = Fraction(fill["price"]), Fraction(fill["qty"])
    return Count(1, quantity, abs(price) * quantity)

"""Rows that are one trade together, as one row: what was received, what was paid, and the fees."""

import re
from collections.abc import Iterator
from decimal import Context, Decimal

from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.members import Members
from trading_files.mapping.model import Group, Mapping, Value
from trading_files.reading.tables import Row
from trading_model.symbols import customary_pair

BASE, BASE_AMOUNT = "trade.base", "trade.base_amount"
QUOTE, QUOTE_AMOUNT = "trade.quote", "trade.quote_amount"
FEE, FEE_COIN = "trade.fee", "trade.fee_coin"
FEES = "trade.fees"
PROBLEM = "trade.problem"
"""Why the rows are not one trade."""

COLUMNS = (BASE, BASE_AMOUNT, QUOTE, QUOTE_AMOUNT, FEE, FEE_COIN)
"""The columns of a group's row. Amounts are more than 0 if received, less if paid; a fee is more than 0 if paid.

Beside them it has the columns of its rows in which all have the same text. Of fees in several coins, FEE is that in the
base, else that in the quote currency; the others are the items of the list FEES, each with `coin` and `fee`.
"""

MAX_OPEN = 1_000
"""Groups that wait for further rows: those of one may stand among rows of others."""

MAX_COINS = 100
"""Maximum of coins counted in one group, which bounds its memory. A trade has two, and one for each fee."""

MAX_SHOWN = 3

_EXACT = Context(prec=200)
_ZERO = Decimal()


class Grouping:
    """Makes one row of each group of a table's rows."""

    def __init__(self, mapping: Mapping, group: Group, around: Surroundings) -> None:
        members = Members(mapping, around)
        self._by = around.columns(group.by)
        self._meets = compile_tests(group.when, around, members.number)
        self._is_fee = compile_tests(group.fees, around, members.number) if group.fees else None
        self._coin = members.getter("currency", group.coin)
        self._amount = members.getter("amount", group.amount)
        self._fee = members.getter("fee", group.fee) if group.fee is not None else None
        self._comma = (around.choices.decimal or mapping.decimal) == ","
        self._amounts = _by_coin(group.amounts_in, members, around)
        self._fees = _by_coin(group.fees_in, members, around)
        self._takes_fees = any(output.each == FEES for rule in mapping.rules for output in rule.outputs)

    def rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, with one for each group, whose place is that of its last row."""
        open_groups: dict[tuple[str | None, ...], _Legs] = {}
        for row in rows:
            if self._amounts:
                yield row if row.extra or not self._belongs(row) else self._row(self._wide(row))
                continue
            key = tuple(map(row.cells.get, self._by))
            if row.extra or not any(key) or not self._belongs(row):
                yield row
                continue
            legs = open_groups.pop(key, None) or _Legs(row)
            open_groups[key] = legs
            self._add(legs, row)
            if len(open_groups) > MAX_OPEN:
                yield self._row(open_groups.pop(next(iter(open_groups))))
        for legs in open_groups.values():
            yield self._row(legs)

    def _belongs(self, row: Row) -> bool:
        return self._meets is None or self._meets(row.cells)

    def _wide(self, row: Row) -> "_Legs":
        """A row that is a trade, with a column for each coin."""
        legs = _Legs(row)
        try:
            for coin, get in self._amounts:
                if (text := get(row.cells)) is not None:
                    legs.add(coin, Decimal(text))
            for coin, get in self._fees:
                if (text := get(row.cells)) is not None:
                    _count(legs.fees, coin, -Decimal(text))
        except RowError as error:
            legs.problem = f"{error.column} {error.message}"
        except Asked as asked:
            legs.problem = f"{asked.question.text} Say it in the mapping"
        return legs

    def _add(self, legs: "_Legs", row: Row) -> None:
        cells = row.cells
        legs.last = row.place
        if legs.shared is not cells:
            legs.count += 1
            legs.shared = {name: text for name, text in legs.shared.items() if cells.get(name) == text}
        if legs.problem:
            return
        try:
            coin, amount = self._coin(cells), Decimal(self._amount(cells) or _ZERO)
            if coin is None:
                raise RowError("", "a row of the trade names no coin")
            if self._is_fee is not None and self._is_fee(cells):
                _count(legs.fees, coin, -amount)
            else:
                legs.add(coin, amount)
            if self._fee is not None and (fee := self._fee(cells)) is not None:
                _count(legs.fees, coin, Decimal(fee))
            if max(len(legs.received), len(legs.paid), len(legs.fees), len(legs.nothing)) > MAX_COINS:
                legs.problem = f"a trade of more than {MAX_COINS} coins"
        except RowError as error:
            legs.problem = f"{error.column} {error.message}".strip()
        except Asked as asked:
            legs.problem = f"{asked.question.text} Say it in the mapping"

    def _row(self, legs: "_Legs") -> Row:
        fees = {coin: fee for coin, fee in legs.fees.items() if fee}
        problem = legs.problem or _problem(legs, fees, self._takes_fees)
        if problem:
            return Row(legs.last, {PROBLEM: f"{_where(legs)}: {problem}"})
        amounts = legs.received | legs.paid
        base, quote = customary_pair(*amounts)
        cells = legs.shared | {
            BASE: base,
            BASE_AMOUNT: self._text(amounts[base]),
            QUOTE: quote,
            QUOTE_AMOUNT: self._text(amounts[quote]),
        }
        if fees:
            main = base if base in fees else quote if quote in fees else next(iter(fees))
            cells |= {FEE: self._text(fees.pop(main)), FEE_COIN: main}
        for number, (coin, fee) in enumerate(fees.items()):
            cells |= {f"{FEES}.{number}.fee": self._text(fee), f"{FEES}.{number}.coin": coin}
        return Row(legs.last, cells)

    def _text(self, number: Decimal) -> str:
        """A number as the numbers of the file are written."""
        text = format(number, "f")
        return text.replace(".", ",") if self._comma else text


class _Legs:
    """What the rows of a group say so far: sums by coin."""

    __slots__ = ("count", "fees", "first", "last", "nothing", "paid", "problem", "received", "shared")

    def __init__(self, row: Row) -> None:
        self.first = self.last = row.place
        self.count = 1
        self.shared: Cells = row.cells
        self.received: dict[str, Decimal] = {}
        self.paid: dict[str, Decimal] = {}
        self.nothing: dict[str, Decimal] = {}
        """The coins of rows with an amount of 0: that of a fee alone, or a rounded one."""

        self.fees: dict[str, Decimal] = {}
        self.problem = ""

    def add(self, coin: str, amount: Decimal) -> None:
        """Take what was received, if more than 0, or paid."""
        if amount:
            _count(self.received if amount > 0 else self.paid, coin, amount)
        else:
            self.nothing[coin] = amount


def _by_coin(form: str, members: Members, around: Surroundings) -> list[tuple[str, Get]]:
    """The columns whose names have a form, by the coin that the first `*` stands for."""
    pattern = re.compile(re.escape(form).replace(r"\*", "(.+)"), re.IGNORECASE)
    found = [(match[1].strip(), name) for name in around.names if form and (match := pattern.fullmatch(name))]
    return [(coin, members.getter("amount", Value(columns=(name,), with_unit=True))) for coin, name in found]


def _count(sums: dict[str, Decimal], coin: str, amount: Decimal) -> None:
    sums[coin] = _EXACT.add(sums[coin], amount) if coin in sums else amount


def _problem(legs: _Legs, fees: dict[str, Decimal], takes_fees: bool) -> str:
    """Why the rows are not one trade, in words; empty if they are."""
    received, paid = _named(legs.received), _named(legs.paid)
    said = f"received {received or 'nothing'}, paid {paid or 'nothing'}"
    if not received or not paid:
        if legs.nothing:
            return (
                f"a trade with an amount of 0 {_named(legs.nothing)}, so without a price ({said}); leave these rows out"
            )
        return f"the rows of a trade are not all here ({said}); export the whole time, or leave these rows out"
    if len(legs.received) > 1 or len(legs.paid) > 1 or received == paid:
        return f"several trades at once, whose rows nothing tells apart ({said}); leave them out"
    if len(fees) > 1 and not takes_fees:
        return f"fees in several coins, {_named(fees)}, for which the mapping has no rule"
    return ""


def _named(coins: dict[str, Decimal]) -> str:
    names = list(coins)
    more = [f"{len(names) - MAX_SHOWN} more"] if len(names) > MAX_SHOWN else []
    return " and ".join(names[:MAX_SHOWN] + more)


def _where(legs: _Legs) -> str:
    return f"row {legs.first}" if legs.count == 1 else f"{legs.count} rows from {legs.first} to {legs.last}"

"""The sources of values as functions of a row."""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal

from trading_files.errors import UnreadableValue
from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings, shown
from trading_files.mapping.asking import doubtful_size_question, missing_question, size_question
from trading_files.mapping.load import template_pieces
from trading_files.mapping.model import Proof, Value
from trading_files.mapping.numeric import PLAIN_NUMBER, NumberOf, ReadText, amount_reader, split_plain
from trading_files.mapping.texts import meaning_of
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.amounts import read_amount
from trading_files.values.marks import says_nothing
from trading_files.values.options import find_option
from trading_model.currencies import FIAT, METALS
from trading_model.field_rules import MAX_DIGITS
from trading_model.symbols import SymbolParts, symbol_parts

_PAIR = 6
"""Letters of a pair of currencies."""

_MONEY = FIAT | METALS
_EXACT = Context(prec=200)
_SHORT = Context(prec=30)
_LEAST = Decimal(1).scaleb(-MAX_DIGITS)
ROUNDED = "rounded"
_CENT = Decimal("0.02")
"""How much a profit may be off that a broker rounded, of the entry and of the exit."""

_CLOSE = Decimal("0.001")
"""How much an amount that a venue rounded, or wrote as a binary float, may be off."""


class Sources:
    """Makes the functions of one table's sources. `number_of` makes those that read numbers."""

    def __init__(self, around: Surroundings, number_of: NumberOf, decimal: str) -> None:
        self._around = around
        self._number_of = number_of
        self._decimal = decimal

    def get(self, value: Value, label: str) -> Get:
        """The function that gives the text of a value's source. `label` is the column to name in a message."""
        text = value.text
        match value.source:
            case "column":
                return self._column(value)
            case "value":
                return fixed(text or None)
            case "preamble":
                return fixed(self._around.labelled(text))
            case "in_header":
                return fixed(self._around.in_header(text))
            case source:
                make: Callable[[Value, str], Get] = getattr(self, f"_{source}")
                return make(value, label)

    def _column(self, value: Value) -> Get:
        columns = self._around.columns(value.columns)
        if len(columns) == 1:
            (column,) = columns
            return lambda cells: cells.get(column)

        def first(cells: Cells) -> str | None:
            for column in columns:
                if column in cells:
                    return cells[column]
            return None

        return first

    def _text(self, value: Value, _label: str) -> Get:
        first, parts = template_pieces(value.text)
        named = [(self._around.column(column), rest) for column, rest in parts]

        def filled(cells: Cells) -> str | None:
            found = first
            for column, rest in named:
                if column not in cells:
                    return None
                found += cells[column] + rest
            return found

        return filled

    def _units(self, value: Value, _label: str) -> Get:
        first, parts = template_pieces(value.text)
        named = [(self._around.column(column), rest) for column, rest in parts]

        def units(cells: Cells) -> str | None:
            found = first
            for column, rest in named:
                unit = self._unit(cells.get(column))
                if unit is None:
                    return None
                found += unit + rest
            return found

        return units

    def _list_of(self, value: Value, _label: str) -> Get:
        get, (name, *_) = self._column(value), self._around.columns(value.columns)

        def items(cells: Cells) -> str | None:
            found = get(cells)
            if found is not None:
                return found
            parts: list[str] = []
            while (item := cells.get(f"{name}.{len(parts)}")) is not None:
                parts.append(item)
            return ",".join(parts) or None

        return items

    def _unit_of(self, value: Value, _label: str) -> Get:
        get = self._column(value)
        return lambda cells: self._unit(get(cells))

    def _unit(self, text: str | None) -> str | None:
        """The unit of an amount; None if it has none. The number itself is read, and refused, by its own member."""
        if text is None:
            return None
        plain = split_plain(text)
        if plain is not None:
            return plain[1]
        try:
            found = read_amount(text, self._decimal).unit
        except UnreadableValue:
            return None
        return None if isinstance(found, Ambiguous) else found or None

    def _sign_of(self, value: Value, label: str) -> Get:
        get, number = self._column(value), self._number_of(label)

        def sign(cells: Cells) -> str | None:
            text = get(cells)
            if text is None:
                return None
            read = number(text)
            if not read.strip("-0."):
                raise RowError(label, "is 0, so it is neither a purchase nor a sale")
            return "sell" if read[0] == "-" else "buy"

        return sign

    def _parts(self, value: Value) -> list[tuple[str, ReadText]]:
        """Each column of a value with what reads its numbers, or its amounts."""
        columns = self._around.columns(value.columns)
        if not value.with_unit:
            return [(column, self._number_of(column)) for column in columns]
        return [(column, amount_reader(column, self._decimal, self._number_of(column))) for column in columns]

    def _sum_of(self, value: Value, _label: str) -> Get:
        parts = self._parts(value)

        def total(cells: Cells) -> str | None:
            found = [
                Decimal(number(text))
                for column, number in parts
                if (text := cells.get(column)) is not None and not says_nothing(text)
            ]
            if not found:
                return None
            total = found[0]
            for one in found[1:]:
                total = _EXACT.add(total, one)
            return format(total, "f")

        return total

    def _product_of(self, value: Value, label: str) -> Get:
        return self._computed(value, label, _product)

    def _quotient_of(self, value: Value, label: str) -> Get:
        def quotient(numbers: Sequence[Decimal]) -> Decimal:
            divisor = _product(numbers[1:])
            if not divisor:
                by = value.columns[1]
                raise RowError(by, f"is {shown(str(numbers[1]))}, so nothing can be divided by it")
            return _EXACT.divide(numbers[0], divisor)

        return self._computed(value, label, quotient)

    def _excess_of(self, value: Value, label: str) -> Get:
        def excess(numbers: Sequence[Decimal]) -> Decimal:
            return _EXACT.subtract(abs(numbers[0]), abs(_product(numbers[1:])))

        return self._computed(value, label, excess)

    def _computed(self, value: Value, label: str, compute: Callable[[Sequence[Decimal]], Decimal]) -> Get:
        """What is computed from a row's numbers, None if one is missing. A column named by a number stands for it."""
        fixed_numbers = [Decimal(name) for name in value.columns if PLAIN_NUMBER.fullmatch(name)]
        parts = [(column, number) for column, number in self._parts(value) if not PLAIN_NUMBER.fullmatch(column)]

        def computed(cells: Cells) -> str | None:
            if any(column not in cells for column, _ in parts):
                return None
            numbers = [Decimal(number(cells[column])) for column, number in parts] + fixed_numbers
            return self._fitted(compute(numbers), label)

        return computed

    def _fitted(self, number: Decimal, label: str) -> str:
        """A number with as many digits and decimals as the ledger takes: rounded if it has more, which is said."""
        digits = len(number.as_tuple().digits)
        if max(digits, digits - 1 - number.adjusted()) > MAX_DIGITS:
            said = f"{label}: results of more than {MAX_DIGITS} digits are rounded to {_SHORT.prec}"
            self._around.notes.append((ROUNDED, said))
            number = _SHORT.plus(number)
            if number.adjusted() < _SHORT.prec - 1 - MAX_DIGITS:
                number = number.quantize(_LEAST, context=_EXACT)
        return format(number, "f")

    def _option_of(self, value: Value, label: str) -> Get:
        get, clip, thousandths = self._column(value), clipped(value), value.thousandths

        def symbol(cells: Cells) -> str | None:
            text = get(cells)
            try:
                return None if text is None else find_option(clip(text), thousandths)
            except ValueError as error:
                raise RowError(label, str(error)) from None

        return symbol

    def _ask(self, value: Value, _label: str) -> Get:
        what = value.text
        answer: str = getattr(self._around.choices, what)

        def answered(_cells: Cells) -> str:
            if not answer:
                raise Asked(missing_question(what))
            return answer

        return answered

    def _base_of(self, value: Value, _label: str) -> Get:
        get = self._column(value)
        return lambda cells: None if (symbol := get(cells)) is None else _pair(symbol).base or None

    def _quote_of(self, value: Value, _label: str) -> Get:
        get = self._column(value)
        return lambda cells: None if (symbol := get(cells)) is None else _pair(symbol).quote or None

    def _size_of(self, value: Value, label: str) -> Get:
        get = self._column(value)
        chosen = meaning_of(tuple(self._around.choices.contract_sizes.items()))
        known = meaning_of(value.words)
        doubt = None if value.proof is None else self._doubt(value.proof)

        def size(cells: Cells) -> str | None:
            symbol = get(cells)
            if symbol is None:
                return None
            found = chosen(symbol)
            if found is not None:
                return found
            found = known(symbol)
            if found is None:
                raise Asked(size_question(label, symbol))
            if doubt is not None and (profit := doubt(symbol, found, cells)) is not None:
                raise Asked(doubtful_size_question(label, symbol, found, profit))
            return found

        return size

    def _doubt(self, proof: Proof) -> Callable[[str, str, Cells], str | None]:
        """Makes the function that gives the profit of a row if a size of the lot does not give it."""
        currency_of = self.get(proof.currency, "")
        clip = clipped(proof.currency)
        names = (proof.profit, proof.lots, proof.entry, proof.exit)
        parts = [(column, self._number_of(column)) for column in self._around.columns(names)]

        def doubt(symbol: str, size: str, cells: Cells) -> str | None:
            currency = currency_of(cells)
            is_same = currency is not None and clip(currency) == _pair(symbol).quote
            if not is_same or any(column not in cells for column, _ in parts):
                return None
            profit, lots, entry, end = (Decimal(number(cells[column])) for column, number in parts)
            expected = abs(_product([Decimal(size), lots, end - entry]))
            if abs(expected - abs(profit)) <= max(_CENT, expected * _CLOSE):
                return None
            return format(profit, "f")

        return doubt

    def _size_from(self, value: Value, _label: str) -> Get:
        parts = self._parts(value)

        def size(cells: Cells) -> str | None:
            if any(column not in cells for column, _ in parts):
                return None
            amount, *factors = (Decimal(number(cells[column])) for column, number in parts)
            return power_of_ten(amount, factors)

        return size


def clipped(value: Value) -> Callable[[str], str]:
    """What the changes `after`, `before`, `part`, `remove` and `swap` make of a text."""
    after, before, number, removed, between = value.after, value.before, value.part, value.remove, value.swap

    def clip(text: str) -> str:
        if after:
            text = text.partition(after)[2] or text
        if before:
            text = text.partition(before)[0]
        if number:
            parts = text.split()
            text = parts[number - 1] if number <= len(parts) else ""
        for sign in removed:
            text = text.replace(sign, "")
        if between and between in text:
            first, _, second = text.partition(between)
            text = f"{second.strip()}{between}{first.strip()}"
        return text.strip()

    return clip


def fixed(text: str | None) -> Get:
    """The function that gives the same text for every row."""
    return lambda _cells: text


def power_of_ten(amount: Decimal, factors: Sequence[Decimal]) -> str | None:
    """The power of ten by which the product of `factors` is `amount`, but for its sign; None if there is none."""
    product = _product(factors)
    if not product or not amount:
        return None
    ratio = abs(_EXACT.divide(amount, product))
    power = Decimal(1).scaleb(round(ratio.log10()))
    return format(power, "f") if abs(ratio / power - 1) <= _CLOSE else None


def _product(factors: Sequence[Decimal]) -> Decimal:
    product = Decimal(1)
    for factor in factors:
        product = _EXACT.multiply(product, factor)
    return product


def _pair(symbol: str) -> SymbolParts:
    """The parts of a pair; of currencies and metals with a broker's suffix too, as in EURUSDm or XAUUSD.r."""
    parts = symbol_parts(symbol)
    if parts.quote or len(symbol) <= _PAIR:
        return parts
    cut = symbol_parts(symbol[:_PAIR])
    return cut if {cut.base, cut.quote} <= _MONEY else parts

"""The members of events as functions of a row: a source's text, what is done to it, and its type."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from trading_files.mapping import standing
from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings, shown
from trading_files.mapping.asking import ambiguous_question
from trading_files.mapping.clock import plain_zone, time_reader, zone_in_header
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.model import Mapping, Option, Value
from trading_files.mapping.numeric import ReadText, amount_reader, in_range, number_reader
from trading_files.mapping.sources import Sources, clipped
from trading_files.mapping.standing import ReadTexts
from trading_files.mapping.texts import Known, meaning_of
from trading_files.values import numbers, options, sides
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.marks import unmark
from trading_model import field_rules
from trading_model.field_rules import FieldError

NUMBERS = ("price", "qty", "fee", "multiplier", "amount", "quantity", "average", "cash", "strike", "lot")
SIDES = ("side", "position_side")
IDS = ("trade_id", "order_id", "id")
MADE_NUMBERS = ("value", "sum_of", "product_of", "quotient_of", "excess_of", "size_of", "size_from")
"""Sources whose text is a plain number already."""

UNTAKEN_TAGS = "tags_not_taken"
MANGLED_IDS = "ids_in_exponent_form"


def unmarked(text: str) -> str:
    """A text without the sign by which a spreadsheet, and this app's export, says that a cell is text."""
    return text.removeprefix("'") if text[0] == "'" else unmark(text)


def _symbol(text: str) -> str:
    """A symbol as the ledger has it: one space where a broker aligns the parts of a contract by several."""
    return field_rules.check_symbol(" ".join(text.split()))


_CHECKS: dict[str, ReadText] = {
    "symbol": _symbol,
    "account": field_rules.check_name,
    "strategy": field_rules.check_name,
    "venue": field_rules.check_name,
    "currency": field_rules.check_currency,
    "fee_currency": field_rules.check_currency,
}
_OTHER_SIDE = {"buy": "sell", "sell": "buy", "long": "short", "short": "long"}


class Plain(NamedTuple):
    """A member that is the text of one column: `read` reads it; a text of which `stands` is true needs no reading.

    `read_together` reads the texts of many rows, if they are written as most are; else it gives None.
    """

    name: str
    column: str
    read: ReadText
    stands: Callable[[str], object] | None = None
    read_together: ReadTexts | None = None


class Members:
    """Makes the functions of one mapping's members for one table."""

    def __init__(self, mapping: Mapping, around: Surroundings, decimal: str = "", order: str = "") -> None:
        """`decimal` and `order` are what the file shows, for a mapping that doesn't say them."""
        chosen = around.choices.decimal or decimal
        self._around = around
        self._order = around.choices.date_order or order
        self._decimal = chosen or mapping.decimal
        self._thousands = mapping.thousands or bool(chosen)
        self._fractions = mapping.fractions
        self._sources = Sources(around, self.number, self._decimal)

    def label(self, name: str, value: Value) -> str:
        """The column to name in a message about a member."""
        return self._around.column(value.columns[0]) if value.columns else name

    def plain(self, name: str, value: Value) -> "Plain | None":
        """What reads a member that is the text of one column, as most are; None for any other."""
        zone = value.zone.text if value.zone is not None and value.zone.source == "value" else ""
        plain = Value(columns=value.columns, with_unit=value.with_unit, order=value.order, zone=value.zone)
        if value != plain or len(value.columns) != 1 or (value.zone is not None and not zone):
            return None
        label = self.label(name, value)
        if zone and not self._around.choices.timezone:
            zone = plain_zone(zone)
            return Plain(name, label, self._time_reader(value, label, zone), None, _times_in(zone))
        read = self._reader(name, value, label)
        if name == "ts":
            return Plain(name, label, read, None, _times_in(self._zone_of(label)))
        if name in IDS:
            return Plain(name, label, read, standing.is_id, standing.ids)
        if name in NUMBERS and self._decimal == numbers.POINT and not value.with_unit:
            return Plain(name, label, read, standing.is_number, standing.numbers)
        return Plain(name, label, read)

    def getter(self, name: str, value: Value) -> Get:
        """The function that gives a member of a row."""
        if value.source == "instant_of":
            return self.getter("ts", msgspec.structs.replace(value, source="column"))
        if name == "ts" and len(value.columns) > 1 and value.source == "column":
            return self._first_time(value)
        label = self.label(name, value)
        source = self._option(value.option) if value.option is not None else self._sources.get(value, label)
        get = _changed(value, source)
        if name == "ts" and value.zone is not None and not self._around.choices.timezone:
            get = self._time_in_zone(value, label, get)
        else:
            get = _read(get, label, self._reader(name, value, label))
        if name == "fee_currency" and value.source in ("base_of", "quote_of"):
            get = _known(get, label)
        meets = compile_tests(value.when, self._around, self.number)
        if meets is not None:
            get = _only_if(meets, get)
        return get if value.otherwise is None else _or(get, self.getter(name, value.otherwise))

    def number(self, label: str) -> ReadText:
        """The function that reads the numbers of a column."""
        return number_reader(label, self._decimal, self._thousands, self._fractions)

    def _option(self, option: Option) -> Get:
        names = ("root", "expiry", "strike", "right")
        getters = [self.getter(name, getattr(option, name)) for name in names]
        label = self.label("expiry", option.expiry)

        def symbol(cells: Cells) -> str | None:
            parts = [text for get in getters if (text := get(cells)) is not None]
            if len(parts) < len(getters):
                return None
            root, expiry, strike, right = parts
            try:
                return options.occ_symbol(root, expiry, strike, right)
            except ValueError as error:
                raise RowError(label, str(error)) from None

        return symbol

    # Types

    def _reader(self, name: str, value: Value, label: str) -> ReadText:
        """The function that reads the text of a member by its type. It raises RowError, Asked, ValueError."""
        if name in NUMBERS:
            return self._amount_reader(value, label)
        if name in SIDES:
            return Known(_side_reader(label, name == "position_side", value.opposite)).__getitem__
        if name == "ts":
            return self._time_reader(value, label, self._zone_of(label))
        if name in IDS:
            return self._identifier_reader(label)
        if name == "tags":
            return self._tags_reader(label)
        check = _CHECKS.get(name)
        return unmarked if check is None else Known(lambda text: check(unmarked(text))).__getitem__

    def _amount_reader(self, value: Value, label: str) -> ReadText:
        is_made = value.source in MADE_NUMBERS
        number = in_range if is_made else self.number(label)
        if value.with_unit and not is_made:
            number = amount_reader(label, self._decimal, number)
        if not (value.negate or value.absolute):
            return number
        negate, absolute = value.negate, value.absolute

        def signed(text: str) -> str:
            read = number(text)
            is_negative = read[0] == "-"
            size = read[1:] if is_negative else read
            stays = negate if absolute else is_negative != negate
            return f"-{size}" if stays and size.strip("0.") else size

        return signed

    def _identifier_reader(self, label: str) -> ReadText:
        notes = self._around.notes

        def identifier(text: str) -> str:
            text = unmarked(text)
            if "+" in text and numbers.has_exponent(text):
                said = f"{label} has ids such as {shown(text)}, cut by a spreadsheet; they are not taken"
                notes.append((MANGLED_IDS, said))
                return ""
            return field_rules.check_identifier(text)

        return identifier

    def _tags_reader(self, label: str) -> ReadText:
        notes = self._around.notes

        def tags(text: str) -> str:
            text = unmarked(text)
            try:
                field_rules.check_tags([tag.strip(" ") for tag in text.split(",")])
            except FieldError as error:
                notes.append((UNTAKEN_TAGS, f"{label} has {shown(text)}, which can't be tags: {error}; not taken"))
                return ""
            return text

        return tags

    def _zone_of(self, label: str) -> str:
        """The zone of a column's times that name none; empty if it is not known."""
        return plain_zone(self._around.choices.timezone) or zone_in_header(label)

    def _time_reader(self, value: Value, label: str, zone: str) -> ReadText:
        order = self._order or value.order
        return time_reader(label, order, zone, value.zone_default, value.form, self._around.notes)

    def _first_time(self, value: Value) -> Get:
        """The first time of several columns: each has the zone that its own name says."""
        *others, last = self._around.columns(value.columns)
        chain = msgspec.structs.replace(value, columns=(last,))
        for column in reversed(others):
            chain = msgspec.structs.replace(value, columns=(column,), otherwise=chain)
        return self.getter("ts", chain)

    def _time_in_zone(self, value: Value, label: str, get: Get) -> Get:
        """A time whose zone the mapping names, or a column of the row does."""
        zone_of = self.getter("zone", value.zone or Value())
        readers: dict[str, ReadText] = {}

        def time(cells: Cells) -> str | None:
            text = get(cells)
            if text is None:
                return None
            zone = zone_of(cells) or ""
            read = readers.get(zone)
            if read is None:
                read = readers[zone] = self._time_reader(value, label, plain_zone(zone))
            return read(text)

        return time


def _times_in(zone: str) -> ReadTexts:
    return standing.times_in_utc if zone == "UTC" else standing.times


def _changed(value: Value, get: Get) -> Get:
    """The source's text after the changes of the mapping."""
    if value.source == "option_of":
        return get  # clipped before it was read
    if value.after or value.before or value.part or value.remove or value.swap:
        get = _read(get, "", clipped(value))
    if not value.words or value.source == "size_of":
        return get
    meaning = meaning_of(value.words)

    def meant(cells: Cells) -> str | None:
        text = get(cells)
        if text is None:
            return None
        found = meaning(text)
        return text if found is None else found or None

    return meant


def _read(get: Get, label: str, read: ReadText) -> Get:
    """What a function makes of the text; None if that is empty. What it can't read is an error of the column."""

    def reading(cells: Cells) -> str | None:
        text = get(cells)
        if text is None:
            return None
        try:
            return read(text) or None
        except ValueError as error:
            raise RowError(label, str(error)) from None

    return reading


def _known(get: Get, label: str) -> Get:
    """The currency of a fee, which is wrong if it is left open: it would be taken for the quote currency."""

    def known(cells: Cells) -> str:
        text = get(cells)
        if text is None:
            raise RowError(label, f"is {shown(cells.get(label, ''))}, whose currencies are unknown")
        return text

    return known


def _only_if(meets: Callable[[Cells], bool], get: Get) -> Get:
    return lambda cells: get(cells) if meets(cells) else None


def _or(get: Get, other: Get) -> Get:
    def one_or_other(cells: Cells) -> str | None:
        text = get(cells)
        return other(cells) if text is None else text

    return one_or_other


def _side_reader(label: str, is_position: bool, opposite: bool) -> ReadText:
    def read(text: str) -> str:
        found = sides.read_side(text)
        if isinstance(found, Ambiguous):
            raise Asked(ambiguous_question(label, found))
        word = found.position if is_position else found.side
        return _OTHER_SIDE.get(word, word) if opposite else word

    return read

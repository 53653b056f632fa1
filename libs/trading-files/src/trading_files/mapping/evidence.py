"""How the numbers and dates of a table are written, where its mapping doesn't say it: from the texts themselves."""

from collections.abc import Iterator

from trading_files.mapping.around import Cells, Surroundings, shown
from trading_files.mapping.asking import decimal_question
from trading_files.mapping.members import NUMBERS
from trading_files.mapping.model import Mapping, Value
from trading_files.readings import Question
from trading_files.values.dates import DateOrders
from trading_files.values.numbers import DecimalMarks

_READ_AS_NUMBERS = ("column", "sign_of", "sum_of", "product_of", "quotient_of", "excess_of", "size_from")


class Evidence:
    """What the rows seen so far say about the decimal sign and the order of day, month and year."""

    def __init__(self, mapping: Mapping, around: Surroundings) -> None:
        choices = around.choices
        self._numbers = [] if choices.decimal or mapping.decimal else _columns(mapping, around, NUMBERS)
        self._dates = [] if choices.date_order else _undated(mapping, around)
        self._marks = DecimalMarks()
        self._open_number: tuple[int, str] | None = None
        """Place and column of the first number that can be read with either decimal sign."""

        self._orders = DateOrders()
        self._open_date: tuple[int, str] | None = None
        """Place and column of the first date that needs an order."""

    @property
    def is_needed(self) -> bool:
        """Whether rows have to be looked at."""
        return bool(self._numbers or self._dates)

    @property
    def is_open(self) -> bool:
        """Whether a text so far can be read in two ways, and none shows in which."""
        return bool(self.questions())

    def may_answer(self, question: Question) -> bool:
        """Whether further rows may show what a question asks for."""
        return bool({"decimal": self._numbers, "date_order": self._dates}.get(question.code))

    @property
    def is_clear(self) -> bool:
        """Whether no further row is needed."""
        return (not self._numbers or bool(self._marks.mark)) and (not self._dates or bool(self._orders.order))

    @property
    def decimal(self) -> str:
        """The decimal sign that the numbers show; empty if none does."""
        return self._marks.mark

    @property
    def order(self) -> str:
        """The order that the dates show; empty if none does."""
        return self._orders.order

    def see(self, place: int, cells: Cells) -> None:
        """Look at a row."""
        for column in self._numbers:
            text = cells.get(column)
            if text is not None:
                self._marks.see(text)
                if self._marks.open and self._open_number is None:
                    self._open_number = place, column
        for column in self._dates:
            text = cells.get(column)
            if text is not None:
                self._orders.see(text)
                if self._orders.open and self._open_date is None:
                    self._open_date = place, column

    def questions(self) -> list[Question]:
        """What the rows leave open."""
        found = []
        if self._open_number is not None and not self._marks.mark:
            place, column = self._open_number
            question = decimal_question(column, self._marks.open)
            found.append(Question(question.code, question.text, question.option, question.choices, (place,)))
        if self._open_date is not None and not self._orders.order:
            place, column = self._open_date
            said = f"{column} has dates such as {shown(self._orders.open)}: does the day come first, or the month?"
            found.append(Question("date_order", said, "--date-order", ("dmy", "mdy"), (place,)))
        return found


def _columns(mapping: Mapping, around: Surroundings, names: tuple[str, ...]) -> list[str]:
    """The columns from which these members are read."""
    found: dict[str, None] = {}
    for name, value in _members(mapping):
        if name in names:
            found |= dict.fromkeys(around.columns(value.columns) if value.source in _READ_AS_NUMBERS else ())
    return list(found)


def _undated(mapping: Mapping, around: Surroundings) -> list[str]:
    found: dict[str, None] = {}
    for name, value in _members(mapping):
        if name == "ts" and not value.order and not value.form:
            found |= dict.fromkeys(around.columns(value.columns[:1] if value.source == "text" else value.columns))
    return list(found)


def _members(mapping: Mapping) -> Iterator[tuple[str, Value]]:
    for rule in mapping.rules:
        for output in rule.outputs:
            for name, value in output.members:
                chosen: Value | None = value
                while chosen is not None:
                    yield name, chosen
                    chosen = chosen.otherwise

"""What the functions of a table's rows are made for, and how they say that a row can't be read."""

from collections.abc import Callable, Sequence

from trading_files.mapping.texts import WILD, one_of_texts
from trading_files.reading.columns import column_key
from trading_files.readings import Choices, Question

Cells = dict[str, str]
"""The cells of a row that are not empty, by column."""

Note = tuple[str, str]

Get = Callable[[Cells], str | None]
"""Gives the text of a member; None if the row has none."""

MAX_SHOWN = 60
"""Characters of a cell in a message."""


class RowError(Exception):
    """A row can't be read."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


class Asked(Exception):
    """Only the user can say what a row means."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


class Surroundings:
    """The columns of a table, the lines above them, the user's choices.

    `is_complete`: no row has a column that is not among `columns`; rows of JSON may.
    `notes` is where a function says what the user should know about the row at hand: a code and a text; `noted` has
    those of rows that are read together, by place.
    `needs_time`: a row of a file without a time is an error, while a message happened now.
    """

    def __init__(
        self,
        choices: Choices,
        columns: Sequence[str] = (),
        preamble: Sequence[Sequence[str]] = (),
        needs_time: bool = True,
        is_complete: bool = False,
    ) -> None:
        self.choices = choices
        self.is_complete = is_complete
        self.needs_time = needs_time
        self.notes: list[Note] = []
        self.noted: dict[int, list[Note]] = {}
        self._columns = dict.fromkeys(columns)
        self._by_key = {column_key(name): name for name in reversed(columns)}
        self._preamble = preamble

    @property
    def names(self) -> list[str]:
        """The table's columns, in its order."""
        return list(self._columns)

    def column(self, name: str) -> str:
        """The name in this table of a column that a mapping names; `*` in it stands for any characters."""
        if name in self._columns:
            return name
        if WILD in name:
            fits = one_of_texts((name,))
            return next((column for column in self._columns if fits(column)), name)
        return self._by_key.get(column_key(name), name)

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names of several columns."""
        return tuple(dict.fromkeys(self.column(name) for name in names))

    def has(self, name: str) -> bool:
        """Whether the table has a column."""
        return self.column(name) in self._columns

    def is_absent(self, name: str) -> bool:
        """Whether no row has a column."""
        return self.is_complete and not self.has(name)

    def labelled(self, label: str) -> str | None:
        """What stands behind a label above the header: in its cell after a colon, or in the next cell."""
        key = column_key(label)
        for line in self._preamble:
            for index, cell in enumerate(line):
                name, _, rest = cell.partition(":")
                if column_key(name) == key:
                    return rest.strip() or next((text.strip() for text in line[index + 1 :] if text.strip()), None)
        return None

    def in_header(self, form: str) -> str | None:
        """What `*` stands for in the name of a column of this form."""
        first, _, last = form.partition(WILD)
        name = self.column(form)
        return name[len(first) : len(name) - len(last)].strip() if name in self._columns else None


def shown(text: str) -> str:
    """A cell as a message shows it."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"

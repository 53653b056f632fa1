"""What the members of an event are made by, for one row and, column by column, for many."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from trading_files.mapping.around import Cells, Get, RowError, Surroundings
from trading_files.mapping.members import Plain
from trading_files.mapping.numeric import ReadText
from trading_files.mapping.standing import ReadTexts
from trading_files.reading.tables import Block, Row

Columns = dict[str, list[str | None]]
"""By member, what each of some rows has; None where a row has none."""


class Parts(NamedTuple):
    """Fixed texts, single columns, functions."""

    fixed: dict[str, str]
    plain: list[Plain]
    checked: list[Plain]
    """Single columns most of whose texts stand as they are."""

    getters: list[tuple[str, Get]]
    labels: dict[str, str]
    around: Surroundings

    def members(self, cells: Cells) -> dict[str, str]:
        """The members of a row's event. Raises RowError, Asked."""
        members = self.fixed.copy()
        column = ""
        try:
            for name, column, read, stands, _ in self.checked:
                text = cells.get(column)
                if text is None:
                    continue
                if stands(text):  # type: ignore[misc]  # it is what makes a column a checked one
                    members[name] = text
                elif made := read(text):
                    members[name] = made
            for name, column, read, *_ in self.plain:
                text = cells.get(column)
                if text is not None and (made := read(text)):
                    members[name] = made
        except ValueError as error:
            raise RowError(column, str(error)) from None
        for name, get in self.getters:
            text = get(cells)
            if text is not None:
                members[name] = text
        return members

    def columns(self, rows: Sequence[Row] | Block) -> Columns:
        """The members of the events of many rows, in the same order of members for each. Raises RowError, Asked,
        ValueError.
        """
        columns: Columns = {name: [text] * len(rows) for name, text in self.fixed.items()}
        for name, column, read, _, read_together in (*self.checked, *self.plain):
            texts = _column(rows, column)
            if None in texts:
                columns[name] = [None if text is None else read(text) or None for text in texts]
            else:
                columns[name] = _texts(cast("list[str]", texts), read, read_together)
        if self.getters:
            each = rows.rows() if isinstance(rows, Block) else rows
            for name, get in self.getters:
                columns[name] = [self._noted(row.place, get(row.cells)) for row in each]
        return columns

    def _noted(self, place: int, text: str | None) -> str | None:
        """The text, after what was said of it was put beside its place."""
        if self.around.notes:
            self.around.noted.setdefault(place, []).extend(self.around.notes)
            self.around.notes.clear()
        return text


def _column(rows: Sequence[Row] | Block, name: str) -> Sequence[str | None]:
    if isinstance(rows, Block):
        return rows.columns.get(name) or [None] * len(rows)
    return [row.cells.get(name) for row in rows]


def _texts(texts: list[str], read: ReadText, read_together: ReadTexts | None) -> list[str | None]:
    found = None if read_together is None else read_together(texts)
    return [read(text) or None for text in texts] if found is None else [*found]

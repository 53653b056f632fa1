"""The context as the tables of a store have it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import apsw

from trading_history import decode, schema
from trading_history.figures.context import Context, Place, read_event
from trading_model.accounting.fills import LineKey
from trading_model.accounting.order import FILL
from trading_model.decimals import show

_KEYS = "SELECT id, account, strategy, symbol, position_side, currency FROM key ORDER BY id"
_COUNTS = "in_force AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE NOT in_force))"
_ALL_MULTIPLIERS = f"SELECT DISTINCT key, multiplier FROM trades WHERE multiplier IS NOT NULL AND {_COUNTS}"
_MULTIPLIERS = f"{_ALL_MULTIPLIERS} AND key = ?"

Line = tuple[str | None, ...]
"""A row of `lines`: the names of a position, and the largest multiplier of a key of its."""


class StoredContext:
    """What the fold needs beside fills, read from the tables of one store, and what they say of keys and fills."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._ask: Callable[..., Any] = connection.execute
        self.context = Context()
        self._numbers: dict[LineKey, int] = {}
        corrected = dict[int, int](self._ask("SELECT subject, max(seq) FROM corrections GROUP BY subject"))
        self._load_events(corrected)
        self._load_keys()
        lines = {number: tuple(names) for number, *names in self._ask(schema.FIGURES["lines"])}
        assigned = self.context.assigned
        assigned[:] = [number for number in assigned if self._line(number) != lines.get(number)]
        self.has_other_terms = self._has_other_terms(lines)
        """Whether terms may be others than those that the figures of the store were made with."""

        self._load_marks(corrected)

    def _load_events(self, corrected: Mapping[int, int]) -> None:
        """Read events of other kinds and imports; `corrected` has the last correction of each."""
        events = "SELECT seq, in_force, event FROM events WHERE kind != 'note' ORDER BY seq"
        for seq, in_force, text in self._ask(events):
            event = read_event(text)
            if event is not None:
                self.context.put(event)
                if seq in corrected:
                    self.context.set_in_force(seq, in_force=bool(in_force), corrected=corrected[seq])
        for seq, name, in_force in self._ask("SELECT seq, id, in_force FROM imports"):
            if seq in corrected:
                self.context.set_import(name, corrected[seq], in_force=bool(in_force))

    def _load_keys(self) -> None:
        multipliers = self.context.multipliers
        for number, text in self._ask(_ALL_MULTIPLIERS):
            multipliers[number] = max(Decimal(text), multipliers.get(number, Decimal(text)))
        for number, *names in self._ask(_KEYS):
            self.add_key(number, LineKey(*names))

    def _load_marks(self, corrected: Mapping[int, int]) -> None:
        fills = "SELECT DISTINCT subject FROM corrections WHERE subject_kind = 'fill'"
        for (subject,) in self._ask(fills).fetchall():
            self.mark(subject, corrected[subject])

    def _line(self, number: int) -> Line:
        """The row that `lines` should have of a key."""
        multiplier = self.context.multipliers.get(number)
        return "book", *self.context.book_of[number], None if multiplier is None else show(multiplier)

    def _has_other_terms(self, lines: Mapping[int, Line]) -> bool:
        books = {line[1:6] for line in lines.values()}
        return any(
            number in lines or (number in self.context.multipliers and self.context.book_of[number] in books)
            for number in self.context.assigned
        )

    def add_key(self, number: int, key: LineKey) -> None:
        """Take in a key."""
        self._numbers[key] = number
        self.context.add_key(number, key)

    def multiplier_of(self, number: int) -> Decimal | None:
        """The largest multiplier that a fill of a key names, of those that count; None if none names one."""
        return max((Decimal(text) for _, text in self._ask(_MULTIPLIERS, (number,))), default=None)

    def mark(self, subject: int, seq: int) -> Place | None:
        """Note where a fill was before its corrections and after each, for the one with this sequence. Gives the
        earliest place.
        """
        places = []
        for content in self._contents(subject):
            record = None if content is None else decode.read_event(content.encode())
            if not isinstance(record, decode.FillRecord):
                continue
            number = self._numbers.get(decode.key_of(record))
            try:
                time = decode.times_of([record])[0]
            except ValueError:
                continue
            if number is not None:
                places.append((time, FILL, decode.ordinal(record.trade_id), subject))
                self.context.mark(places[-1], number, seq)
        return min(places, default=None)

    def _contents(self, subject: int) -> list[str | None]:
        """What a fill was as journaled, and by its replaces."""
        rows = self._ask("SELECT target, was, fill FROM corrections WHERE subject = ?", (subject,))
        return [content for target, was, fill in rows for content in (was if target == subject else None, fill)]

"""The history as it was known at an earlier sequence, in memory: rows of the store as they were, and figures of these.

It is folded as a rebuild is, so an answer from it is the one that was given then. Only the fills that an answer depends
on are in it: those of the symbols of its positions, which mark each other, and of symbols that cost moved from or to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import apsw
import msgspec

from telemetry_stream.events import StreamPosition
from telemetry_stream.projection import PositionTable
from trading_history import decode, schema
from trading_history.decode import FillRecord
from trading_history.figures.keeper import FiguresKeeper
from trading_history.queries.events_in_force import EventsInForce
from trading_history.queries.keys import Wanted
from trading_history.reader import Snapshot
from trading_history.standing import Correction, Standing, standing_of
from trading_model.accounting.adjustments import owner_of
from trading_model.accounting.fills import LineKey
from trading_model.field_rules import case_folded
from trading_model.topics import LEDGER

MAX_FILLS = 5_000
"""Fills that are folded for one answer: seconds of CPU where many positions hold one symbol, less where one does."""

MAX_SEARCHED = 50_000
"""Fills that are searched for one answer without figures."""


class TooMuchPast(Exception):
    """The past that an answer depends on has more than `max_fills` fills, or as many corrected events."""

    def __init__(self, max_fills: int) -> None:
        super().__init__(f"more than {max_fills} fills")
        self.max_fills = max_fills


class Past:
    """What the store had at a sequence. Make it within a snapshot; fold and ask it after that."""

    def __init__(self, snapshot: Snapshot, sequence: int, wanted: Wanted, *, with_figures: bool = True) -> None:
        """The rows that answers about the wanted keys depend on. Without figures, only fills can be asked for. Raises
        TooMuchPast.
        """
        self.sequence = sequence
        self._now = snapshot.connection
        self._with_figures = with_figures
        self._max_fills = MAX_FILLS if with_figures else MAX_SEARCHED
        self._later = self._corrected_later()
        self.connection = apsw.Connection(":memory:")
        try:
            self._copy(wanted, StreamPosition(snapshot.position.stream, sequence))
        except BaseException:
            self.close()
            raise

    def _copy(self, wanted: Wanted, position: StreamPosition) -> None:
        self.connection.execute("BEGIN")
        self.connection.execute(schema.TABLES)
        PositionTable(self.connection, schema.FOLD).save(self.connection, {LEDGER: position})
        self._copy_events()
        self._copy_corrections(self._copy_fills(self._keys(wanted)))
        self.connection.execute("COMMIT")

    def snapshot(self) -> Snapshot:
        """A snapshot to ask. The figures are folded here: it takes seconds for MAX_FILLS."""
        if self._with_figures:
            keeper = FiguresKeeper(self.connection, self.sequence)
            while not keeper.is_settled:
                keeper.advance(MAX_FILLS, self.sequence)
        return Snapshot(self.connection)

    def close(self) -> None:
        """Forget it. Idempotent."""
        self.connection.close(force=True)

    def _ask(self, statement: str, *values: object) -> apsw.Cursor:
        return self._now.execute(statement, values)

    def _insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self.connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _corrected_later(self) -> Mapping[int, tuple[Standing, Mapping[int, bool]]]:
        """Events that corrections since then concern: what they counted as, and which corrections were in force."""
        rows = self._ask(
            "SELECT DISTINCT subject FROM corrections WHERE seq > ? AND subject <= ? LIMIT ?",
            self.sequence, self.sequence, MAX_SEARCHED + 1,
        ).fetchall()  # fmt: skip
        if len(rows) > MAX_SEARCHED:
            raise TooMuchPast(MAX_SEARCHED)
        subjects = [int(subject) for (subject,) in cast("list[tuple[int]]", rows)]
        return {subject: self._standing_then(subject) for subject in subjects}

    def _standing_then(self, subject: int) -> tuple[Standing, Mapping[int, bool]]:
        rows = self._ask(
            "SELECT seq, kind, target FROM corrections WHERE subject = ? AND seq <= ? ORDER BY seq",
            subject, self.sequence,
        )  # fmt: skip
        return standing_of(subject, [Correction(*row) for row in rows])

    def _in_force(self, seq: int, in_force: int) -> int:
        known = self._later.get(seq)
        return in_force if known is None else int(known[0].in_force)

    def _copy_events(self) -> None:
        events = self._ask("SELECT * FROM events WHERE seq <= ? AND kind != 'note'", self.sequence)
        rows = [(seq, kind, self._in_force(seq, in_force), *rest) for seq, kind, in_force, *rest in events]
        self._insert("events", rows)
        imports = self._ask("SELECT * FROM imports WHERE seq <= ?", self.sequence)
        self._insert("imports", [(name, seq, self._in_force(seq, had), text) for name, seq, had, text in imports])

    def _keys(self, wanted: Wanted) -> Mapping[int, LineKey]:
        """The keys whose fills answers depend on."""
        events = EventsInForce(self.connection)
        known = {number: LineKey(*names) for number, *names in self._ask("SELECT * FROM key")}
        symbol = None if wanted.symbol is None else case_folded(wanted.symbol)
        meant = None if symbol is None else events.canonical(symbol, "")

        def is_wanted(key: LineKey) -> bool:
            return (
                wanted.account in (None, key.account)
                and wanted.strategy in (None, key.strategy)
                and (symbol is None or case_folded(key.symbol) == symbol or _name(events, key) in (symbol, meant))
            )

        asked = {_name(events, key) for key in (*known.values(), *events.owners) if is_wanted(key)}
        linked = [
            {_name(events, owner_of(one)) for one in (move.source, move.sink) if one is not None}
            for move in events.moves
        ]
        grew = True
        while grew:
            before = len(asked)
            asked = asked.union(*(pair for pair in linked if pair & asked))
            grew = len(asked) > before
        return {number: key for number, key in known.items() if _name(events, key) in asked}

    def _copy_fills(self, keys: Mapping[int, LineKey]) -> set[int]:
        """Gives the sequences of the fills of these keys."""
        rows = list[Sequence[Any]]()
        for number in keys:
            left = self._max_fills - len(rows) + 1
            found = self._ask("SELECT * FROM trades WHERE key = ? AND seq <= ? LIMIT ?", number, self.sequence, left)
            rows += [row for row in found if row[3] not in self._later]
            if len(rows) > self._max_fills:
                raise TooMuchPast(self._max_fills)
        numbers = {key: number for number, key in keys.items()}
        for subject, (standing, _) in self._later.items():
            row = self._row_then(subject, standing, numbers.get)
            if row is not None:
                rows.append(row)
        self._insert("trades", rows)
        self._insert("key", [(number, *keys[number]) for number in sorted({row[0] for row in rows})])
        return {row[3] for row in rows}

    def _row_then(
        self, subject: int, standing: Standing, number_of: Callable[[LineKey], int | None]
    ) -> decode.Row | None:
        """The row that a fill had; None for what is no fill, or not one of the wanted keys."""
        own = self._ask("SELECT was FROM corrections WHERE target = ? LIMIT 1", subject).get
        content = own
        if standing.replace:
            content = self._ask("SELECT fill FROM corrections WHERE seq = ?", standing.replace).get
        original, fill = decode.read_event(own.encode()), decode.read_event(content.encode())
        if not isinstance(original, FillRecord) or not isinstance(fill, FillRecord):
            return None
        number = number_of(decode.key_of(fill))
        if number is None:
            return None
        fill = msgspec.structs.replace(fill, seq=subject, trade_id=original.trade_id, import_id=original.import_id)
        row = decode.rows_of([fill], [number])[0]
        return (*row[:4], int(standing.in_force), *row[5:])

    def _copy_corrections(self, subjects: Iterable[int]) -> None:
        """Copy the corrections of the fills that are here, and of events."""
        here, rows = set(subjects), list[Sequence[Any]]()
        for row in self._ask("SELECT * FROM corrections WHERE seq <= ?", self.sequence):
            seq, subject, kind = row[0], row[3], row[4]
            if kind != "fill" or subject in here:
                known = self._later.get(subject)
                rows.append(row if known is None else (*row[:5], int(known[1][seq]), *row[6:]))
        self._insert("corrections", rows)


def _name(events: EventsInForce, key: LineKey) -> str:
    """What the symbol of a key is called in figures."""
    return events.canonical(key.symbol, key.currency)

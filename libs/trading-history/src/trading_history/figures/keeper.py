"""Brings the figures of the store up to date: gives the fold what changed, and writes its rows.

All runs in the transactions of the store's writer. What follows the frontier is folded within the transaction that
stores it. A change behind the frontier is noted there; if recent states are in memory, it is folded there too. Else the
fold goes back to a checkpoint, and comes forward again in many transactions (`advance`), while the writer goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import islice
from time import thread_time
from typing import Any

import apsw
import msgspec

from trading_history import decode, schema
from trading_history.decode import Row
from trading_history.figures.books import TrackedBook
from trading_history.figures.checkpoints import Checkpoints
from trading_history.figures.context import START, TERMS, Place, place_of, place_of_row, read_event
from trading_history.figures.curves import Curve
from trading_history.figures.fold import fold
from trading_history.figures.frontier import SECOND, SHORT_SECONDS, Changing, Checkpoint, Frontier
from trading_history.figures.markets import Market
from trading_history.figures.stored_context import StoredContext
from trading_history.figures.tables import Tables
from trading_history.figures.trip_blocks import FIRST_NS, TripBlocks
from trading_model.accounting.book import BookKey
from trading_model.accounting.fills import LineKey
from trading_model.accounting.order import FILL
from trading_model.contents import LedgerEvent

SMALL = 2_000
"""Max fills of a run that can be taken back from memory."""

PIECE = 5_000
"""Fills between two times that finished bars are written: some 20 MB of them."""

CHECKPOINT_SECONDS = 0.5
CHECKPOINT_SHARE = 10
"""Min CPU time of folding between two checkpoints: in seconds, and as a multiple of the time of the last checkpoint. A
start folds this work again, in less time, since the rows are written already.
"""

_COLUMNS = ", ".join(decode.COLUMNS)
_AFTER = f"""
SELECT {_COLUMNS} FROM trades INDEXED BY trades_by_time
WHERE (ts_ns, ordinal, seq) > (?, ?, ?) AND (ts_ns, ordinal, seq) <= (?, ?, ?) AND in_force
ORDER BY ts_ns, ordinal, seq LIMIT ?
"""

_MULTIPLIER, _SOURCE = decode.COLUMNS.index("multiplier"), decode.COLUMNS.index("import_id")


def _bound(place: Place) -> tuple[int, str, int]:
    """The last fill that can be before a place or at it: time in ns, ordinal, sequence."""
    if place[1] == FILL:
        return place[0], place[2], place[3]
    return place[0] - (place[1] < FILL), decode.NOT_A_NUMBER, (1 << 63) - 1


class FiguresKeeper:
    """The figures of one connection that writes. For one thread at a time."""

    def __init__(self, connection: apsw.Connection, stored: int, expected_ns: int = 0) -> None:
        """`stored` is the last event that the store has. Fills are known to come to `expected_ns`, in Unix
        nanoseconds, or further.
        """
        self._connection = connection
        self._expected_ns = expected_ns
        connection.execute(schema.INDEXES_OF_FIGURES)
        connection.pragma("cache_size", -schema.CACHE_KIB_WITH_FIGURES)
        self._tables = Tables(connection)
        self._blocks = TripBlocks(connection)
        self._checkpoints = Checkpoints(connection)
        self._stored = StoredContext(connection)
        self.context = self._stored.context
        ask: Callable[..., Any] = connection.execute
        applied, frontier, changed = ask("SELECT applied, frontier, changed FROM figures").fetchone()
        self.applied: int = applied
        """The sequence up to which figures have everything."""

        self.changed: Place | None = None if changed is None else tuple(msgspec.json.decode(changed))
        """The earliest place at or before the frontier that changed since it was folded."""

        self.is_settled = changed is None and applied == stored
        """Whether figures have all that the store has."""

        if self._stored.has_other_terms:  # somebody else wrote what changes them
            self.changed, self.is_settled = START, False
        self._terms_changed = False
        self._instruments_changed = False
        """Whether instruments came that `_follow_instruments` has not followed."""

        self._fresh: Sequence[Row] | None = ()
        self._folded_seconds = 0.0
        self._checkpoint_seconds = 0.0
        self._short_from = 0
        self.frontier = Frontier(self.context)
        self._load_fold(tuple(msgspec.json.decode(frontier)))

    def _load_fold(self, place: Place) -> None:
        """Bring the fold to the place that it had come to."""
        if place == START:
            return
        if self.changed is not None:
            self.frontier.place = place
            self._terms_changed = True  # the states in memory are not those before the change
            return
        self._begin_again(self._checkpoints.at(place))
        frontier = self.frontier
        if frontier.place < place:
            began = thread_time()
            frontier.begin(records=False)
            frontier.horizon = self._horizon()
            self._fold(self._rows_after(frontier.place, place, -1), place, write=False)
            frontier.end()
            self._folded_seconds = thread_time() - began
        if not self._tables.have(frontier.curves):  # then the rows of bars are not those of the fold
            self.changed, self.is_settled = START, False

    # Calls of the writer

    def add_key(self, number: int, key: LineKey) -> None:
        """Take in a new key."""
        self._stored.add_key(number, key)
        self._check_terms({self.context.book_of[number]})

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take in new fills, in the order of trading."""
        self.change(rows[0])
        if self._fresh is not None:
            self._fresh = sorted([*self._fresh, *rows], key=decode.in_time) if self._fresh else rows
        named: dict[int, Decimal] = {}
        for row in [one for one in rows if one[_MULTIPLIER] is not None]:
            if row[_SOURCE] not in self.context.taken_back:
                multiplier = Decimal(row[_MULTIPLIER])
                if multiplier > named.get(row[0], multiplier - 1):
                    named[row[0]] = multiplier
        for number, multiplier in named.items():
            known = self.context.multipliers.get(number)
            if known is None or multiplier > known:
                self._name_multiplier(number, multiplier)

    def correct(self, subject: int, seq: int, rows: Iterable[Row]) -> None:
        """Take in a correction of a fill; `rows` are its rows before and after, if it changed."""
        self._fresh = None
        first = self._stored.mark(subject, seq)
        if first is not None:
            self._change_from(first)
        for row in rows:
            self.change(row)
            if row[_MULTIPLIER] is not None:
                self._name_multiplier(row[0], self._stored.multiplier_of(row[0]))

    def put_event(self, text: str) -> None:
        """Take in an event that is neither a fill nor a correction."""
        event = read_event(text)
        if event is None:
            return
        self.context.put(event)
        self._note_event(event)

    def set_in_force(self, seq: int, corrected: int, *, in_force: bool) -> None:
        """Let an event that is neither a fill nor a correction count from now on, or no longer."""
        statement = self.context.statements.get(seq)
        if statement is not None:
            self.context.set_in_force(seq, in_force=in_force, corrected=corrected)
            self._note_event(statement.event)

    def set_import(self, name: str, corrected: int, *, in_force: bool) -> None:
        """Let the fills of an import count from now on, or no longer."""
        self._fresh = None
        ask: Callable[..., Any] = self._connection.execute
        self.context.set_import(name, corrected, in_force=in_force)
        first = ask("SELECT min(ts_ns) FROM trades WHERE import_id = ?", (name,)).get
        if first is not None:
            self._change_from((first, FILL, "", 0))
        keys = "SELECT DISTINCT key FROM trades WHERE import_id = ? AND multiplier IS NOT NULL"
        for (number,) in ask(keys, (name,)).fetchall():
            self._name_multiplier(number, self._stored.multiplier_of(number))

    def change(self, row: Row) -> None:
        """Something changed at the place of a fill."""
        self._change_from(place_of_row(row))

    def _change_from(self, place: Place) -> None:
        if place <= self.frontier.place and (self.changed is None or place < self.changed):
            self.changed = place

    def _note_event(self, event: LedgerEvent) -> None:
        place = place_of(event)
        if event.instrument is not None:
            self._instruments_changed = True
        elif place is not None:
            self._change_from(place)

    def _follow_instruments(self) -> None:
        """Note what instruments changed, once for all that came together: it takes a look at all keys and steps."""
        if not self._instruments_changed:
            return
        self._instruments_changed = False
        keys = self.context.assign_all()
        self.frontier.forget_unused()
        self._change_terms(self.frontier.began_among(keys))
        aimed = self.context.aim_again()
        if aimed is not None:
            self._change_from(aimed)
            self._terms_changed = self._terms_changed or aimed <= self.frontier.place

    def _name_multiplier(self, number: int, multiplier: Decimal | None) -> None:
        self._follow_instruments()  # they may have moved the key, which is not noticed below
        self._check_terms(self.context.name_multiplier(number, multiplier))

    def _check_terms(self, keys: set[BookKey]) -> None:
        for key in keys:
            book = self.frontier.books.get(key)
            if book is not None and book.terms != self.context.terms_of(key, self.frontier.owner_of(key)):
                if book.began_ns:
                    self._change_terms(book.began_ns)
                else:
                    self.frontier.forget_unused()

    def _change_terms(self, began_ns: int | None) -> None:
        if began_ns is not None:
            self._terms_changed = True
            self._change_from((began_ns, TERMS, "", 0))

    # Folding

    def commit(self, applied: int) -> None:
        """Fold what is new, in the transaction that stores it; `applied` is the last event that it has."""
        self._follow_instruments()
        fresh, self._fresh = self._fresh, ()
        may_go_back = self.is_settled and self.changed is not None and not self._terms_changed
        if may_go_back and self._go_back_in_memory(self.changed or START):
            self.changed, fresh = None, None
        if self.is_settled and self.changed is None:
            if fresh is None:
                self._read(SMALL, applied)
            else:
                self._run(fresh, None, records=len(fresh) <= SMALL)
                self.applied = applied
        else:
            self.is_settled = False
        self._save()

    def advance(self, limit: int, applied: int) -> None:
        """Go back if something changed; then fold at most `limit` fills. `is_settled` says whether it was all."""
        if self.changed is not None:
            if self._terms_changed or not self._go_back_in_memory(self.changed):
                self._begin_again(self._checkpoints.go_back(self.changed))
                self._show_restored()
            self.changed, self._terms_changed = None, False
        self._fresh = ()
        self._read(limit, applied)
        self._save()

    def _read(self, limit: int, applied: int) -> None:
        rows = self._rows_after(self.frontier.place, None, limit).fetchall()
        self.is_settled = len(rows) < limit
        self._run(rows, None if self.is_settled else place_of_row(rows[-1]), records=len(rows) <= SMALL)
        if self.is_settled:
            self.applied = applied

    def _rows_after(self, place: Place, until: Place | None, limit: int) -> apsw.Cursor:
        """Fills behind a place, up to another one. -1 is no limit."""
        first = _bound(place) if place != START else (-(1 << 63), "", 0)
        last = _bound(until) if until else ((1 << 63) - 1, "", 0)
        return self._connection.execute(_AFTER, (*first, *last, limit))

    def _run(self, rows: Sequence[Row], until: Place | None, *, records: bool) -> None:
        began, frontier = thread_time(), self.frontier
        frontier.begin(records=records)
        frontier.horizon = self._horizon()
        self._fold(rows, until, write=True)
        self._write(frontier.end())
        self._drop_short()
        folded = thread_time()
        self._folded_seconds += folded - began
        enough = max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * self._checkpoint_seconds)
        if self._folded_seconds >= enough and frontier.place != START:
            self._checkpoints.keep(frontier.checkpoint())
            self._folded_seconds, self._checkpoint_seconds = 0.0, thread_time() - folded

    def _fold(self, rows: Iterable[Row], until: Place | None, *, write: bool) -> None:
        """Fold fills, and write what they finish, some at a time: bars take more memory than fills."""
        left = iter(rows)
        while True:
            piece = list(islice(left, PIECE))
            is_last = len(piece) < PIECE
            fold(self.frontier, piece, until if is_last else place_of_row(piece[-1]))
            if write:
                self._tables.write_finished(self.frontier.ended, self.frontier.closed)
                if self.frontier.place != START:
                    self._blocks.add(len(self.frontier.closed), self.frontier.place[0])
            self.frontier.clear()
            if is_last:
                return

    def _write(self, changed: Iterable[Changing]) -> None:
        books, curves = dict[TrackedBook, None](), list[Curve]()
        for one in changed:
            if isinstance(one, Curve):
                curves.append(one)
            elif isinstance(one, Market):
                books |= one.holders
            elif isinstance(one, TrackedBook):
                books[one] = None
        self._tables.write(curves, books, short=self.frontier.is_short)

    def _go_back_in_memory(self, place: Place) -> bool:
        different = self.frontier.go_back(place)
        if different is None:
            return False
        self._trim_and_write(different)
        return True

    def _trim_and_write(self, different: Sequence[Changing]) -> None:
        frontier = self.frontier
        curves = [one for one in different if isinstance(one, Curve) and frontier.curves.has(one)]
        books = [one for one in different if isinstance(one, TrackedBook)]
        self._tables.trim(curves, books, len(frontier.curves.curves))
        self._blocks.go_back(FIRST_NS if frontier.place == START else frontier.place[0])
        self._write([*curves, *(one for one in different if not isinstance(one, Curve))])

    def _begin_again(self, checkpoint: Checkpoint | None) -> None:
        """Put the frontier to a checkpoint, or to the start."""
        self.frontier = Frontier(self.context)
        self._folded_seconds = 0.0
        if checkpoint is not None:
            self.frontier.restore(checkpoint)

    def _show_restored(self) -> None:
        """Bring the rows to a frontier that was restored."""
        frontier = self.frontier
        self._tables.keep_only({book.names[0] for book in frontier.books.values()})
        self._trim_and_write([*frontier.curves.curves.values(), *frontier.books.values()])

    def _horizon(self) -> int:
        last = self._connection.execute("SELECT max(ts_ns) FROM trades").get or 0
        return max(int(last), self._expected_ns) // SECOND - SHORT_SECONDS

    def _drop_short(self) -> None:
        if self.frontier.place == START:
            return
        before = self.frontier.place[0] // SECOND - SHORT_SECONDS
        if before >= self._short_from + 60:
            self._short_from = before
            self._tables.drop_short(before)

    def _save(self) -> None:
        self._tables.write_lines(self.context)
        self._tables.write_curves(self.frontier.curves)
        changed = None if self.changed is None else msgspec.json.encode(self.changed).decode()
        values = (self.applied, msgspec.json.encode(self.frontier.place).decode(), changed)
        self._connection.execute("UPDATE figures SET applied = ?, frontier = ?, changed = ?", values)

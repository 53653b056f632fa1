"""Rows of the figures in the store: writes what changed, and takes out what is not there any more."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

import apsw
import msgspec

from trading_history import schema
from trading_history.figures.bars import SPANS, Bar
from trading_history.figures.books import TrackedBook
from trading_history.figures.context import Context
from trading_history.figures.curves import FIRST, Curve, Curves, Name, Piece, Pieces
from trading_history.figures.trips import Finished
from trading_model.accounting.figures import exposure, figures, flags
from trading_model.decimals import ZERO, exactly, show


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_EQUITY = _upsert("equity", schema.EQUITY)
_CURVES = f"INSERT INTO curves VALUES ({', '.join('?' * len(schema.CURVES))})"
_POSITION = _upsert("positions", schema.POSITIONS)
_TRIP = _upsert("round_trips", schema.ROUND_TRIPS)
_SERIES = f"INSERT INTO series ({', '.join(schema.SERIES)}) VALUES ({', '.join('?' * len(schema.SERIES))}) RETURNING id"
_encode = msgspec.json.Encoder(order="sorted").encode
_number = attrgetter("number")


class Tables:
    """The rows of one store. Every statement runs in the caller's transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        rows = connection.execute(f"SELECT id, {', '.join(schema.SERIES)} FROM series")
        self._ids: dict[Name, int] = {Name(*names): number for number, *names in rows}
        self._pieces = self._stored_pieces()
        self._written = (0, 0)

    def _stored_pieces(self) -> dict[Name, Pieces]:
        names = {number: name for name, number in self._ids.items()}
        found: dict[Name, Pieces] = {}
        for series, since, curve in self._connection.execute("SELECT series, since, curve FROM curves ORDER BY since"):
            found[names[series]] = (*found.get(names[series], ()), Piece(since, curve))
        return found

    def id_of(self, name: Name) -> int:
        """The number of a series; a new series gets the next number."""
        number = self._ids.get(name)
        if number is None:
            number = self._ids[name] = int(self._connection.execute(_SERIES, name).get)
        return number

    def write_lines(self, context: Context) -> None:
        """Write which positions keys belong to, as far as it changed."""
        rows = [
            (number, self.id_of(Name("book", *context.book_of[number])), _text(context.multipliers.get(number)))
            for number in dict.fromkeys(context.assigned)
        ]
        if rows:
            self._connection.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?)", rows)
            context.assigned.clear()

    @exactly
    def write(self, curves: Iterable[Curve], books: Iterable[TrackedBook], *, short: bool) -> None:
        """Write unfinished bars, positions and open round trips. `short`: the present bar is one of a second."""
        runs = [
            (one.number, span or 1, [bar])
            for one in sorted(curves, key=_number)
            for span, bar in one.unfinished()
            if span or short
        ]
        self._connection.executemany(_EQUITY, _bar_rows(runs))
        positions, trips = [], []
        for book in books:
            number = self.id_of(book.names[0])
            if book.steps:
                positions.append(_position_row(number, book))
            trip = book.open_row()
            if trip is not None:
                trips.append(_trip_row(number, trip))
        self._connection.executemany(_POSITION, positions)
        self._connection.executemany(_TRIP, trips)

    def write_finished(self, curves: Iterable[Curve], trips: Iterable[tuple[TrackedBook, Finished]]) -> None:
        """Write bars and round trips that ended."""
        runs = [
            (one.number, span, bars)
            for one in sorted(curves, key=_number)
            for span, bars in zip(SPANS, one.ended, strict=True)
        ]
        self._connection.executemany(_EQUITY, _bar_rows(runs))
        self._connection.executemany(_TRIP, [_trip_row(self.id_of(book.names[0]), trip) for book, trip in trips])

    def trim(self, curves: Iterable[Curve], books: Iterable[TrackedBook], count: int) -> None:
        """Take out what is behind the state of curves and books that was gone back to. There are `count` curves."""
        self._connection.execute("DELETE FROM equity WHERE curve > ?", (count,))
        for one in curves:
            rows = [(one.number, span, FIRST if one.is_empty else one.last // span * span) for span in SPANS]
            self._connection.executemany("DELETE FROM equity WHERE curve = ? AND span = ? AND start > ?", rows)
        for book in books:
            number = self.id_of(book.names[0])
            self._connection.execute("DELETE FROM round_trips WHERE series = ? AND number > ?", (number, book.trips))
            if not book.steps:
                self._connection.execute("DELETE FROM positions WHERE series = ?", (number,))

    def keep_only(self, names: set[Name]) -> None:
        """Take out the positions and round trips of all other names."""
        others = [(number,) for name, number in self._ids.items() if name not in names]
        for table in ("positions", "round_trips"):
            self._connection.executemany(f"DELETE FROM {table} WHERE series = ?", others)

    def have(self, curves: Curves) -> bool:
        """Whether the rows say of each name that it has these curves."""
        return self._pieces == curves.pieces

    def write_curves(self, curves: Curves) -> None:
        """Write whose the curves are, as far as it changed."""
        if self._written == (id(curves), curves.version):
            return
        before, self._pieces, self._written = self._pieces, curves.pieces.copy(), (id(curves), curves.version)
        changed = {name for name, _ in before.items() ^ self._pieces.items()}
        numbers = {name: self.id_of(name) for name in changed}
        self._connection.executemany("DELETE FROM curves WHERE series = ?", [(one,) for one in numbers.values()])
        rows = []
        for name in changed & self._pieces.keys():
            pieces = self._pieces[name]
            ends = [*(piece.since for piece in pieces[1:]), -FIRST]
            rows += [(numbers[name], *piece, end) for piece, end in zip(pieces, ends, strict=True)]
        self._connection.executemany(_CURVES, rows)

    def drop_short(self, before: int) -> None:
        """Take out the bars of a second before a time, in Unix seconds."""
        self._connection.execute("DELETE FROM equity WHERE span = 1 AND start < ?", (before,))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else show(amount)


def _by_currency(amounts: Mapping[str, Decimal]) -> str:
    return _encode({currency: show(amount) for currency, amount in amounts.items()}).decode()


def _bar_rows(runs: Iterable[tuple[int, int, Sequence[Bar]]]) -> list[tuple[Any, ...]]:
    """The rows of runs of bars, each with the number of its curve and their span, in the order of the table: neighbours
    then share its pages.

    Most of the work is to write numbers as text. Many are the same objects: a bar of one minute is that of its hour,
    it opens where the one before it closed, and two curves have the same change. `runs` keeps all of them alive, so an
    `id` stands for one object.
    """
    texts: dict[int, str] = {id(ZERO): "0"}
    cells: dict[int, tuple[Any, ...]] = {}
    rows = []

    def text(amount: Decimal) -> str:
        number = id(amount)
        return texts.get(number) or texts.setdefault(number, show(amount))

    for number, span, bars in runs:
        for bar in bars:
            start, open_, high, low, close, drawdown, trough, realized, fees, cash, fills, turnover, outside = bar
            own = cells.get(id(bar))
            if own is None:
                first, last = text(open_), text(close)
                own = cells[id(bar)] = (
                    first,
                    first if high is open_ else last if high is close else text(high),
                    first if low is open_ else last if low is close else text(low),
                    last, text(drawdown), text(realized), text(fees), "0" if cash is ZERO else text(cash), fills,
                    text(turnover), _by_currency(outside) if outside else None,
                    None if trough is low or trough == low or not drawdown else text(trough),
                )  # fmt: skip
            rows.append((number, span, start // span * span, *own))
    return rows


def _position_row(number: int, book: TrackedBook) -> tuple[Any, ...]:
    held = book.snapshot()
    mark = book.mark if book.book.quantity else None
    shown = figures(held, mark)
    is_open = bool(book.book.quantity)
    return (
        number, show(held.state.quantity), show(shown.average_entry_price) if is_open else None,
        show(shown.realized_pnl), _text(shown.unrealized_pnl), show(shown.fees), show(shown.cash),
        _text(shown.net_pnl), "0" if not is_open else None if mark is None else show(exposure(held, mark)),
        _text(mark), None if mark is None else book.mark_ns,
        _by_currency(held.state.fees_outside),
        _encode(flags(held)).decode(), int(shown.rounded), book.fills, book.first_ns, book.last_ns, book.revision,
    )  # fmt: skip


def _trip_row(number: int, trip: Finished) -> tuple[Any, ...]:
    (
        at, side, opened_ns, closed_ns, entry, exit_, quantity, turnover, gross, fees, cash, net, mae, mfe, fills, tags,
        labels, first_seq, last_seq, revision, outside,
    ) = trip  # fmt: skip
    return (
        number, at, side, opened_ns, closed_ns, _text(entry), _text(exit_), show(quantity), show(turnover), show(gross),
        show(fees), show(cash), show(net), show(mae), show(mfe), fills, _encode(tags).decode(),
        _encode(labels).decode(), first_seq, last_seq, revision, _by_currency(outside) if outside else None,
    )  # fmt: skip

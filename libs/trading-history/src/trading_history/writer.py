"""The one writer of the store: applies batches, and commits them in one transaction with the position."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from operator import itemgetter
from pathlib import Path
from time import thread_time
from typing import Any

import msgspec
import structlog

from telemetry_stream.events import Arrival, Batch, Delivery, StreamPosition
from telemetry_stream.projection import PositionTable
from trading_history import decode, schema
from trading_history.database import HeldFiles, WriteAheadLog
from trading_history.decode import FillRecord, OtherRecord
from trading_history.figures.context import Place, place_of_event, place_of_row
from trading_history.figures.keeper import FiguresKeeper
from trading_history.lock import LOCK_FILE, lock_to_write
from trading_history.standing import Correction, Standing, standing_of
from trading_model.accounting.fills import LineKey
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)

MIN_FIGURES, MAX_FIGURES = 250, 8_000
"""Fills that are folded in one transaction after the past changed."""

FIGURES_SECONDS = 0.05
"""CPU time that such a transaction should take: new events and the end of the program wait for it."""

_KEY = itemgetter(0)

KEPT = ("cash", "split", "opening", "move", "instrument", "price", "rate", "note")
"""Kinds of events that have a row of their own: figures depend on them, or people read them."""

_INSERT_FILL = f"INSERT INTO trades VALUES ({', '.join('?' * len(decode.COLUMNS))})"
_PLACE = "key = ? AND ts_ns = ? AND ordinal = ? AND seq = ?"


class HistoryWriter:
    """Applies the ledger's batches. For one thread at a time.

    Whatever raises, the transaction is rolled back: the store is as the last commit left it. The writer must not be
    used again then; a new one continues at the position of the last commit.
    """

    def __init__(self, folder: Path, *, with_figures: bool = False) -> None:
        """Open or make the store in `folder`. Raises StoreInUse, StoreUnavailable, NewerStore.

        Without figures, positions, round trips and equity stay as they are; where they have to be folded again is
        noted for the next writer that keeps them.
        """
        self.file = folder / schema.HISTORY_FILE
        self._folder = folder
        self._with_figures = with_figures
        with ExitStack() as opened:
            with schema.DATABASE.errors(self._folder):
                self._lock = opened.enter_context(lock_to_write(folder))
            self._connection, self.rebuilds_because = schema.open_to_write(folder)
            opened.callback(self._connection.close, force=True)
            if self.rebuilds_because:
                log.warning("history not used, rebuilding it", file=str(self.file), reason=self.rebuilds_because)
            with schema.DATABASE.errors(self._folder):
                self._begin()
                self._files = HeldFiles(schema.DATABASE, folder, LOCK_FILE)
            opened.pop_all()

    def _begin(self) -> None:
        self._log = WriteAheadLog(self._connection)
        self._positions = PositionTable(self._connection, schema.FOLD)
        self.position = self._positions.load(self._connection).get(LEDGER, StreamPosition())
        """The position of the last commit."""

        keys = self._connection.execute("SELECT * FROM key")
        self._keys: dict[tuple[str, ...], int] = {LineKey(*names): number for number, *names in keys}
        self.counts: dict[str, int] = dict(self._connection.execute("SELECT name, events FROM counts"))
        """Events by what became of them: `fills`, `undecodable`, `unmatched` (a correction of nothing)."""

        self.committed_counts = self.counts.copy()
        """The counts at the last commit."""

        self._figures: FiguresKeeper | None = None
        self.figures_are_settled = not self._with_figures
        """Whether figures had all that was stored at the last commit: not before they are loaded; true where they are
        not kept. Other threads read it while this one works.
        """

        self._figures_at_once = MIN_FIGURES
        self._earliest: Place | None = None
        """The first place in the order of trading that changed since the last commit, where figures are not kept."""

        self._rows: list[decode.Row] = []
        self.pending = 0
        """Events applied since the last commit."""

    def take(self, delivery: Delivery) -> None:
        """Apply a delivery; `commit` makes it durable. Raises StoreUnavailable."""
        if isinstance(delivery, Arrival):
            self.apply(delivery.batch, delivery.skip)
        else:
            if self.position.sequence:
                log.warning("another history: starting over", reason=delivery.reason, applied=self.position.sequence)
            self.start_over()

    def apply(self, batch: Batch, skip: int = 0) -> None:
        """Apply the events of a batch after its first `skip`. Raises StoreUnavailable.

        Fills wait in memory for the commit, which inserts them in the order of the table.
        """
        with schema.DATABASE.errors(self._folder):
            self._load_figures()
            records = decode.read_batch(batch, skip)
            fills: list[FillRecord] = []
            for record in records:
                if isinstance(record, FillRecord):
                    fills.append(record)
                    continue
                self._add(fills)
                fills = []
                if record is None:
                    self.counts["undecodable"] += 1
                else:
                    self._apply_other(record)
            self._add(fills)
            self.pending += batch.count - skip

    def start_over(self, expected_ns: int = 0) -> None:
        """Empty the store: another stream follows, from its first event. Raises StoreUnavailable.

        It is known to come to `expected_ns`, in Unix nanoseconds: what is kept for a day only is not made before.
        """
        with schema.DATABASE.errors(self._folder):
            self._rows.clear()
            self._begin_transaction()
            for table in (*schema.DATA, *schema.DERIVED):
                if table != "counts":
                    self._connection.execute(f"DELETE FROM {table}")
            self._connection.execute("UPDATE figures SET applied = 0, frontier = '[]', changed = NULL")
            if self._with_figures:
                self._figures = FiguresKeeper(self._connection, 0, expected_ns)
            self._earliest = None
            self._keys.clear()
            self.counts = dict.fromkeys(self.counts, 0)
            self.pending += 1

    def commit(self, position: StreamPosition) -> None:
        """Make everything applied durable, with the position that it belongs to. Raises StoreUnavailable."""
        with schema.DATABASE.errors(self._folder):
            self._flush()
            self._begin_transaction()
            self._connection.executemany(
                "UPDATE counts SET events = ? WHERE name = ?", [(events, name) for name, events in self.counts.items()]
            )
            self._positions.save(self._connection, {LEDGER: position})
            if self._figures is not None:
                self._figures.commit(position.sequence)
            else:
                self._note_change()
            self._connection.execute("COMMIT")
            self._note_settled()  # before the position: who sees that one must not see an earlier "settled"
            self.position, self.pending, self.committed_counts = position, 0, self.counts.copy()
            self._log.keep_short()

    def advance_figures(self, limit: int | None = None) -> None:
        """Fold at most `limit` fills that figures don't have, in a transaction of its own; without a limit, what takes
        about FIGURES_SECONDS. Call it between a commit and the next `take`. Raises StoreUnavailable.
        """
        with schema.DATABASE.errors(self._folder):
            self._load_figures()
            if self._figures is None:
                return
            self._begin_transaction()
            began = thread_time()
            self._figures.advance(limit or self._figures_at_once, self.position.sequence)
            if limit is None:
                self._adapt(thread_time() - began)
            self._connection.execute("COMMIT")
            self._note_settled()
            self._log.keep_short()

    def _adapt(self, seconds: float) -> None:
        """Fold more or fewer fills the next time. The rows do not depend on it."""
        if seconds > 2 * FIGURES_SECONDS:
            self._figures_at_once = max(self._figures_at_once // 2, MIN_FIGURES)
        elif seconds < FIGURES_SECONDS:
            self._figures_at_once = min(self._figures_at_once * 2, MAX_FIGURES)

    def _note_settled(self) -> None:
        if self._figures is not None:
            self.figures_are_settled = self._figures.is_settled

    def _load_figures(self) -> None:
        """Load the figures before their first use: a rebuild does not need those that were there."""
        if self._with_figures and self._figures is None:
            self._figures = FiguresKeeper(self._connection, self.position.sequence)

    def _note_change(self) -> None:
        """Keep the first place that figures have to be folded again from, if they have come to it."""
        if self._earliest is None:
            return
        ask: Callable[..., Any] = self._connection.execute
        frontier, changed = ask("SELECT frontier, changed FROM figures").fetchone()
        places = [self._earliest] if changed is None else [self._earliest, tuple(msgspec.json.decode(changed))]
        if min(places) <= tuple(msgspec.json.decode(frontier)):
            text = msgspec.json.encode(min(places)).decode()
            self._connection.execute("UPDATE figures SET changed = ?", (text,))
        self._earliest = None

    def _change(self, place: Place | None) -> None:
        if place is not None and (self._earliest is None or place < self._earliest):
            self._earliest = place

    def check_files(self) -> None:
        """Raises StoreReplaced where what is committed goes into files that nobody can open any more, and StoreDamaged
        where somebody who read the store found damage.
        """
        self._files.check()
        schema.DATABASE.check_note(self._folder)

    def close(self) -> None:
        """Drop what is not committed, and let another process write. Idempotent."""
        self._connection.close(force=True)
        with suppress(OSError):
            self._files.tidy()
        self._lock.close()

    def _add(self, fills: Sequence[FillRecord]) -> None:
        """Queue the rows of fills."""
        if not fills:
            return
        known = self._keys.get
        keys = []
        for fill in fills:
            # A plain tuple, which finds a LineKey and is made four times as fast.
            names = (fill.account, fill.strategy, fill.symbol.upper(), fill.position_side or "", fill.currency or "")
            keys.append(known(names) or self._number(LineKey(*names)))
        try:
            self._rows += decode.rows_of(fills, keys)
            self.counts["fills"] += len(fills)
        except ValueError:
            if len(fills) == 1:
                self.counts["undecodable"] += 1
            else:
                for fill in fills:
                    self._add([fill])

    def _number(self, key: LineKey) -> int:
        """The number of a new key."""
        self._begin_transaction()
        number = self._keys[key] = len(self._keys) + 1
        self._connection.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?)", (number, *key))
        if self._figures is not None:
            self._figures.add_key(number, key)
        return number

    def _flush(self) -> None:
        """Insert the queued rows, in the order of the table: neighbours then share its pages."""
        if self._rows:
            self._begin_transaction()
            # Fills mostly come in the order of trading: by time and then by key is sooner done than by both at once.
            rows, self._rows = sorted(self._rows, key=decode.in_time), []
            self._connection.executemany(_INSERT_FILL, sorted(rows, key=_KEY))
            if self._figures is not None:
                self._figures.take_rows(rows)
            else:
                self._change((rows[0][1],))

    def _apply_other(self, event: OtherRecord) -> None:
        if event.kind == "import" and event.import_ is not None:
            self._begin_transaction()
            content = msgspec.json.encode(event.import_).decode()
            self._connection.execute(
                "INSERT OR IGNORE INTO imports VALUES (?, ?, 1, ?)", (event.id, event.seq, content)
            )
        elif event.kind in KEPT:
            self._begin_transaction()
            text = event.raw.decode()
            values = (event.seq, event.kind, 1, event.target, text)
            self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", values)
            if self._figures is not None:
                self._figures.put_event(text)
            else:
                self._change(place_of_event(text))
        elif event.kind == "void" and event.void is not None:
            self._correct(event, bytes(event.void.was).decode(), None, event.void.reason)
        elif event.kind == "replace" and event.replace is not None:
            replace = event.replace
            was, fill = (msgspec.json.encode(content).decode() for content in (replace.was, replace.fill))
            self._correct(event, was, fill, replace.reason)

    def _correct(self, event: OtherRecord, was: str, fill: str | None, reason: str) -> None:
        """Store a correction, and bring the row that it concerns to what holds now."""
        self._flush()  # its target may be among the queued rows
        self._begin_transaction()
        subject, kind = self._subject(event.target, was)
        earlier = self._corrections_of(subject)
        values = (event.seq, event.kind, event.target, subject, kind, 1, was, fill, event.id, reason)
        self._connection.execute(f"INSERT INTO corrections VALUES ({', '.join('?' * len(values))})", values)
        corrections = [*earlier, Correction(event.seq, "void" if fill is None else "replace", event.target)]
        before, had_force = standing_of(subject, earlier)
        after, has_force = standing_of(subject, corrections)
        changed = [(has_force[one.seq], one.seq) for one in earlier if has_force[one.seq] != had_force[one.seq]]
        self._connection.executemany("UPDATE corrections SET in_force = ? WHERE seq = ?", changed)
        if kind == "fill":
            rows = self._settle(subject, before, after) if before != after else ()
            if self._figures is not None:
                self._figures.correct(subject, event.seq, rows)
            else:
                for row in rows:
                    self._change(place_of_row(row))
        elif before != after:
            self._set_in_force(subject, kind, event.seq, in_force=after.in_force)

    def _set_in_force(self, subject: int, kind: str, corrected: int, *, in_force: bool) -> None:
        """Let an import or an event of another kind count, or not."""
        ask: Callable[..., Any] = self._connection.execute
        if kind == "import":
            ask("UPDATE imports SET in_force = ? WHERE seq = ?", (in_force, subject))
            name = ask("SELECT id FROM imports WHERE seq = ?", (subject,)).get
            if self._figures is not None and name is not None:
                self._figures.set_import(name, corrected, in_force=in_force)
            first = ask("SELECT min(ts_ns) FROM trades WHERE import_id = ?", (name,)).get
            self._change(None if first is None else (first,))
            return
        ask("UPDATE events SET in_force = ? WHERE seq = ?", (in_force, subject))
        if self._figures is not None:
            self._figures.set_in_force(subject, corrected, in_force=in_force)
        text = ask("SELECT event FROM events WHERE seq = ?", (subject,)).get
        self._change(None if text is None else place_of_event(text))

    def _subject(self, target: int, was: str) -> tuple[int, str]:
        """The event that a correction of `target` concerns in the end, and what it is."""
        row = self._connection.execute("SELECT subject, subject_kind FROM corrections WHERE seq = ?", (target,))
        known: tuple[int, str] | None = row.fetchone()
        if known is not None:
            return known
        record = decode.read_event(was.encode())
        if isinstance(record, FillRecord):
            return target, "fill"
        return target, "import" if record is not None and record.kind == "import" else "other"

    def _corrections_of(self, subject: int) -> list[Correction]:
        rows = self._connection.execute(
            "SELECT seq, kind, target FROM corrections WHERE subject = ? ORDER BY seq", (subject,)
        )
        return [Correction(*row) for row in rows]

    def _settle(self, subject: int, before: Standing, after: Standing) -> Sequence[decode.Row]:
        """Bring the row of a fill from what it stood for to what it stands for now; gives both, nothing if there is
        none.
        """
        own = self._connection.execute("SELECT was FROM corrections WHERE target = ? LIMIT 1", (subject,)).get
        old, new = (self._row(subject, own, standing) for standing in (before, after))
        if old is None or new is None:
            self.counts["unmatched"] += 1
            return ()
        self._connection.execute(f"DELETE FROM trades WHERE {_PLACE}", old[:4])
        if not self._connection.changes():  # what was corrected is not a fill that is stored
            self.counts["unmatched"] += 1
            return ()
        self._connection.execute(_INSERT_FILL, new)
        return old, new

    def _row(self, subject: int, own: str, standing: Standing) -> decode.Row | None:
        """The row of a fill whose own content is `own`; None if it can't be decoded."""
        content = own
        if standing.replace:
            content = self._connection.execute("SELECT fill FROM corrections WHERE seq = ?", (standing.replace,)).get
        original, fill = decode.read_event(own.encode()), decode.read_event(content.encode())
        if not isinstance(original, FillRecord) or not isinstance(fill, FillRecord):
            return None
        # The sequence, the trade id and the import are those of the fill as journaled, whatever a replace says.
        fill = msgspec.structs.replace(fill, seq=subject, trade_id=original.trade_id, import_id=original.import_id)
        key = decode.key_of(fill)
        try:
            row = decode.rows_of([fill], [self._keys.get(key) or self._number(key)])[0]
        except ValueError:
            return None
        return (*row[:4], int(standing.in_force), *row[5:])

    def _begin_transaction(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

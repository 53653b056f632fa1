"""The rows of a file between reading and sending: a temporary SQLite database, so that memory is flat.

Rows are numbered from 1 in the order of the file. What the app has of a row is noted beside it; a row without a note is
new.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import itemgetter
from pathlib import Path
from threading import Condition, Lock
from typing import Any, NamedTuple

import msgspec

from trading_app.imports.fill_lines import FillLines
from trading_app.imports.report import Order

BLOCK = 1_000
"""Fills that are written together, as lists: a row for each takes ten times as long."""

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
PRAGMA temp_store = FILE;
CREATE TABLE IF NOT EXISTS blocks (
    first INTEGER PRIMARY KEY,  -- the number of its first fill
    places BLOB NOT NULL,       -- MessagePack, here and below: a list with an item for each fill
    ats BLOB NOT NULL,          -- the times as texts that sort
    made BLOB NOT NULL,         -- the digest of the id that was made; nil where the file gives one
    lines BLOB NOT NULL         -- the JSON objects to send
);
CREATE TABLE IF NOT EXISTS identities (
    n INTEGER PRIMARY KEY,
    identity INTEGER NOT NULL   -- a hash of what makes two fills the same one
);
CREATE TABLE IF NOT EXISTS sent (
    n INTEGER PRIMARY KEY,
    identity BLOB NOT NULL      -- the digest of the id that `send` would have made; only where it made one
);
CREATE TABLE IF NOT EXISTS rewritten (n INTEGER PRIMARY KEY, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    line BLOB NOT NULL,
    owner TEXT NOT NULL,        -- the account that the id belongs to
    content BLOB NOT NULL,      -- a digest of all that it says
    UNIQUE (id, kind, owner)
);
CREATE TABLE IF NOT EXISTS earlier_ids (
    n INTEGER NOT NULL,         -- of an event
    kind TEXT NOT NULL,
    id TEXT NOT NULL            -- another id that an earlier version may have given it
);
CREATE TABLE IF NOT EXISTS notes (
    n INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    seq INTEGER NOT NULL,
    void INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS event_notes (
    n INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    void INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS occurrences (n INTEGER PRIMARY KEY, sent INTEGER NOT NULL);
CREATE TEMP TABLE numbers (n INTEGER, identity INTEGER);
CREATE TEMP TABLE repeated (identity INTEGER, n INTEGER, content BLOB);
CREATE TEMP TABLE sorted (at TEXT, n INTEGER, line BLOB);
"""
"""Temporary tables are emptied after use: SQLite drops none while another thread reads with the same connection."""


class Repeated(NamedTuple):
    """A fill whose identity others have, too: number, place, the digest of the id that was made, line."""

    n: int
    place: int
    made: bytes | None
    line: bytes


class EventLine(NamedTuple):
    """An event of another kind to be spooled."""

    place: int
    at: str
    kind: str
    id: str
    line: bytes
    owner: str
    content: bytes
    earlier: Sequence[str] = ()


class Before(NamedTuple):
    """The earlier event of the file with the same id: its place, and the digest of what it says."""

    place: int
    content: bytes


class Note(NamedTuple):
    """What is known of row `n`: `known`, `taken_back`, `different`, `twice` in the file, or `similar`."""

    n: int
    what: str
    seq: int = 0
    void: int = 0
    import_id: str = ""
    detail: str = ""


class Spool:
    """The rows of one file; a context manager. The file is removed with its folder by whoever made that.

    One thread adds rows, another one notes what the app has, and further ones read rows, all at once.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        self._writing = Lock()
        self._grown = Condition()
        self._is_complete = self._is_abandoned = False
        self._waiting = _Block([], [], [], [])
        self._identities: list[int] = []
        self._sent: list[tuple[int, bytes]] = []
        self.fills = self._last_block = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def add(self, fills: FillLines) -> None:
        """Add the next fills."""
        waiting, following = self._waiting, self.fills + len(self._waiting.places) + 1
        waiting.places.extend(fills.places)
        waiting.ats.extend(fills.ats)
        waiting.made.extend(fills.made or repeat(None, len(fills.places)))
        waiting.lines.extend(fills.lines)
        self._identities += fills.identities
        self._sent += [(n, digest) for n, digest in enumerate(fills.sent, following) if digest is not None]
        if len(waiting.places) >= BLOCK:
            self._flush()

    def complete(self) -> None:
        """Say that nothing more will be added."""
        self._flush()
        with self._grown:
            self._is_complete = True
            self._grown.notify_all()

    def abandon(self) -> None:
        """Let those who read rows as they come get no more."""
        with self._grown:
            self._is_abandoned = True
            self._grown.notify_all()

    def _flush(self) -> None:
        """Write what was added."""
        waiting = self._waiting
        if not waiting.places:
            return
        first = self.fills + 1
        with self._writing:
            self._database.execute("BEGIN")
            self._database.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?)", (first, *map(_encode, waiting)))
            self._database.execute(
                "INSERT INTO identities SELECT ? + key, value FROM json_each(?)", (first, _as_json(self._identities))
            )
            self._database.executemany("INSERT INTO sent VALUES (?, ?)", self._sent)
            self._database.execute("COMMIT")
        with self._grown:
            self.fills, self._last_block = self.fills + len(waiting.places), first
            self._grown.notify_all()
        self._waiting, self._identities, self._sent = _Block([], [], [], []), [], []

    def add_event(self, event: EventLine) -> Before | None:
        """Add an event; the one that has its id if there is one, and nothing is added then."""
        added = self._database.execute(
            "INSERT OR IGNORE INTO events (place, at, kind, id, line, owner, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
            event[:-1],
        )
        if added.rowcount > 0:
            rows = [(added.lastrowid, event.kind, earlier) for earlier in event.earlier]
            self._database.executemany("INSERT INTO earlier_ids VALUES (?, ?, ?)", rows)
            return None
        query = "SELECT place, content FROM events WHERE id = ? AND kind = ? AND owner = ?"
        return Before(*self._database.execute(query, (event.id, event.kind, event.owner)).fetchone())

    def repeated(self) -> Iterator[list[Repeated]]:
        """The fills that share their identity with others, group by group, each in the order of the file."""
        of_repeated = _REPEATED.format("identities")
        self._many(f"INSERT INTO numbers SELECT n, identity FROM identities WHERE {of_repeated}", [()])
        numbers = self._cursor().execute("SELECT n, identity FROM numbers ORDER BY n")
        following = next(numbers, None)
        for first, (places, made, lines) in self._blocks("places", "made", "lines") if following else ():
            rows = []
            while following and (at := following[0] - first) < len(places):
                rows.append((following[1], following[0], _encode((places[at], made[at], lines[at]))))
                following = next(numbers, None)
            self._many("INSERT INTO repeated VALUES (?, ?, ?)", rows)
        rows_by_identity = self._cursor().execute("SELECT * FROM repeated ORDER BY identity, n")
        for _, group in groupby(rows_by_identity, key=itemgetter(0)):
            yield [Repeated(n, *_decode_content(content)) for _, n, content in group]
        self._many("DELETE FROM numbers", [()])
        self._many("DELETE FROM repeated", [()])

    def sent_alike(self) -> Iterator[list[int]]:
        """The numbers of fills for which `send` made one id, group by group."""
        query = f"SELECT identity, n FROM sent WHERE {_REPEATED.format('sent')} ORDER BY identity, n"
        for _, group in groupby(self._cursor().execute(query), key=itemgetter(0)):
            yield [n for _, n in group]

    def rewrite(self, lines: Iterable[tuple[int, bytes]]) -> None:
        """Replace lines, each by its row's number."""
        self._many("INSERT OR REPLACE INTO rewritten VALUES (?, ?)", lines)

    def number_sent(self, occurrences: Iterable[tuple[int, int]]) -> None:
        """Say which row is which of those that `send` made equal ids for: `n` and the number, from 2."""
        self._many("INSERT OR REPLACE INTO occurrences VALUES (?, ?)", occurrences)

    def note(self, notes: Iterable[Note]) -> None:
        """Note what is known of rows. One that is `twice` in the file stays so, whatever the app has of it."""
        self._many(_NOTE, notes)

    def forget(self, *what: str) -> None:
        """Take these notes back."""
        self._many("DELETE FROM notes WHERE what = ?", [(one,) for one in what])

    def lines(self, *, newest_first: bool = False) -> Iterator[tuple[int, int, bytes]]:
        """`n`, place and line of the fills of which nothing is noted, in the order of the file or backwards."""
        for first, (places, lines) in self._blocks("places", "lines", newest_first=newest_first):
            rows = list(zip(range(first, first + len(places)), places, lines, strict=True))
            if noted := self._noted(first, len(rows)):
                rows = [row for row in rows if row[0] not in noted]
            yield from reversed(rows) if newest_first else rows

    def lines_with_ids(self) -> Iterator[tuple[int, int, bytes]]:
        """`n`, place and line of the fills whose ids the file gives, while they are being added: it waits for the next
        ones.
        """
        return self._lines_where(is_made=False, as_they_come=True)

    def lines_with_made_ids(self) -> Iterator[tuple[int, int, bytes]]:
        """`n`, place and line of the fills whose ids were made."""
        return self._lines_where(is_made=True, as_they_come=False)

    def _lines_where(self, *, is_made: bool, as_they_come: bool) -> Iterator[tuple[int, int, bytes]]:
        for first, (places, made, lines) in self._blocks("places", "made", "lines", as_they_come=as_they_come):
            rows = zip(range(first, first + len(places)), places, lines, strict=True)
            yield from (row for row, digest in zip(rows, made, strict=True) if (digest is not None) == is_made)

    def blocks_as_they_come(self) -> Iterator[tuple[list[str], bytes]]:
        """The fills while they are being added: the times of some as texts that sort, and their lines as MessagePack.

        Ids that were made of equal rows are equal.
        """
        for _, (ats, lines) in self._encoded_blocks("ats", "lines", newest_first=False, as_they_come=True):
            yield _DECODERS["ats"](ats), lines

    def sent_ids(self, first: int, last: int) -> dict[int, tuple[bytes, int]]:
        """Digest and number of the ids that `send` made, by row, for a range of rows."""
        query = """
        SELECT sent.n, sent.identity, ifnull(occurrences.sent, 1) FROM sent LEFT JOIN occurrences USING (n)
        WHERE sent.n BETWEEN ? AND ?
        """
        return {n: (digest, number) for n, digest, number in self._cursor().execute(query, (first, last))}

    def in_order(self, order: Order) -> Iterator[bytes]:
        """The lines of fills by their times, without those that are twice in the file, whose rows are in `order`.

        Of one time, the later row of a file that has the newest first comes first.
        """
        if order == "mixed":
            yield from self._sorted()
            return
        for first, (lines,) in self._blocks("lines", newest_first=order == "newest_first"):
            twice = self._noted(first, len(lines), "twice")
            kept = [line for n, line in enumerate(lines, first) if n not in twice] if twice else lines
            yield from reversed(kept) if order == "newest_first" else kept

    def _sorted(self) -> Iterator[bytes]:
        for first, (ats, lines) in self._blocks("ats", "lines"):
            twice = self._noted(first, len(ats), "twice")
            rows = zip(ats, range(first, first + len(ats)), lines, strict=True)
            self._many("INSERT INTO sorted VALUES (?, ?, ?)", [row for row in rows if row[1] not in twice])
        for (line,) in self._cursor().execute("SELECT line FROM sorted ORDER BY at, n"):
            yield line
        self._many("DELETE FROM sorted", [()])

    def events(self, *, only_new: bool = False) -> list[tuple[int, int, str, str, str, bytes]]:
        """`n`, place, time, kind, id and line of the events, in the order of the file."""
        new = "WHERE n NOT IN (SELECT n FROM event_notes)" if only_new else ""
        return self._cursor().execute(f"SELECT n, place, at, kind, id, line FROM events {new} ORDER BY n").fetchall()

    def earlier_ids(self) -> list[tuple[int, str, str]]:
        """`n`, kind and ids of earlier versions, of events that the app does not have under their own."""
        query = "SELECT n, kind, id FROM earlier_ids WHERE n NOT IN (SELECT n FROM event_notes) ORDER BY n"
        return self._cursor().execute(query).fetchall()

    def note_events(self, notes: Iterable[Note]) -> None:
        """Note what the app has of events: `known`, `taken_back` or `different`."""
        rows = [(note.n, note.what, note.void) for note in notes]
        self._many("INSERT OR REPLACE INTO event_notes VALUES (?, ?, ?)", rows)

    def event_counts(self) -> dict[str, int]:
        """The number of events by what is noted of them."""
        return dict(self._cursor().execute("SELECT what, count(*) FROM event_notes GROUP BY what"))

    def counts(self) -> dict[str, int]:
        """The number of rows by what is noted of them."""
        return dict(self._cursor().execute("SELECT what, count(*) FROM notes GROUP BY what"))

    def noted(self, what: str, limit: int) -> list[tuple[int, Note]]:
        """The first rows with a note, each with its place."""
        query = "SELECT * FROM notes WHERE what = ? ORDER BY n LIMIT ?"
        return [(self._place(row[0]), Note(*row)) for row in self._cursor().execute(query, (what, limit))]

    def taken_back(self) -> list[tuple[str, int, int]]:
        """The voids in force that take rows back: the import that they name, their sequence, and the number of rows."""
        query = """
        SELECT import_id, void, count(*) FROM (
            SELECT import_id, void, what FROM notes UNION ALL SELECT '', void, what FROM event_notes
        ) WHERE what = 'taken_back' GROUP BY import_id, void ORDER BY void
        """
        return self._cursor().execute(query).fetchall()

    def _blocks(
        self, *columns: str, newest_first: bool = False, as_they_come: bool = False
    ) -> Iterator[tuple[int, list[list[Any]]]]:
        """The number of the first fill of each block, and these columns of its fills, as `_encoded_blocks` has them."""
        decoders = [_DECODERS[name] for name in columns]
        for first, encoded in self._encoded_blocks(*columns, newest_first=newest_first, as_they_come=as_they_come):
            block = [decode(content) for decode, content in zip(decoders, encoded, strict=True)]
            if "lines" in columns:
                lines = block[columns.index("lines")]
                rewritten = "SELECT n, line FROM rewritten WHERE n BETWEEN ? AND ?"
                last = first + len(lines) - 1
                for n, line in self._cursor().execute(rewritten, (first, last)).fetchall():
                    lines[n - first] = line
            yield first, block

    def _encoded_blocks(
        self, *columns: str, newest_first: bool, as_they_come: bool
    ) -> Iterator[tuple[int, list[bytes]]]:
        """The number of the first fill of each block, and these columns as MessagePack.

        With `as_they_come` it waits for further blocks until nothing more will be added.
        """
        beyond, order = ("first < ?", "DESC") if newest_first else ("first > ?", "ASC")
        query = f"SELECT first, {', '.join(columns)} FROM blocks WHERE {beyond} ORDER BY first {order} LIMIT 1"
        first = _BEYOND_ALL if newest_first else 0
        while not as_they_come or self._has_beyond(first):
            found = self._cursor().execute(query, (first,)).fetchall()
            if not found:
                return
            [(first, *encoded)] = found
            yield first, encoded

    def _has_beyond(self, block: int) -> bool:
        """Whether there are blocks after the one with this number, once that is sure."""
        with self._grown:
            self._grown.wait_for(lambda: self._last_block > block or self._is_complete or self._is_abandoned)
            return self._last_block > block and not self._is_abandoned

    def _noted(self, first: int, count: int, what: str = "") -> set[int]:
        """The numbers of the rows with a note, or with a certain one, among `count` rows."""
        query = f"SELECT n FROM notes WHERE n BETWEEN ? AND ? {'AND what = ?' if what else ''}"
        values = (first, first + count - 1, *([what] if what else []))
        return {n for (n,) in self._cursor().execute(query, values)}

    def _place(self, n: int) -> int:
        query = "SELECT first, places FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1"
        first, places = self._cursor().execute(query, (n,)).fetchone()
        place: int = _DECODERS["places"](places)[n - first]
        return place

    def _many(self, command: str, values: Iterable[tuple[object, ...]]) -> None:
        with self._writing:
            self._database.execute("BEGIN")
            self._database.executemany(command, values)
            self._database.execute("COMMIT")

    def _cursor(self) -> sqlite3.Cursor:
        return self._database.cursor()


class _Block(NamedTuple):
    places: list[int]
    ats: list[str]
    made: list[bytes | None]
    lines: list[bytes]


_REPEATED = "identity IN (SELECT identity FROM {0} GROUP BY identity HAVING count(*) > 1)"

_NOTE = """
INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE
SET what = excluded.what, seq = excluded.seq, void = excluded.void, import_id = excluded.import_id,
    detail = excluded.detail
WHERE notes.what != 'twice'
"""
_BEYOND_ALL = 1 << 62

_encode = msgspec.msgpack.Encoder().encode
_as_json = msgspec.json.Encoder().encode
_decode_content = msgspec.msgpack.Decoder(tuple[int, bytes | None, bytes]).decode
_DECODERS: dict[str, Callable[[bytes], list[Any]]] = {
    "places": msgspec.msgpack.Decoder(list[int]).decode,
    "ats": msgspec.msgpack.Decoder(list[str]).decode,
    "made": msgspec.msgpack.Decoder(list[bytes | None]).decode,
    "lines": msgspec.msgpack.Decoder(list[bytes]).decode,
}

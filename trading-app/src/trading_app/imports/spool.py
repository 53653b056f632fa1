"""The rows of a file between reading and sending: a temporary SQLite database, so that memory is flat.

Rows are numbered from 1 in the order of the file. What the app has of a row is noted beside it; a row without a note is
new.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = 10_000
"""Rows that are written at once."""

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
PRAGMA temp_store = FILE;
CREATE TABLE IF NOT EXISTS fills (
    n INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,
    at TEXT NOT NULL,           -- the time as a text that sorts
    identity INTEGER NOT NULL,  -- a hash of what makes two fills the same one
    made BLOB,                  -- the digest of the id that was made; NULL where the file gives one
    sent BLOB,                  -- the digest of the id that `send` would have made; NULL where it made none
    line BLOB NOT NULL          -- the JSON object to send
);
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    line BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (
    n INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    seq INTEGER NOT NULL,
    void INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS occurrences (n INTEGER PRIMARY KEY, sent INTEGER NOT NULL);
"""


class FillLine(NamedTuple):
    """A fill to be spooled; see the table."""

    place: int
    at: str
    identity: int
    made: bytes | None
    sent: bytes | None
    line: bytes


class EventLine(NamedTuple):
    """An event of another kind to be spooled."""

    place: int
    at: str
    kind: str
    id: str
    line: bytes


class Note(NamedTuple):
    """What is known of row `n`: `known`, `taken_back`, `different`, `twice` in the file, or `similar`."""

    n: int
    what: str
    seq: int = 0
    void: int = 0
    import_id: str = ""
    detail: str = ""


class Spool:
    """The rows of one file; a context manager. The file is removed with its folder by whoever made that."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        self._waiting: list[FillLine] = []
        self.fills = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def add(self, fill: FillLine) -> None:
        """Add the next fill."""
        self._waiting.append(fill)
        if len(self._waiting) >= PAGE:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT INTO fills (place, at, identity, made, sent, line) VALUES (?, ?, ?, ?, ?, ?)", self._waiting
        )
        self._database.execute("COMMIT")
        self.fills += len(self._waiting)
        self._waiting.clear()

    def add_event(self, event: EventLine) -> bool:
        """Add an event; False if one with its id is there."""
        added = self._database.execute(
            "INSERT OR IGNORE INTO events (place, at, kind, id, line) VALUES (?, ?, ?, ?, ?)", event
        )
        return added.rowcount > 0

    def repeated(self, column: str) -> Iterator[list[tuple[int, int, bytes | None, bytes]]]:
        """The fills that share their `identity` or `sent` with others: `n`, place, made and line, group by group."""
        query = f"""
        SELECT {column}, n, place, made, line FROM fills WHERE {column} IN
            (SELECT {column} FROM fills WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1)
        ORDER BY {column}, n
        """
        shared: object = None
        group: list[tuple[int, int, bytes | None, bytes]] = []
        for value, *row in self._cursor().execute(query):
            if value != shared and group:
                yield group
                group = []
            shared = value
            group.append(tuple(row))
        if group:
            yield group

    def rewrite(self, lines: Iterable[tuple[bytes, int]]) -> None:
        """Replace lines, each by its row's number."""
        self._many("UPDATE fills SET line = ? WHERE n = ?", lines)

    def number_sent(self, occurrences: Iterable[tuple[int, int]]) -> None:
        """Say which row is which of those that `send` made equal ids for: `n` and the number, from 2."""
        self._many("INSERT OR REPLACE INTO occurrences VALUES (?, ?)", occurrences)

    def note(self, notes: Iterable[Note]) -> None:
        """Note what is known of rows."""
        self._many("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?, ?)", notes)

    def forget(self, *what: str) -> None:
        """Take these notes back."""
        self._many("DELETE FROM notes WHERE what = ?", [(one,) for one in what])

    def lines(self, *, newest_first: bool = False, only_new: bool = True) -> Iterator[tuple[int, int, bytes]]:
        """`n`, place and line of the fills, in the order of the file or backwards."""
        new = "WHERE n NOT IN (SELECT n FROM notes)" if only_new else ""
        order = "DESC" if newest_first else "ASC"
        yield from self._cursor().execute(f"SELECT n, place, line FROM fills {new} ORDER BY n {order}")

    def sent_ids(self, first: int, last: int) -> dict[int, tuple[bytes, int]]:
        """Digest and number of the ids that `send` made, by row, for a range of rows."""
        query = """
        SELECT fills.n, fills.sent, ifnull(occurrences.sent, 1) FROM fills LEFT JOIN occurrences USING (n)
        WHERE fills.n BETWEEN ? AND ? AND fills.sent IS NOT NULL
        """
        return {n: (digest, number) for n, digest, number in self._cursor().execute(query, (first, last))}

    def in_order(self, *, is_sorted: bool, newest_first: bool = False) -> Iterator[bytes]:
        """The lines of fills in the order of their times, without those that are twice in the file."""
        order = "n" if is_sorted else f"at, n {'DESC' if newest_first else 'ASC'}"
        twice = "WHERE n NOT IN (SELECT n FROM notes WHERE what = 'twice')"
        for (line,) in self._cursor().execute(f"SELECT line FROM fills {twice} ORDER BY {order}"):
            yield line

    def events(self) -> list[tuple[int, int, str, str, str, bytes]]:
        """`n`, place, time, kind, id and line of the events, in the order of the file."""
        return self._cursor().execute("SELECT n, place, at, kind, id, line FROM events ORDER BY n").fetchall()

    def counts(self) -> dict[str, int]:
        """The number of rows by what is noted of them."""
        return dict(self._cursor().execute("SELECT what, count(*) FROM notes GROUP BY what"))

    def noted(self, what: str, limit: int) -> list[tuple[int, Note]]:
        """The first rows with a note, each with its place."""
        query = "SELECT place, notes.* FROM notes JOIN fills USING (n) WHERE what = ? ORDER BY n LIMIT ?"
        return [(row[0], Note(*row[1:])) for row in self._cursor().execute(query, (what, limit))]

    def taken_back(self) -> list[tuple[str, int, int]]:
        """The voids in force that take rows back: the import that they name, their sequence, and the number of rows."""
        query = "SELECT import_id, void, count(*) FROM notes WHERE what = 'taken_back' GROUP BY import_id, void"
        return self._cursor().execute(query).fetchall()

    def _many(self, command: str, values: Iterable[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(command, values)
        self._database.execute("COMMIT")

    def _cursor(self) -> sqlite3.Cursor:
        return self._database.cursor()

"""The database file of a store: how it is made, opened, recognised, removed and set aside. Both stores use it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from telemetry_stream.durable_files import OpenFiles
from telemetry_stream.errors import UnusableState
from telemetry_stream.projection import PositionTable
from trading_history import page_checksums
from trading_history.errors import (
    NewerStore,
    StoreDamaged,
    StoreMissing,
    StoreReplaced,
    StoreUnavailable,
    own_errors,
)

BUSY_WAIT_MS = 2_000
"""How long a lock of another program, such as a backup, is waited for."""

CHECKPOINT_PAGES = 1_000
"""Once this many pages (of 4 KiB) are in the write-ahead log, they are copied into the database."""

MAX_LOG_BYTES = 64 * 1024 * 1024
"""The write-ahead log is cut back to this size."""

MAX_ASIDE = 9
"""Damaged files that are kept: more of them mean a bad disk."""


@dataclass(frozen=True)
class Database:
    """A kind of store: one file in the ledger's folder."""

    file_name: str
    application_id: int
    """Lets `file` and a careful program tell it from another database."""

    layout: int
    """Version of its tables."""

    fold: int
    """Version of what makes rows of events."""

    tables: str
    content: str
    """What it is, for messages: "a history"."""

    when_damaged: str
    """What makes it again, for messages."""

    is_remade: bool = False
    """Whether it is made again of the stream, by itself, when its file is damaged. Then its pages have checksums, and
    who only reads it and finds damage leaves a note for the one who writes it.
    """

    cache_kib: int = 2_048
    steps: Mapping[int, str] = field(default_factory=dict)
    """What brings an earlier layout to the next one. A store of one that is missing here can't be used."""

    def open_to_write(self, folder: Path) -> apsw.Connection:
        """The one writing connection; the tables are made if there are none. Call it under the lock of the store.

        Raises StoreDamaged, NewerStore, StoreUnavailable, and UnusableState for a store of an earlier version.
        """
        file = folder / self.file_name
        with self.errors(folder):
            connection = apsw.Connection(str(file), vfs=self._vfs)
            try:
                self._prepare(connection, file)
            except BaseException:
                connection.close(force=True)  # its own complaint would come after the one that counts
                raise
        return connection

    @property
    def _vfs(self) -> str | None:
        return page_checksums.vfs() if self.is_remade else None

    def _prepare(self, connection: apsw.Connection, file: Path) -> None:
        connection.set_busy_timeout(BUSY_WAIT_MS)
        is_new = not connection.execute("SELECT count(*) FROM sqlite_schema").get
        if is_new:
            self._note(file.parent).unlink(missing_ok=True)  # it was of another file
            if self.is_remade:
                page_checksums.begin(connection)
        self.check_note(file.parent)
        layout = self.layout if is_new else self._check(connection, file)
        steps = range(layout, self.layout)
        if any(step not in self.steps for step in steps):
            raise UnusableState(f"it has layout {layout}, not {self.layout}")
        if connection.readonly("main"):
            raise apsw.ReadOnlyError("it was opened to read only")
        connection.pragma("journal_mode", "wal")
        # A power cut may take the last transactions, which come again from the stream, but never leaves half of one.
        connection.pragma("synchronous", "normal")
        connection.pragma("cache_size", -self.cache_kib)
        connection.pragma("journal_size_limit", MAX_LOG_BYTES)
        if is_new:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(self.tables)
            PositionTable(connection, self.fold)
            connection.pragma("application_id", self.application_id)
            connection.pragma("user_version", self.layout)
            connection.execute("COMMIT")
        elif steps:
            connection.execute("BEGIN IMMEDIATE")
            for step in steps:
                connection.execute(self.steps[step])
            connection.pragma("user_version", self.layout)
            connection.execute("COMMIT")
        PositionTable(connection, self.fold).load(connection)

    def open_to_read(self, folder: Path) -> apsw.Connection:
        """A connection that only reads. Raises StoreMissing, StoreDamaged, NewerStore, StoreUnavailable."""
        file = folder / self.file_name
        if not file.exists():
            raise StoreMissing(f"{file} is not there: trading-analytics builds it")
        with self.reading_errors(folder):
            connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY, vfs=self._vfs)
            try:
                connection.set_busy_timeout(BUSY_WAIT_MS)
                if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                    raise StoreMissing(f"{file} is empty: trading-analytics builds it")
                if self._check(connection, file) < self.layout:
                    raise StoreMissing(f"{file} is of an earlier version: trading-analytics rebuilds it at its start")
            except BaseException:
                connection.close(force=True)
                raise
        return connection

    @contextmanager
    def reading(self, folder: Path) -> Iterator[apsw.Connection]:
        """A connection that only reads, for one question. Raises as `open_to_read`."""
        connection = self.open_to_read(folder)
        try:
            with self.reading_errors(folder):
                yield connection
        finally:
            connection.close(force=True)

    def _check(self, connection: apsw.Connection, file: Path) -> int:
        """The layout of a store. Raises StoreUnavailable, NewerStore."""
        if connection.pragma("application_id") != self.application_id:
            raise StoreUnavailable(f"{file} is a database, but not {self.content}; move it away or set DATA_DIR")
        layout = int(connection.pragma("user_version"))
        if layout > self.layout:
            raise NewerStore(
                f"{file} has layout {layout}, this version knows {self.layout}: upgrade, or move the file away"
                " to rebuild it"
            )
        if self.is_remade and layout == self.layout and not page_checksums.are_kept(connection):
            raise StoreDamaged(f"{file} is damaged (its pages have no checksums); {self.when_damaged}")
        return layout

    def check(self, folder: Path) -> None:
        """Read all of it. Raises StoreDamaged with the first thing that is wrong, and as `open_to_read`."""
        with self.reading(folder) as connection:
            finding = str(connection.execute("PRAGMA integrity_check(1)").get).splitlines()[-1]
            if finding != "ok":
                raise apsw.CorruptError(finding.replace(*page_checksums.FAULT))

    def remove(self, folder: Path) -> None:
        """Remove the store. Call it under its lock. Raises StoreUnavailable."""
        with self.errors(folder):
            for file in (*self.files(folder), self._note(folder)):
                file.unlink(missing_ok=True)

    def set_aside(self, folder: Path) -> Path:
        """Keep the store under another name, which is given. Call it under its lock. Raises StoreUnavailable."""
        names = [f"{self.file_name}.set-aside", *(f"{self.file_name}.set-aside-{n}" for n in range(2, MAX_ASIDE + 1))]
        free = next((name for name in names if not (folder / name).exists()), None)
        if free is None:
            raise StoreUnavailable(
                f"{folder / self.file_name} is damaged, as were {MAX_ASIDE} before it that are kept beside it:"
                " look at the disk, then move them away"
            )
        with self.errors(folder):
            # The database first: SQLite drops a log that belongs to none.
            for file in self.files(folder):
                if file.exists():
                    file.rename(folder / file.name.replace(self.file_name, free))
        return folder / free

    def files(self, folder: Path) -> list[Path]:
        """The database, and the two files that SQLite keeps beside it."""
        return [folder / f"{self.file_name}{end}" for end in ("", "-wal", "-shm")]

    def copy(self, connection: apsw.Connection, file: Path) -> None:
        """Copy the store of a connection, as it is now, into a new file. Raises apsw.Error."""
        if self.is_remade:
            page_checksums.copy(connection, str(file))
        else:
            connection.execute("VACUUM INTO ?", (str(file),))

    def errors(self, folder: Path) -> AbstractContextManager[None]:
        """Raise what SQLite and the system raise about the file as errors of this package."""
        return own_errors(folder / self.file_name, self.when_damaged)

    @contextmanager
    def reading_errors(self, folder: Path) -> Iterator[None]:
        """Raise errors as `errors` does, for a reader. Damage of a store that is made again is noted for its writer."""
        file, read = folder / self.file_name, None
        with suppress(FileNotFoundError):
            read = OpenFiles([file])
        try:
            with self.errors(folder):
                yield
        except StoreDamaged as error:
            if self.is_remade and read is not None and read.has(file):  # and not one that was made since
                with suppress(OSError):  # who writes finds it too, where it reads the same
                    self._note(folder).write_text(str(error))
            raise

    def check_note(self, folder: Path) -> None:
        """Raises StoreDamaged where somebody who read it found damage."""
        if note := self.noted_damage(folder):
            raise StoreDamaged(note)

    def noted_damage(self, folder: Path) -> str:
        """What somebody who read it found; empty if nothing is noted."""
        with suppress(OSError):
            return self._note(folder).read_text()
        return ""

    def _note(self, folder: Path) -> Path:
        return folder / f"{self.file_name}.damaged"


class HeldFiles:
    """The files of a store that is open to be written, with its lock: who removes them is found out."""

    def __init__(self, database: Database, folder: Path, lock_file: str) -> None:
        """Call it once the connection has read. Raises OSError."""
        self._database, *self._logs = database.files(folder)
        self._held = OpenFiles([self._database, *self._logs, folder / lock_file])

    @property
    def has_database(self) -> bool:
        """Whether the database is still the one that was opened."""
        return self._held.has(self._database)

    def check(self) -> None:
        """Raises StoreReplaced."""
        lost = self._held.lost()
        if lost is not None:
            raise StoreReplaced(f"{lost} was removed or replaced while it was open")

    def tidy(self) -> None:
        """Remove what is left of a database that was removed: SQLite would write the pages of its log into the next
        one. Call it once the connection is closed. Raises OSError.
        """
        if not self.has_database:
            for log in self._logs:
                if self._held.has(log):
                    log.unlink()


class WriteAheadLog:
    """Keeps the log of a writing connection short. SQLite's own way to do that keeps its errors to itself."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._pages = 0
        connection.wal_autocheckpoint(0)
        connection.set_wal_hook(self._note_commit)

    def _note_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def keep_short(self) -> None:
        """Copy it into the database if it is long. Call it after a commit. Raises apsw.Error."""
        if self._pages < CHECKPOINT_PAGES:
            return
        try:
            self._connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # another program makes one; due again after the next commit
            return
        self._pages = 0

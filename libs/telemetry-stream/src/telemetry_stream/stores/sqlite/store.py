"""The Store interface over SQLite: a folder with one database, its write-ahead log, and the tables of its keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from telemetry_stream.errors import BackendUnavailable, JournalInUse
from telemetry_stream.events import LabelOf
from telemetry_stream.log import BeforeCommit, JournalReport, StorageUse
from telemetry_stream.stores.sqlite import backup, integrity, usage
from telemetry_stream.stores.sqlite.journal import Journal, lock_to_write
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, open_to_write
from telemetry_stream.topics import KeyRules, Topic


class SqliteStore:
    """A Store."""

    def file(self, folder: Path) -> Path:
        """The database."""
        return folder / JOURNAL_FILE

    def open_writer(self, folder: Path, topic: Topic, before_commit: BeforeCommit | None = None) -> Journal:
        """The one writer. Raises BackendUnavailable."""
        with _own_errors():
            return Journal(folder, topic, before_commit)

    def open_reader(self, folder: Path) -> JournalReader:
        """Read access for the calling thread. Raises BackendUnavailable."""
        with _own_errors():
            return JournalReader(folder)

    def is_written(self, folder: Path) -> bool:
        """Whether a process has the writer open. Raises BackendUnavailable."""
        # By trying the lock itself: a file with a process id would be wrong after a kill.
        try:
            with _own_errors():
                lock_to_write(folder).close()
        except JournalInUse:
            return True
        return False

    def measure(self, folder: Path) -> StorageUse:
        """The space used and free. Raises BackendUnavailable."""
        with _own_errors():
            return usage.measure(folder)

    def check(self, file: Path, key_rules: KeyRules = (), label_of: LabelOf | None = None) -> JournalReport:
        """Check the database."""
        return integrity.check_journal(file, key_rules, label_of)

    def tend(self, folder: Path) -> None:
        """Bring the write-ahead log into the database. Raises BackendUnavailable."""
        with _own_errors(), lock_to_write(folder):
            open_to_write(folder).close()  # the last connection to close writes all of it into the database

    def back_up(self, folder: Path, file: Path, key_rules: KeyRules = ()) -> JournalReport:
        """Copy all that is committed by now. Raises BackendUnavailable."""
        with _own_errors():
            return backup.back_up(folder, file, key_rules)

    def restore(self, file: Path, folder: Path, key_rules: KeyRules = ()) -> tuple[JournalReport, Path | None]:
        """Put a copy in the folder, as another stream. Raises BackendUnavailable."""
        with _own_errors():
            return backup.restore(file, folder, key_rules)


@contextmanager
def _own_errors() -> Iterator[None]:
    """Raise errors of SQLite and the system as an error of the interface: programs must not need to import apsw."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise BackendUnavailable(str(error) or repr(error)) from error

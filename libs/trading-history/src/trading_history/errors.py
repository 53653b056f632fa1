"""Everything this package raises.

HistoryError
├── StoreInUse           another process writes the store
└── StoreUnavailable     the store can't be read or written; the message says why and what to do
    ├── StoreMissing     the store has not been built yet
    ├── NewerStore       a later version of the program made it
    ├── StoreReplaced    its files were removed or replaced while they were open
    └── StoreDamaged     its file is damaged: it has to be made again
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw


class HistoryError(Exception):
    """Base of this package's errors."""


class StoreInUse(HistoryError):
    """Another process writes the store."""


class StoreUnavailable(HistoryError):
    """The store can't be read or written. The message names the file, says why and what to do."""


class StoreMissing(StoreUnavailable):
    """The store has not been built yet."""


class NewerStore(StoreUnavailable):
    """A later version of the program made the store."""


class StoreReplaced(StoreUnavailable):
    """The store's files were removed or replaced while they were open."""


class StoreDamaged(StoreUnavailable):
    """The store's file is damaged. The message says what makes it again."""


@contextmanager
def own_errors(file: Path, when_damaged: str = "") -> Iterator[None]:
    """Raise what SQLite and the system raise about `file` as one of these. `when_damaged` says what makes it again."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise _damaged(file, str(error), when_damaged) from error
    except apsw.IOError as error:
        if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_DATA:  # as all of apsw's errors have it
            raise _damaged(file, "a page does not match its checksum", when_damaged) from error
        raise StoreUnavailable(f"{file} can't be used: {error}") from error
    except apsw.FullError as error:
        raise StoreUnavailable(f"{file} can't grow, its disk is full: free some space") from error
    except (apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise StoreUnavailable(
            f"{file} can't be written ({error}): check the rights of the file and its folder"
        ) from error
    except (apsw.BusyError, apsw.LockedError, apsw.ProtocolError) as error:
        raise StoreUnavailable(f"another program holds the lock of {file}: close it") from error
    except (apsw.Error, OSError) as error:
        raise StoreUnavailable(f"{file} can't be used: {error}") from error


def _damaged(file: Path, finding: str, when_damaged: str) -> StoreDamaged:
    return StoreDamaged("; ".join(filter(None, (f"{file} is damaged ({finding})", when_damaged))))

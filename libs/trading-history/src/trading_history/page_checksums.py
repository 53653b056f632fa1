"""Each page of a database has a checksum, which is compared whenever the page is read: a byte that the disk changed
would else be a wrong figure, or a row that is not found, without an error.

SQLite's own extension does it (https://www.sqlite.org/cksumvfs.html), which apsw brings along: eight bytes at the end
of each page. A page that does not match them is SQLITE_IOERR_DATA. Pages get them when they leave the write-ahead log,
which has checksums of its own; another program that copies them out of it leaves them without.
"""

from functools import cache

import apsw
from apsw import sqlite_extra

from trading_history.errors import StoreUnavailable

BYTES = 8
"""At the end of each page. Without them a page has no checksum."""

FAULT = (f"unable to get the page. error code={apsw.SQLITE_IOERR_DATA}", "does not match its checksum")
"""What `PRAGMA integrity_check` says of a page that does not match, and what it means."""

_EXTENSION = "cksumvfs"
_VFS = "cksmvfs"


@cache
def vfs() -> str:
    """The name of the way to files by which checksums are made and compared. Raises StoreUnavailable."""
    default = apsw.vfs_names()[0]
    connection = apsw.Connection(":memory:")
    try:
        sqlite_extra.load(connection, _EXTENSION)
    except (apsw.Error, LookupError, sqlite_extra.NotAvailable) as error:
        raise StoreUnavailable(
            f"this installation of apsw has no extension {_EXTENSION}, which the wheels of apsw have: {error}"
        ) from error
    finally:
        connection.close()
    apsw.set_default_vfs(default)  # it makes itself the default: other databases are none of its business
    return _VFS


def begin(connection: apsw.Connection) -> None:
    """Let the pages of a database that has none yet have checksums. Raises apsw.Error."""
    connection.reserve_bytes("main", BYTES)


def are_kept(connection: apsw.Connection) -> bool:
    """Whether the pages of a database have checksums."""
    return connection.reserve_bytes("main") == BYTES


def copy(connection: apsw.Connection, file: str) -> None:
    """Copy a database that has checksums, as it is now, into a new file. Raises apsw.Error.

    Not by VACUUM: what that writes before the first page gets none.
    """
    target = apsw.Connection(file, vfs=vfs())
    try:
        begin(target)
        target.pragma("user_version", 1)  # writes the first page
        with target.backup("main", connection, "main") as copying:
            copying.step(-1)
    finally:
        target.close()

"""One file of lines that wait to be sent, and how far they are sent.

Two files: NAME.lines has the lines as they are posted, each with its line break. NAME.sent has the number of bytes that
need not be sent again, as 20 digits, and is locked by the process that the segment belongs to. A process that ends,
however it ends, leaves its segments to whoever opens the spool next.

A line is written by one `write` to the end of the file. When that returns, the line is the operating system's, and
survives the end of this process; after a crash of the machine it may be missing, or the file may end in the middle of a
line. What follows the last line break was never recorded, and is not sent.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from trading_client.errors import SpoolError, SpoolFull
from trading_client.locks import FORKING, try_lock

LINES, SENT = ".lines", ".sent"

_MODE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)  # Windows: line breaks stay as they are
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY
_READ_WRITE = os.O_RDWR | os.O_CREAT | _BINARY
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def spool_error(path: Path, error: OSError) -> SpoolError:
    """The error of a caller for one of the operating system about a path."""
    return (SpoolFull if error.errno in _FULL else SpoolError)(f"{path}: {error.strerror or error}")


class Segment:
    """A segment that belongs to this process. `create` and `adopt` make one.

    `append`, `sync` and `finish` are for the thread that records, the other methods for the thread that sends.
    """

    def __init__(self, path: Path, lock: int, output: int | None) -> None:
        self.path = path
        self._lock = lock
        self._output = output
        self.written = 0
        """Bytes that this process appended."""

        self._input = os.open(path, os.O_RDONLY | _BINARY)
        self._sent = self._read_sent()

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new segment with that path, which must end with LINES. Raises OSError."""
        lock = os.open(path.with_suffix(SENT), _READ_WRITE, _MODE)
        try:
            if not try_lock(lock):
                raise OSError(errno.EEXIST, f"{path} belongs to another process")
            return cls(path, lock, os.open(path, _APPEND | os.O_EXCL, _MODE))
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def adopt(cls, path: Path) -> Segment | None:
        """The segment with that path, if no process has it and it is still there. Raises OSError."""
        lock = os.open(path.with_suffix(SENT), _READ_WRITE, _MODE)
        try:
            if try_lock(lock):
                return cls(path, lock, None)
        except FileNotFoundError:  # sent and deleted meanwhile
            os.close(lock)
            with contextlib.suppress(OSError):
                path.with_suffix(SENT).unlink()
            return None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        return None

    @property
    def sent(self) -> int:
        """Bytes from the beginning that need not be sent again."""
        return self._sent

    @property
    def is_finished(self) -> bool:
        """Whether no more lines are written to it."""
        return self._output is None

    def append(self, line: bytes) -> None:
        """Write a line that ends with a line break. Raises SpoolError; then none of it is in the file."""
        assert self._output is not None
        try:
            written = os.write(self._output, line)
            if written != len(line):
                self._complete(line, written)
            self.written += len(line)
        except OSError as error:
            raise spool_error(self.path, error) from error

    def sync(self) -> None:
        """Wait until the disk has the lines. Raises SpoolError; then the disk may have them or not."""
        assert self._output is not None
        try:
            os.fsync(self._output)
        except OSError as error:
            raise SpoolError(f"{self.path}: {error.strerror}; whether the trade is recorded is not known") from error

    def finish(self) -> None:
        """Write no more lines."""
        if self._output is not None:
            output, self._output = self._output, None
            os.close(output)

    def size(self) -> int:
        """Bytes of the file."""
        return os.fstat(self._input).st_size

    def waiting(self) -> int:
        """Bytes that are not sent."""
        return max(0, self.size() - self._sent)

    def read(self, max_lines: int, max_bytes: int) -> list[bytes]:
        """The next lines that are not sent, without line breaks; none if there is nothing to send now.

        Damage without a line break is passed over.
        """
        while True:
            os.lseek(self._input, self._sent, os.SEEK_SET)
            piece = _read_up_to(self._input, max_bytes)
            *lines, rest = piece.split(b"\n")
            if lines or not rest or not self.is_finished:
                return lines[:max_lines]
            self._advance_to(self._sent + len(rest))

    def advance(self, lines: Sequence[bytes]) -> int:
        """Note that these lines, the next ones, need not be sent again; their bytes."""
        length = sum(map(len, lines)) + len(lines)
        self._advance_to(self._sent + length)
        return length

    def close(self) -> None:
        """Leave the segment to whoever opens the spool next. Idempotent."""
        with FORKING:
            self.finish()
            if self._lock >= 0:
                os.close(self._input)
                os.close(self._lock)  # last: it ends the lock
                self._lock = -1

    def delete(self) -> None:
        """Delete a segment that is sent."""
        if os.name == "nt":  # open files can't be deleted there; who adopts it meanwhile finds nothing to send
            self.close()
        for path in (self.path, self.path.with_suffix(SENT)):
            with contextlib.suppress(FileNotFoundError, PermissionError):
                path.unlink()
        if os.name != "nt":
            self.close()

    def _advance_to(self, position: int) -> None:
        self._sent = position
        os.lseek(self._lock, 0, os.SEEK_SET)
        with contextlib.suppress(OSError):  # a full disk: the next note says it too, and without one the app knows them
            os.write(self._lock, b"%020d" % position)

    def _complete(self, line: bytes, written: int) -> None:
        """Write the rest of a line of which a part is written, or take that part back. Raises OSError."""
        assert self._output is not None
        begin = os.lseek(self._output, 0, os.SEEK_END) - written
        try:
            while written < len(line):
                written += os.write(self._output, line[written:])
        except OSError:
            os.ftruncate(self._output, begin)
            raise

    def _read_sent(self) -> int:
        """0, which sends everything again, if the note is torn or is not at the end of a line."""
        os.lseek(self._lock, 0, os.SEEK_SET)
        note = os.read(self._lock, 20)
        if len(note) != 20 or not note.isdigit():
            return 0
        sent = int(note)
        if sent == 0 or sent > self.size():
            return 0
        os.lseek(self._input, sent - 1, os.SEEK_SET)
        return sent if sent == self.size() or os.read(self._input, 1) == b"\n" else 0


def _read_up_to(descriptor: int, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)

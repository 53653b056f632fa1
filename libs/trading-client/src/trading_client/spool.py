"""A folder of lines that wait to be sent, with a maximum size. Several processes may use it at once.

Each process writes segments of its own, and takes over those of processes that have ended.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from trading_client.errors import SpoolError, SpoolFull
from trading_client.locks import FORKING
from trading_client.refused import RefusedLines
from trading_client.segment import LINES, SENT, Segment, spool_error
from trading_client.status import Refusal

SEGMENT_BYTES = 4 << 20
"""A segment of this size is followed by a new one, and deleted once it is sent."""

MAX_OWNERS = 16
"""Owners of lines that have segments of their own. All others share one."""

STALE_SECONDS = 600.0


class Spool:
    """The spool in a folder, made if it is missing. Raises SpoolError.

    `append` is for one thread at a time; `adopt`, `segments`, `advance`, `refuse` and `close` are for the thread that
    sends. Each changes only its own counters.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._refused = RefusedLines(folder)
        self._adopted: list[Segment] = []
        self._own: list[Segment] = []
        self._appended = self._inherited = self._settled = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.adopt()
            self._current = {"": self._next_segment()}
        except OSError as error:
            raise SpoolError(f"{folder}: the spool can't be used: {error.strerror or error}") from error

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._folder

    @property
    def refused_path(self) -> Path:
        """The file of refused lines."""
        return self._refused.path

    @property
    def has_adopted(self) -> bool:
        """Whether segments of ended processes are not sent yet."""
        return bool(self._adopted)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of this process's segments that are not sent."""
        return self._appended + self._inherited - self._settled

    @property
    def refused_bytes(self) -> int:
        """Bytes of the file of refused lines."""
        return self._refused_bytes

    def append(self, line: bytes, owner: str = "", *, sync: bool = False) -> None:
        """Record a line, which ends with a line break. Raises SpoolError; then it is not recorded.

        Lines of different owners go to different segments: where the app refuses those of one, the others do not wait.
        """
        if self._appended + len(line) > self._max_appended:
            raise SpoolFull(f"{self._folder}: the spool has its maximum of {self._max_bytes:,} bytes; {self._advice()}")
        current = self._current.get(owner)
        if current is None or current.written >= SEGMENT_BYTES:
            current = self._next_of(owner)
        current.append(line)
        self._appended += len(line)
        if sync:
            current.sync()

    def adopt(self) -> None:
        """Take over the segments that belong to no process. Raises OSError."""
        known = {segment.path for segment in (*self._adopted, *self._own)}
        for path in sorted(self._folder.glob(f"*{LINES}")):
            with FORKING:
                segment = None if path in known else Segment.adopt(path)
                if segment is not None:
                    self._inherited += segment.waiting()
                    self._adopted.append(segment)
        self._delete_stale()
        self._note_room()

    def segments(self) -> Sequence[Segment]:
        """The segments of this process, the oldest first. Those that are finished and sent are deleted."""
        for segments in (self._adopted, self._own):
            for segment in [each for each in segments if each.is_finished and not each.waiting()]:
                segments.remove(segment)
                segment.delete()
        return [*self._adopted, *self._own]

    def marks(self) -> Sequence[tuple[Segment, int]]:
        """The segments of this process's lines, each with the bytes that are written to it by now."""
        return [(segment, segment.written) for segment in list(self._own)]

    def settle(self, segment: Segment, lines: Sequence[bytes], refusals: Sequence[Refusal]) -> None:
        """Note that the segment's next lines are with the app, but for the refused ones.

        Raises OSError, SpoolError if these can't be written; then nothing is noted.
        """
        if refusals:
            self._refused.add(refusals)
        self._settled += segment.advance(lines)
        self._note_room()

    def close(self) -> None:
        """Delete what is sent, and leave the rest to whoever opens the spool next."""
        for segment in self._own:
            segment.finish()
        for segment in self.segments():
            segment.close()

    def forget(self) -> None:
        """Close the files, without any other effect: for a forked process, whose parent goes on with them."""
        for segment in (*self._adopted, *self._own):
            segment.close()

    def _note_room(self) -> None:
        """What `append` compares with, which is thus a single comparison."""
        self._refused_bytes = self._refused.size()
        self._max_appended = self._max_bytes - self._refused_bytes - self._inherited + self._settled

    def _next_of(self, owner: str) -> Segment:
        """The segment for an owner's next line: a new one, or that of all others where there are many owners."""
        if owner not in self._current and len(self._current) > MAX_OWNERS:
            owner = ""
        current = self._current.get(owner)
        if current is not None and current.written < SEGMENT_BYTES:
            return current
        try:
            following = self._next_segment()
        except OSError as error:
            raise spool_error(self._folder, error) from error
        if current is not None:
            current.finish()
        self._current[owner] = following
        return following

    def _next_segment(self) -> Segment:
        name = f"{time.time_ns():020d}-{os.urandom(6).hex()}"
        with FORKING:
            segment = Segment.create(self._folder / f"{name}{LINES}")
            self._own.append(segment)
        return segment

    def _advice(self) -> str:
        if self._refused_bytes > self._max_bytes // 2:
            return f"most of it are refused lines: see {self._refused.path}"
        return "the app has not taken trades for long"

    def _delete_stale(self) -> None:
        """Delete what a kill left between two steps: the note of a segment that is gone."""
        for path in self._folder.glob(f"*{SENT}"):
            with contextlib.suppress(OSError):
                if not path.with_suffix(LINES).exists() and time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()


def left_over(folder: Path) -> Iterator[tuple[Path, int]]:
    """The segments in a folder, of running processes too, and their bytes that are not sent."""
    for path in sorted(folder.glob(f"*{LINES}")):
        with contextlib.suppress(OSError, ValueError):
            note = path.with_suffix(SENT).read_bytes()[:20] if path.with_suffix(SENT).exists() else b""
            yield path, max(0, path.stat().st_size - int(note or 0))

"""The file of refused lines of a spool, `refused.ndjson`. Processes share it.

Each entry is one JSON object: `at`, `code`, `reason`, and the refused trade or event as `line`, or as `text` if it is
not JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from trading_client.errors import SpoolError
from trading_client.locks import FORKING, try_lock
from trading_client.status import Refusal

NAME = "refused.ndjson"
LOCK_SECONDS = 5.0

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class RefusedLines:
    """The refused lines of the spool in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def size(self) -> int:
        """Bytes of the file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Add entries, all or none. Raises OSError, SpoolError."""
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._opened() as descriptor:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            entries = b"".join(_entry(refusal, at) for refusal in refusals)
            try:
                _write(descriptor, entries if _ends_a_line(descriptor, end) else b"\n" + entries)
            except OSError:
                os.ftruncate(descriptor, end)
                raise

    def take(self, put: Callable[[bytes], None]) -> int:
        """Hand each refused line that is JSON to `put`, with its line break, and then delete its entry; how many.

        A crash between the two leaves a line in both places. Raises OSError, SpoolError, and what `put` raises.
        """
        with self._opened() as descriptor:
            entries = _read(descriptor).split(b"\n")
            lines = [_line(entry) for entry in entries]
            for line in lines:
                if line is not None:
                    put(line)
            kept = [entry for entry, line in zip(entries, lines) if line is None and entry]
            os.ftruncate(descriptor, 0)
            _write(descriptor, b"".join(entry + b"\n" for entry in kept))
        return sum(line is not None for line in lines)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        with FORKING:
            descriptor = os.open(self.path, _FLAGS, 0o600)
            try:
                deadline = time.monotonic() + LOCK_SECONDS
                while not try_lock(descriptor):
                    if time.monotonic() > deadline:
                        raise SpoolError(f"{self.path}: another process has had it locked for {LOCK_SECONDS:g} s")
                    time.sleep(0.01)
                yield descriptor
            finally:
                os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    """Write all of it: on a disk that fills up, one `write` may take a part and raise nothing."""
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])


def _ends_a_line(descriptor: int, end: int) -> bool:
    """Whether an entry that is added begins a line; not after one that a kill cut off."""
    if end == 0:
        return True
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _entry(refusal: Refusal, at: str) -> bytes:
    entry: dict[str, Any] = {"at": at, "code": refusal.code, "reason": refusal.reason}
    try:
        entry["line"] = json.loads(refusal.line)
    except (ValueError, RecursionError):
        entry["text"] = refusal.line
    return json.dumps(entry).encode() + b"\n"


def _line(entry: bytes) -> bytes | None:
    try:
        line = json.loads(entry).get("line")
    except (ValueError, AttributeError, RecursionError):
        return None
    return json.dumps(line).encode() + b"\n" if isinstance(line, dict) else None


def _read(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)

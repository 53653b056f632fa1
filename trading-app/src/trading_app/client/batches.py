"""Gathers trades into requests, up to a maximum number of trades and of bytes."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

MAX_BATCH_BYTES = 1_000_000
"""Maximum size of a request's body, well below the app's default maximum."""


class Line(NamedTuple):
    """One trade to send: its JSON object on one line, and its origin in words for people."""

    body: bytes
    place: str


class Batch:
    """The trades of one request, at least one."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def body(self) -> bytes:
        """The request's body, as NDJSON."""
        return b"\n".join(line.body for line in self.lines) + b"\n"

    @property
    def places(self) -> str:
        """The first and last place of the batch, in words for people."""
        first, last = self.lines[0].place, self.lines[-1].place
        return first if first == last else f"{first} to {last}"


def gather(lines: Iterable[Line], maximum: int, max_bytes: int = MAX_BATCH_BYTES) -> Iterator[Batch]:
    """Batches of at most `maximum` trades and `max_bytes` bytes; a single trade that is larger goes alone."""
    waiting: list[Line] = []
    size = 0
    for line in lines:
        if waiting and (len(waiting) >= maximum or size + len(line.body) >= max_bytes):
            yield Batch(waiting)
            waiting, size = [], 0
        waiting.append(line)
        size += len(line.body) + 1
    if waiting:
        yield Batch(waiting)

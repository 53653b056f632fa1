"""A reader of the journal that ends with the app: a question that asks it for long must not hold up the end."""

from collections.abc import Callable

from telemetry_stream.errors import StreamClosed
from telemetry_stream.events import Batch, Labelled, Provenance
from telemetry_stream.log import PAGE_BYTES, StreamReader


class EndingReader:
    """Passes each call on, until `is_over`: then it raises StreamClosed. For one thread."""

    def __init__(self, reader: StreamReader, is_over: Callable[[], bool]) -> None:
        self._reader = reader
        self._is_over = is_over

    @property
    def stream(self) -> str:
        """The stream's id."""
        return self._reader.stream

    def head(self) -> int:
        """The head; this call and those below are those of StreamReader."""
        return self._open().head()

    def last_committed_at_ns(self) -> int:
        return self._open().last_committed_at_ns()

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        return self._open().read(after, limit, page_bytes)

    def oldest(self) -> int:
        return self._open().oldest()

    def hash_at(self, sequence: int) -> str | None:
        return self._open().hash_at(sequence)

    def at(self, time_ns: int) -> int:
        return self._open().at(time_ns)

    def provenance(self, sequence: int) -> Provenance | None:
        return self._open().provenance(sequence)

    def labelled(
        self,
        *,
        kind: str | None = None,
        id: str | None = None,  # noqa: A002 -- the name of the label's member
        target: int | None = None,
        after: int = 0,
        limit: int,
    ) -> list[Labelled]:
        return self._open().labelled(kind=kind, id=id, target=target, after=after, limit=limit)

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> StreamReader:
        if self._is_over():
            raise StreamClosed("the app is shutting down")
        return self._reader
